// Modified UTF-7 for mailbox names (RFC 3501 5.1.3), exact both ways: one name has one spelling.

const PLAIN = /^[\x20-\x25\x27-\x7e]*$/;

/** A name as the wire has it. */
export function encodeMailbox(name: string): string {
  if (PLAIN.test(name)) return name;
  let result = '';
  let start = 0;
  for (let at = 0; at <= name.length; at++) {
    const code = at < name.length ? name.charCodeAt(at) : 0x20;
    if (code < 0x20 || code > 0x7e) continue;
    if (at > start) result += shifted(name.slice(start, at));
    if (at < name.length) result += code === 0x26 ? '&-' : name.charAt(at);
    start = at + 1;
  }
  return result;
}

/** UTF-16 in modified base64: no padding, ',' for '/'. */
function shifted(text: string): string {
  const bytes = Buffer.from(text, 'utf16le').swap16();
  return `&${bytes.toString('base64').replace(/=+$/, '').replaceAll('/', ',')}-`;
}

/**
 * The name that a wire form means, or null if it is not modified UTF-7: 8-bit characters or controls, a shift that is
 * not closed, base64 of what could be plain, bits left over, half a surrogate pair, two shifts in a row.
 */
export function decodeMailbox(wire: string): string | null {
  if (PLAIN.test(wire)) return wire;
  if (!/^[\x20-\x7e]*$/.test(wire)) return null;
  let result = '';
  let at = 0;
  while (at < wire.length) {
    const shift = wire.indexOf('&', at);
    if (shift === -1) return result + wire.slice(at);
    result += wire.slice(at, shift);
    const end = wire.indexOf('-', shift);
    if (end === -1) return null;
    const decoded = end === shift + 1 ? '&' : unshifted(wire.slice(shift + 1, end));
    // A shift straight after a shift has a shorter spelling ("null shift", RFC 3501 5.1.3).
    if (decoded === null || (decoded !== '&' && wire.startsWith('&', end + 1) && wire[end + 2] !== '-')) return null;
    result += decoded;
    at = end + 1;
  }
  return result;
}

function unshifted(base64: string): string | null {
  if (!/^[A-Za-z0-9+,]+$/.test(base64)) return null;
  const bytes = Buffer.from(base64.replaceAll(',', '/'), 'base64');
  if (bytes.length % 2 !== 0) return null;
  const text = bytes.swap16().toString('utf16le');
  // No character that stands for itself, and exactly the spelling that we would write.
  if (/[\x20-\x7e]/.test(text) || !text.isWellFormed() || shifted(text) !== `&${base64}-`) return null;
  return text;
}
