// posthuis queue retry [ID] [--domain DOMAIN] [--sender ADDRESS] [--account ADDRESS]

import { changing } from './selection.ts';

export const command = changing('will be tried now', ({ queue }, filter) => queue.change('retry', filter));
