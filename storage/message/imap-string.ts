// Strings as they stand in ENVELOPE and BODYSTRUCTURE: quoted (RFC 9051 4.3, 9), in ASCII, or with the UTF-8 that stands in
// the header for clients that asked for it (RFC 9755 3). A literal is never needed: CR, LF and NUL, which a quoted string
// can't hold, become spaces.

import { isUtf8 } from 'node:buffer';
import { toAscii } from './words.ts';

const PLAIN = /^[\x20\x21\x23-\x5b\x5d-\x7e]*$/;

/**
 * A quoted string of raw header text (one character per byte). 8-bit words become encoded words; with `utf8` those that
 * are UTF-8 stay as they are.
 */
export function quoted(raw: string, fallback: string, utf8 = false): string {
  if (PLAIN.test(raw)) return `"${raw}"`;
  const text = utf8 && isRawUtf8(raw) ? raw : toAscii(raw, fallback);
  return `"${text.replace(/[\r\n\0]/g, ' ').replace(/["\\]/g, '\\$&')}"`;
}

/** NIL for what is not there. */
export function nstring(raw: string | undefined, fallback: string, utf8 = false): string {
  return raw === undefined ? 'NIL' : quoted(raw, fallback, utf8);
}

/** Are these bytes (one character each) UTF-8? */
export function isRawUtf8(raw: string): boolean {
  return isUtf8(Buffer.from(raw, 'latin1'));
}
