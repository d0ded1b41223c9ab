// The store's half of an export: everything in an account's mailboxes as pieces.

import { StoreError } from '#storage/errors.ts';
import type { Listed, MailAccount, Mailbox } from '#storage/ports.ts';
import { Refused } from '../commands/command.ts';
import { PIECE_BYTES, type Wire } from '../control/wire.ts';
import { shapeOf } from './mbox-writer.ts';
import type { MessagePiece, Shape, TransferPiece } from './pieces.ts';

/** Messages between two lines of progress. */
const PROGRESS = 1000;

/** What an export tells of a message beside its bytes. */
const COLUMNS = ['message', 'flags', 'keywords', 'received', 'receivedOffset'] as const;
type Row = Listed<(typeof COLUMNS)[number]>;

export type ExportReport = { readonly folders: number; readonly messages: number };

export interface Collection {
  readonly mail: MailAccount;
  /** Only this folder and those below it; null for all. */
  readonly only: string | null;
  /** Find out what an mbox can't show of a message's line ends. */
  readonly shapes: boolean;
}

/** Sends all folders and messages. */
export async function collectAll({ mail, only, shapes }: Collection, wire: Wire): Promise<ExportReport> {
  const inbox = only?.toUpperCase() === 'INBOX';
  const wanted = (await mail.mailboxes()).filter(
    ({ path }) => only === null || path === only || path.startsWith(`${only}/`) || (inbox && path === 'INBOX'),
  );
  if (wanted.length === 0) throw new Refused(`there is no folder ${only}`);
  let messages = 0;
  for (const mailbox of wanted) {
    await send(wire, { kind: 'folder', path: mailbox.path.split('/'), special: mailbox.special });
    messages = await sendMailbox(mail, mailbox, shapes, wire, messages);
  }
  return { folders: wanted.length, messages };
}

async function sendMailbox(
  mail: MailAccount,
  mailbox: Mailbox,
  shapes: boolean,
  wire: Wire,
  before: number,
): Promise<number> {
  let messages = before;
  for await (const rows of mail.listing(mailbox.id, [[1, 2 ** 32 - 1]], COLUMNS)) {
    const names = await mail.keywords();
    for (const row of rows) {
      wire.signal.throwIfAborted();
      if (!(await sendMessage(mail, mailbox, row, names, shapes, wire))) continue;
      messages++;
      if (messages % PROGRESS === 0) wire.progress(`${messages} messages`);
    }
  }
  return messages;
}

/** Sends one message; false if it was removed in the meantime. */
async function sendMessage(
  mail: MailAccount,
  mailbox: Mailbox,
  row: Row,
  names: ReadonlyMap<number, string>,
  shapes: boolean,
  wire: Wire,
): Promise<boolean> {
  const where = `${mailbox.path}, UID ${row.uid}`;
  try {
    const content = await mail.content(row.message);
    const shape = shapes ? await shapeOf(content.read()) : undefined;
    await send(wire, headOf(where, row, names, shape));
    for await (const bytes of content.read()) {
      for (let at = 0; at < bytes.length; at += PIECE_BYTES) await send(wire, bytes.subarray(at, at + PIECE_BYTES));
    }
    await send(wire, { kind: 'end' });
    return true;
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    if (error.code === 'not-found') return false;
    throw new Refused(`${where} can't be read: ${error.message}`, { cause: error });
  }
}

function headOf(where: string, row: Row, names: ReadonlyMap<number, string>, shape: Shape | undefined): MessagePiece {
  const ids = row.keywords === '' ? [] : row.keywords.split(' ').map(Number);
  return {
    kind: 'message',
    where,
    flags: row.flags,
    keywords: ids.map((id) => names.get(id)).filter((name) => name !== undefined),
    received: { seconds: row.received, offsetMinutes: row.receivedOffset },
    fileDate: null,
    ...(shape && { shape }),
  };
}

function send(wire: Wire, piece: TransferPiece): Promise<void> {
  return wire.send(piece);
}
