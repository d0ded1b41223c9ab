// Single instance: content that an account is given more than once is stored once. A client copies by FETCH and APPEND,
// a list and its sender both deliver, an import runs twice: each is a message of its own, and the later ones use the body
// of the first, its header too where that is the same. A Message-ID only says where to look; what is shared has been
// compared byte for byte, so that nobody gets another's content by naming his Message-ID.
//
// Content stays while anybody uses it, its own message gone or not. Nothing is ever moved: one look-up at append, a
// bounded few at a sweep, however many share.

import { type Op, one, run } from '../operation.ts';
import type { Incoming } from './incoming.ts';
import { SHARED_BYTES } from './limits.ts';
import type { Reference } from './threads.ts';

/** Where a message's header and body are, in a statement that has its row of `content` as c; null where they are not. */
export const HEADER = sourced('header', 'length(c.header) > 0');
export const BODY = sourced('body', 'c.source IS NULL');

function sourced(column: string, own: string): string {
  return `CASE WHEN ${own} THEN c.${column} ELSE
    (SELECT ${column} FROM content WHERE account = c.account AND message = c.source) END`;
}

/** What a new message need not store. */
interface Source {
  readonly message: number;
  readonly hasHeader: boolean;
}

const NOTHING = new Uint8Array(0);

// Packed bytes are compared: the same bytes are packed alike, and what was packed by another release is just not shared.
const EQUAL = `SELECT message, CASE WHEN header = $3 THEN 1 ELSE 0 END AS equal FROM content
  WHERE account = $1 AND message = $2 AND source IS NULL AND body = $4`;

function* sourceOf(account: string, entry: Incoming, known: number): Op<Source | undefined> {
  const row = yield* one<{ message: number; equal: number }>(EQUAL, [account, known, entry.header, entry.body]);
  return row === undefined ? undefined : { message: row.message, hasHeader: row.equal === 1 };
}

/** Is it worth it? Large bodies are shared by their blob's name, the hash of their bytes. */
function isSharable({ body, messageId }: Incoming): boolean {
  return messageId !== 0 && body !== null && body.length >= SHARED_BYTES;
}

/**
 * Writes the content of a new message. Returns true if others may use it from now on: `reference` has to name it as the
 * one to look at.
 */
export function* insertContent(
  account: string,
  message: number,
  entry: Incoming,
  known: Reference | undefined,
): Op<boolean> {
  const candidate = isSharable(entry) ? (known?.content ?? null) : null;
  const source = candidate === null ? undefined : yield* sourceOf(account, entry, candidate);
  const header = source?.hasHeader === true ? NOTHING : entry.header;
  const body = source === undefined ? entry.body : null;
  yield* run(`INSERT INTO content (message, account, prefix, header, body, source) VALUES ($1, $2, $3, $4, $5, $6)`, [
    ...[message, account, entry.prefix, header, body],
    source?.message ?? null,
  ]);
  if (source === undefined) return isSharable(entry);
  yield* run(`INSERT INTO content_use (account, source, message) VALUES ($1, $2, $3)`, [
    account,
    source.message,
    message,
  ]);
  return false;
}

/** Takes the content of a message that is deleted, unless others use it, and what nobody else used but this one. */
export function* deleteContent(account: string, message: number): Op<void> {
  if (yield* isUsed(account, message)) return;
  const row = yield* one<{ source: number | null }>(`SELECT source FROM content WHERE account = $1 AND message = $2`, [
    account,
    message,
  ]);
  yield* run(`DELETE FROM content WHERE account = $1 AND message = $2`, [account, message]);
  const source = row?.source ?? null;
  if (source === null) return;
  yield* run(`DELETE FROM content_use WHERE account = $1 AND source = $2 AND message = $3`, [account, source, message]);
  const owner = yield* one(`SELECT id FROM message WHERE account = $1 AND id = $2`, [account, source]);
  if (owner !== undefined || (yield* isUsed(account, source))) return;
  yield* run(`DELETE FROM content WHERE account = $1 AND message = $2`, [account, source]);
}

function* isUsed(account: string, source: number): Op<boolean> {
  const row = yield* one(`SELECT message FROM content_use WHERE account = $1 AND source = $2 LIMIT 1`, [
    account,
    source,
  ]);
  return row !== undefined;
}
