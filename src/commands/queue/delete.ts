// posthuis queue delete [ID] [--domain DOMAIN] [--sender ADDRESS] [--account ADDRESS]

import { changing } from './selection.ts';

export const command = changing('removed', ({ queue }, filter) => queue.remove(filter));
