// What submission repairs in a header block (RFC 6409 8): Bcc goes (F1), Date, Message-ID and From are added where they
// are missing (F222), lines that are too long are folded at their blanks. Text here has one character per byte.

import { formatDate } from '#storage/message/date.ts';
import { fields, fieldValue, fromLatin1, latin1 } from '#storage/message/headers.ts';
import { type Charset, encodeField } from './eight-bit.ts';
import { HEADER_LINE_OCTETS } from './limits.ts';

export interface Repairs {
  /** For a message without From. */
  readonly from: string;
  /** For a message without Message-ID, with its angle brackets. */
  readonly messageId: string;
  /** For a message without Date, in unix seconds. */
  readonly now: number;
  /** The header may have UTF-8 in it (SMTPUTF8). */
  readonly utf8: boolean;
  /** What the body is, if nobody says so and it is not ASCII. */
  readonly charset: Charset | null;
  /** For the sender's own copy. */
  readonly keepBcc?: true;
}

/** The repaired block, or null when there is nothing to repair. */
export function repairHeader(header: Uint8Array, repairs: Repairs): Uint8Array | null {
  const block = latin1(header);
  const found = fields(block);
  const present = new Set(found.filter((field) => fieldValue(block, field) !== '').map(({ name }) => name));
  const added: string[] = [];
  if (!present.has('date')) added.push(`Date: ${formatDate({ seconds: repairs.now, offsetMinutes: 0 })}\r\n`);
  if (!present.has('from')) added.push(`From: <${utf8AsLatin1(repairs.from)}>\r\n`);
  if (!present.has('message-id')) added.push(`Message-ID: ${repairs.messageId}\r\n`);
  if (repairs.charset !== null) {
    if (!present.has('mime-version')) added.push('MIME-Version: 1.0\r\n');
    if (!present.has('content-type')) added.push(`Content-Type: text/plain; charset=${repairs.charset}\r\n`);
    added.push('Content-Transfer-Encoding: 8bit\r\n'); // RFC 2045 6.1
  }
  const replaced = new Set(['date', 'from', 'message-id'].filter((name) => !present.has(name)));
  let changed = added.length > 0;
  const kept: string[] = [];
  for (const field of found) {
    const text = block.slice(field.start, field.end);
    const hidden = field.name === 'bcc' || field.name === 'resent-bcc';
    const dropped = (hidden && repairs.keepBcc !== true) || replaced.has(field.name);
    const folded = dropped ? '' : fold(repairs.utf8 ? text : encodeField(field.name, text));
    changed ||= folded !== text;
    kept.push(folded);
  }
  if (!changed) return null;
  const end = found.at(-1)?.end ?? 0;
  const rest = block.slice(end); // the empty line
  // A message that began with its body, or that is empty, gets the line that ends a header.
  return fromLatin1([...added, ...kept, rest === '' ? '\r\n' : rest].join(''));
}

/** Folds the lines of a field that are too long at the last blank that fits; one without blanks stays as it is. */
function fold(field: string): string {
  if (field.length <= HEADER_LINE_OCTETS) return field;
  return field
    .split('\r\n')
    .map((line) => foldLine(line))
    .join('\r\n');
}

function foldLine(line: string): string {
  const pieces: string[] = [];
  let start = 0;
  while (line.length - start > HEADER_LINE_OCTETS) {
    // not at the blank after the colon, nor at the one that already folds the line
    const first = start === 0 ? Math.max(line.indexOf(':') + 2, 1) : start + 1;
    let blank = line.lastIndexOf(' ', start + HEADER_LINE_OCTETS);
    if (blank < first) blank = line.indexOf(' ', Math.max(first, start + HEADER_LINE_OCTETS));
    if (blank < 0) break;
    pieces.push(line.slice(start, blank));
    start = blank;
  }
  pieces.push(line.slice(start));
  return pieces.join('\r\n');
}

function utf8AsLatin1(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}

/** A body that has to say what it is: one without Content-Transfer-Encoding that is not made of parts. */
export function needsCharset(header: Uint8Array): boolean {
  const block = latin1(header);
  const found = fields(block);
  const type = found.find(({ name }) => name === 'content-type');
  if (type !== undefined && !/^\s*text\//i.test(fieldValue(block, type))) return false;
  return !found.some(({ name }) => name === 'content-transfer-encoding');
}
