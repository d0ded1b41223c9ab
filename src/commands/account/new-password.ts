// The password that `account add` and `account password` set: read from standard input, or made up.

import { randomInt } from 'node:crypto';
import { type Invocation, Refused, type Terminal } from '../command.ts';

/** The contract of --password-stdin; NIST SP 800-63B 3.1.1.2 asks for no less where a second factor may be absent. */
const LEAST_CHARACTERS = 8;

/** The longest line that is read as a password. */
const MOST_BYTES = 1024;

/** No letters or digits that are taken for one another. */
const ALPHABET = 'abcdefghjkmnpqrstuvwxyz23456789';

/** A password, and whether we made it up and must show it. */
export interface NewPassword {
  readonly password: string;
  readonly generated: boolean;
}

/** Reads the password of `--password-stdin`, or makes one up. */
export async function newPassword(invocation: Invocation, terminal: Terminal): Promise<NewPassword> {
  if (!invocation.flags.has('password-stdin')) return { password: generatePassword(), generated: true };
  const password = await readLine(terminal.input);
  if ([...password].length < LEAST_CHARACTERS) {
    throw new Refused(`the password must have ${LEAST_CHARACTERS} characters or more`);
  }
  if (/\p{Cc}/u.test(password)) throw new Refused('the password must not have control characters');
  return { password, generated: false };
}

/** 20 characters of 31: 99 bits. In groups, to be typed. */
export function generatePassword(): string {
  const group = () => Array.from({ length: 5 }, () => ALPHABET[randomInt(ALPHABET.length)]).join('');
  return Array.from({ length: 4 }, group).join('-');
}

/** The first line without its end (LF or CRLF); the end may be that of the input. */
async function readLine(input: AsyncIterable<Uint8Array>): Promise<string> {
  let line = Buffer.alloc(0);
  for await (const chunk of input) {
    line = Buffer.concat([line, chunk]);
    if (line.includes(10)) break;
    if (line.length > MOST_BYTES) break;
  }
  const end = line.indexOf(10);
  const bytes = end === -1 ? line : line.subarray(0, end);
  if (bytes.length > MOST_BYTES) throw new Refused(`the password must have ${MOST_BYTES} bytes or fewer`);
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes).replace(/\r$/, '');
  } catch {
    throw new Refused('the password must be UTF-8');
  }
}
