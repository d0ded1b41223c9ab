// Mailbox names: from the wire to the store's path and back.

import { isUtf8 } from 'node:buffer';
import type { ReplyWriter } from '#protocols/net/reply-writer.ts';
import { MAILBOX_BYTES } from '../limits.ts';
import { BadCommand, Refusal } from './errors.ts';
import { isAstring, type Scanner } from './scanner.ts';
import { decodeMailbox, encodeMailbox } from './utf7.ts';

/** Longer texts go as literals: some clients limit a line to 8,000 bytes. */
const LONG_STRING = 1_000;

/** The hierarchy separator. */
export const SEPARATOR = '/';

/** mailbox = "INBOX" / astring: the path. Refused with NO [CANNOT] if it is not modified UTF-7. */
export function mailboxName(scanner: Scanner): string {
  return mailboxPath(scanner.astring(), scanner.utf8);
}

/** mailbox, as `mailboxName`, and its name as the client writes it, which may be composed differently. */
export function mailboxAsWritten(scanner: Scanner): { readonly path: string; readonly written: string } {
  const wire = scanner.astring();
  return { path: mailboxPath(wire, scanner.utf8), written: inboxFirst(decodedName(wire, scanner.utf8) ?? '') };
}

/** The store's path for a name as it stood on the wire. */
export function mailboxPath(wire: string, utf8 = false): string {
  if (wire.length > MAILBOX_BYTES) throw new BadCommand('Mailbox name too long');
  const name = decodedName(wire, utf8);
  if (name === null) throw new Refusal('CANNOT', `Mailbox name is not valid ${utf8 ? 'UTF-8' : 'modified UTF-7'}`);
  return inboxFirst(name.normalize('NFC'));
}

/** A name as it stood on the wire (one character per byte): UTF-8 or modified UTF-7; null if it is not that. */
export function decodedName(wire: string, utf8: boolean): string | null {
  if (!utf8) return decodeMailbox(wire);
  const bytes = Buffer.from(wire, 'latin1');
  return isUtf8(bytes) ? bytes.toString('utf8') : null;
}

/** INBOX is the same in any case, also as the parent of others (RFC 9051 5.1). */
export function inboxFirst(path: string): string {
  if (!/^inbox(?:\/|$)/i.test(path)) return path;
  return `INBOX${path.slice(5)}`;
}

/** The paths of the levels above a path. */
export function superiors(path: string): string[] {
  const levels = path.split(SEPARATOR);
  return levels.slice(1).map((_, depth) => levels.slice(0, depth + 1).join(SEPARATOR));
}

/** A path as it stands in a reply, quoted: modified UTF-7, or the bytes of UTF-8 as characters. */
export function mailboxReply(path: string, utf8: boolean): string {
  return quoted(utf8 ? Buffer.from(path, 'utf8').toString('latin1') : encodeMailbox(path));
}

/** An ASCII text without CR, LF and NUL as a quoted string. */
export function quoted(text: string): string {
  return `"${text.replace(/["\\]/g, '\\$&')}"`;
}

/** A text of any characters as a string: quoted where that can hold it, else as a literal in UTF-8. */
export function writeString(out: ReplyWriter, text: string): void {
  if (text.length < LONG_STRING && /^[\x20-\x7e]*$/.test(text)) {
    out.text(quoted(text));
    return;
  }
  const bytes = Buffer.from(text, 'utf8');
  out.text(`{${bytes.length}}\r\n`).bytes(bytes);
}

/** As an astring: unquoted when that is allowed. */
export function astringReply(text: string): string {
  return isAstring(text) ? text : quoted(text);
}
