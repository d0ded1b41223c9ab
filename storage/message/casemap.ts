// i;unicode-casemap (RFC 5051): texts that differ only in case become equal, and have an order.

const ASCII = /^[\0-\x7f]*$/;

export function isAscii(text: string): boolean {
  return ASCII.test(text);
}

/**
 * Characters whose upper case is not the simple titlecase of UnicodeData.txt, which RFC 5051 asks for: those that upper
 * case makes several of, the digraphs that have a title case of their own, and Georgian, which has none.
 */
const SPECIAL =
  /[\xdf\u0149\u01c4-\u01cc\u01f0-\u01f3\u0390\u03b0\u0587\u10d0-\u10fa\u10fd-\u10ff\u1e96-\u1e9a\u1f50\u1f52\u1f54\u1f56\u1f80-\u1faf\u1fb2-\u1fb4\u1fb6\u1fb7\u1fbc\u1fc2-\u1fc4\u1fc6\u1fc7\u1fcc\u1fd2\u1fd3\u1fd6\u1fd7\u1fe2-\u1fe4\u1fe6\u1fe7\u1ff2-\u1ff4\u1ff6\u1ff7\u1ffc\ufb00-\ufb06\ufb13-\ufb17]/;
const SPECIALS = new RegExp(SPECIAL, 'g');
const RUNS = new RegExp(`[^${SPECIAL.source.slice(1, -1)}]+`, 'g');

/** RFC 5051 2, steps 2a and 2b: simple titlecase, then decomposed as far as it goes. */
export function casemap(text: string): string {
  if (isAscii(text)) return text.toUpperCase();
  const titled = SPECIAL.test(text)
    ? text.replace(RUNS, (run) => run.toUpperCase()).replace(SPECIALS, titlecase)
    : text.toUpperCase();
  return titled.normalize('NFKD');
}

/** The simple titlecase of one of the special characters; without one it stays. */
function titlecase(character: string): string {
  const code = character.charCodeAt(0);
  if (code >= 0x01c4 && code <= 0x01cc) return String.fromCharCode(code - ((code - 0x01c4) % 3) + 1);
  if (code >= 0x01f1 && code <= 0x01f3) return '\u01f2';
  // Greek with an iota below: the second eight of sixteen are the titlecase of the first.
  if (code >= 0x1f80 && code <= 0x1faf) return String.fromCharCode(code | 8);
  if (code === 0x1fb3 || code === 0x1fc3 || code === 0x1ff3) return String.fromCharCode(code + 9);
  return character;
}

/** A key by which texts are in the order of the collation: compared as JavaScript compares strings. */
export function collationKey(text: string): string {
  const mapped = casemap(text);
  // i;octet over UTF-8; UTF-16 has another order beyond the first plane.
  return isAscii(mapped) ? mapped : Buffer.from(mapped, 'utf8').toString('latin1');
}
