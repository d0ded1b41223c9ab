// posthuis serve

import { type LoneCommand, takeWords } from './command.ts';
import { runServer } from './run-server.ts';
import { settings } from './settings.ts';

export const command: LoneCommand = {
  kind: 'alone',
  async main(invocation, terminal) {
    takeWords(invocation);
    const { config } = settings(invocation);
    return runServer(config, ({ addresses }) => {
      // One write: whoever reads `ready` has the listeners too.
      const lines = addresses.map(({ listener, host, port }) => `${listener} ${hostAndPort(host, port)}`);
      terminal.out(['ready', ...lines].join('\n'));
    });
  },
};

function hostAndPort(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
