// posthuis version

import { version } from '../version.ts';
import { type LoneCommand, takeWords } from './command.ts';

export const command: LoneCommand = {
  kind: 'alone',
  async main(invocation, terminal) {
    takeWords(invocation);
    terminal.out(`posthuis ${version()}`);
    return 0;
  },
};
