// Strings as they stand in ENVELOPE and BODYSTRUCTURE: quoted, ASCII only (RFC 9051 4.3, 9). A literal is never needed:
// CR, LF and NUL, which a quoted string can't hold, become spaces.

import { toAscii } from './words.ts';

const PLAIN = /^[\x20\x21\x23-\x5b\x5d-\x7e]*$/;

/** A quoted string of raw header text (one character per byte); 8-bit words become encoded words. */
export function quoted(raw: string, fallback: string): string {
  if (PLAIN.test(raw)) return `"${raw}"`;
  const ascii = toAscii(raw, fallback);
  return `"${ascii.replace(/[\r\n\0]/g, ' ').replace(/["\\]/g, '\\$&')}"`;
}

/** NIL for what is not there. */
export function nstring(raw: string | undefined, fallback: string): string {
  return raw === undefined ? 'NIL' : quoted(raw, fallback);
}
