// posthuis queue hold [ID] [--domain DOMAIN] [--sender ADDRESS] [--account ADDRESS]

import { changing } from './selection.ts';

export const command = changing('held', ({ queue }, filter) => queue.change('hold', filter));
