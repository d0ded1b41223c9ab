// posthuis sessions ADDRESS [--json]

import type { SessionRecord } from '#protocols/ports.ts';
import { explain } from '../observe/explain.ts';
import { Refused, type StoreCommand, takeWords } from './command.ts';

export const command: StoreCommand<{ readonly address: string }, readonly SessionRecord[]> = {
  kind: 'store',
  prepare(invocation, terminal) {
    const { ADDRESS: address } = takeWords(invocation, 'ADDRESS');
    return {
      args: { address },
      show(records) {
        if (invocation.flags.has('json')) terminal.out(JSON.stringify(records, null, 2));
        else if (records.length === 0) terminal.out(`no session of ${address} since the server started`);
        else for (const line of records.flatMap(linesOf)) terminal.out(line);
        return undefined;
      },
    };
  },
  async run({ sessions }, { address }) {
    if (sessions === undefined) throw new Refused('no server runs, so there are no sessions');
    return (await sessions(address)).toSorted((a, b) => a.started - b.started);
  },
};

function linesOf(record: SessionRecord): string[] {
  const { started, seconds, listener, address, login, tls, lines } = record;
  const who = login === null ? address : `${address} as ${login}`;
  return [
    `${new Date(started).toISOString()} ${listener} ${who}, ${tls ?? 'not encrypted'}, ${seconds.toFixed(1)} s`,
    ...lines.map((line) => `  ${line}`),
    ...explain(lines).map((hint) => `  => ${hint}`),
    '',
  ];
}
