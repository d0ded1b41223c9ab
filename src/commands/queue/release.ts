// posthuis queue release [ID] [--domain DOMAIN] [--sender ADDRESS] [--account ADDRESS]

import { changing } from './selection.ts';

export const command = changing('released', ({ queue }, filter) => queue.change('release', filter));
