// posthuis import ADDRESS PATH [--folder NAME]
//
// The file is read at the terminal, with the rights of whoever runs the command, and put into the account beside the
// store.

import { resolve } from 'node:path';
import { PIECE_BYTES, type Wire } from '../control/wire.ts';
import { deliverAll, type ImportReport } from '../transfer/deliver.ts';
import type { TransferPiece } from '../transfer/pieces.ts';
import { readSource } from '../transfer/source.ts';
import { findAccount } from './account/find.ts';
import { type StoreCommand, takeWords } from './command.ts';

type Args = { readonly address: string; readonly into: readonly string[] };

export const command: StoreCommand<Args, ImportReport> = {
  kind: 'store',
  prepare(invocation, terminal) {
    const { ADDRESS: address, PATH: path } = takeWords(invocation, 'ADDRESS', 'PATH');
    const into = (invocation.values.get('folder') ?? '').split('/').filter((level) => level !== '');
    return {
      args: { address, into },
      attend: (wire) => sendSource(resolve(path), wire),
      show({ added, duplicates, skipped, withoutKeywords, problems }) {
        for (const { where, reason } of problems) terminal.note(`not imported: ${where}: ${reason}`);
        if (skipped > problems.length) terminal.note(`not imported: ${skipped - problems.length} more`);
        if (withoutKeywords > 0)
          terminal.note(`${withoutKeywords} are without their keywords, which can't be kept here`);
        terminal.out(`${added} imported, ${duplicates} there already, ${skipped} not imported`);
        return skipped === 0 ? 0 : 1;
      },
    };
  },
  async run({ store, config }, { address, into }, wire) {
    const { id } = await findAccount(store, address);
    const delivery = {
      store,
      mail: store.mail(id),
      maxBytes: config.limits.messageSize,
      into,
      progress: wire.progress,
    };
    // Both ends are this program in the same version: what arrives is what sendSource sends.
    return deliverAll(delivery, wire.received as AsyncIterable<TransferPiece>);
  },
};

async function sendSource(path: string, wire: Wire): Promise<void> {
  for await (const piece of readSource(path)) {
    if (!(piece instanceof Uint8Array)) await wire.send(piece);
    else for (let at = 0; at < piece.length; at += PIECE_BYTES) await wire.send(piece.subarray(at, at + PIECE_BYTES));
  }
  await wire.end();
}
