// The password that `account add` and `account password` set: read from standard input, or made up.

import { randomInt } from 'node:crypto';
import { type Invocation, Refused, type Terminal } from '../command.ts';
import { readSecretLine } from '../secret-line.ts';

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
  const password = await readSecretLine(terminal.input, 'password', MOST_BYTES);
  if ([...password].length < LEAST_CHARACTERS) {
    throw new Refused(`the password must have ${LEAST_CHARACTERS} characters or more`);
  }
  return { password, generated: false };
}

/** 20 characters of 31: 99 bits. In groups, to be typed. */
export function generatePassword(): string {
  const group = () => Array.from({ length: 5 }, () => ALPHABET[randomInt(ALPHABET.length)]).join('');
  return Array.from({ length: 4 }, group).join('-');
}
