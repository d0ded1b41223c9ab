// posthuis export ADDRESS PATH [--format mbox|maildir|eml|zip] [--folder NAME]
//
// The file is written at the terminal, with the rights of whoever runs the command.

import { resolve } from 'node:path';
import type { Wire } from '../control/wire.ts';
import { collectAll, type ExportReport } from '../transfer/collect.ts';
import type { TransferPiece } from '../transfer/pieces.ts';
import { FORMATS, type Format, formatOf, openWriter, type Writer } from '../transfer/writer.ts';
import { findAccount } from './account/find.ts';
import { type Invocation, type StoreCommand, takeWords, UsageError } from './command.ts';

type Args = { readonly address: string; readonly only: string | null; readonly shapes: boolean };

export const command: StoreCommand<Args, ExportReport> = {
  kind: 'store',
  prepare(invocation, terminal) {
    const { ADDRESS: address, PATH: path } = takeWords(invocation, 'ADDRESS', 'PATH');
    const format = chosenFormat(invocation, path);
    return {
      args: { address, only: invocation.values.get('folder') ?? null, shapes: format === 'mbox' },
      async attend(wire) {
        for (const note of await receive(resolve(path), format, wire)) terminal.note(note);
      },
      show({ folders, messages }) {
        terminal.out(`${messages} messages of ${folders} folders exported to ${path} (${format})`);
        return undefined;
      },
    };
  },
  async run({ store }, { address, only, shapes }, wire) {
    const { id } = await findAccount(store, address);
    const report = await collectAll({ mail: store.mail(id), only, shapes }, wire);
    await wire.end();
    return report;
  },
};

function chosenFormat(invocation: Invocation, path: string): Format {
  const name = invocation.values.get('format');
  const format = name === undefined ? formatOf(path) : FORMATS.find((known) => known === name);
  if (format === undefined) throw new UsageError(`FORMAT: expected one of ${FORMATS.join(', ')}, got "${name}"`);
  return format;
}

/** Writes what arrives; nothing is made before the first piece, so that a refusal leaves nothing behind. */
async function receive(path: string, format: Format, wire: Wire): Promise<readonly string[]> {
  let writer: Writer | undefined;
  try {
    // Both ends are this program in the same version: what arrives is what collectAll sends.
    for await (const piece of wire.received as AsyncIterable<TransferPiece>) {
      writer ??= await openWriter(path, format);
      await write(writer, piece);
    }
    return (await writer?.finish()) ?? [];
  } catch (error) {
    await writer?.abandon();
    throw error;
  }
}

function write(writer: Writer, piece: TransferPiece): Promise<void> {
  if (piece instanceof Uint8Array) return writer.bytes(piece);
  switch (piece.kind) {
    case 'folder':
      return writer.folder(piece);
    case 'message':
      return writer.begin(piece);
    case 'end':
      return writer.end();
    case 'problem':
      return Promise.resolve();
  }
}
