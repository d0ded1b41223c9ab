// posthuis verify [--json]

import type { Finding } from '#storage/open.ts';
import { type StoreCommand, takeWords } from './command.ts';

/** Findings that are shown one by one; with more, restoring is the answer. */
const MOST = 10_000;

type Report = { readonly findings: readonly Finding[]; readonly more: boolean };

export const command: StoreCommand<null, Report> = {
  kind: 'store',
  prepare(invocation, terminal) {
    takeWords(invocation);
    return {
      args: null,
      show({ findings, more }) {
        if (invocation.flags.has('json')) terminal.out(JSON.stringify(findings, null, 2));
        else for (const finding of findings) terminal.out(lineOf(finding));
        if (more) terminal.note(`only the first ${MOST} findings are shown`);
        if (findings.length === 0 && !invocation.flags.has('json')) terminal.out('nothing found: all is well');
        return findings.length === 0 ? 0 : 1;
      },
    };
  },
  async run({ store }, _args, wire) {
    const findings: Finding[] = [];
    for await (const finding of store.verify()) {
      wire.signal.throwIfAborted();
      if (findings.length === MOST) return { findings, more: true };
      findings.push(finding);
    }
    return { findings, more: false };
  },
};

function lineOf({ database, address, code, detail }: Finding): string {
  return `${address === undefined ? database : `${address} (${database})`}: ${code}: ${detail}`;
}
