// The grammar of POP3 commands (RFC 1939 9, RFC 2449 5): a verb, and after one space what belongs to it.

const SPACE = 0x20;
/** RFC 1939 3: keywords have three or four letters. */
const VERB = /^[A-Za-z0-9]{3,4}$/;
const NUMBERS = /^ *\d{1,10}(?: +\d{1,10})* *$/;

export interface Line {
  /** In upper case; '' if what stands there can be no verb. */
  readonly verb: string;
  /** What follows the first space, byte for byte; null if there is none. */
  readonly argument: Buffer | null;
}

/** Splits a line; never fails. */
export function parseLine(line: Buffer): Line {
  const space = line.indexOf(SPACE);
  const end = space < 0 ? line.length : space;
  const verb = end > 4 ? '' : line.toString('latin1', 0, end);
  return {
    verb: VERB.test(verb) ? verb.toUpperCase() : '',
    argument: space < 0 ? null : line.subarray(space + 1),
  };
}

/** Exactly `count` decimal numbers, or null. Blanks around them are forgiven. */
export function parseNumbers(argument: Buffer | null, count: number): number[] | null {
  // Ten digits each and their blanks; a longer one is none.
  if (argument === null || argument.length > 64) return null;
  const text = argument.toString('latin1');
  if (!NUMBERS.test(text)) return null;
  const numbers = text.trim().split(/ +/).map(Number);
  return numbers.length === count ? numbers : null;
}

/** True if nothing but blanks follows the verb. */
export function isBare(argument: Buffer | null): boolean {
  return argument === null || argument.every((byte) => byte === SPACE);
}
