// SCRAM keys (RFC 5802 3, RFC 7677): what of a password SCRAM-SHA-256 needs, made when it is set or first seen. Who has
// them can log in, so they are sealed where they are kept.

import { createHash, createHmac, pbkdf2, randomBytes } from 'node:crypto';
import { promisify } from 'node:util';
import type { ScramKeys } from '#storage/ports.ts';
import { SCRAM } from './limits.ts';
import { hashPassword } from './passwords.ts';

const derive = promisify(pbkdf2);

/** What is kept of a password. */
export type NewCredential = { readonly passwordHash: string; readonly scram: ScramKeys };

/** What is kept of a new password. */
export async function newCredential(password: string): Promise<NewCredential> {
  const [passwordHash, scram] = await Promise.all([hashPassword(password), scramKeys(password)]);
  return { passwordHash, scram };
}

/** The keys of a new password. */
export async function scramKeys(password: string): Promise<ScramKeys> {
  const salt = randomBytes(SCRAM.saltBytes);
  const salted = await derive(prepared(password), salt, SCRAM.iterations, SCRAM.keyBytes, 'sha256');
  const clientKey = createHmac('sha256', salted).update('Client Key').digest();
  return {
    salt: salt.toString('base64'),
    iterations: SCRAM.iterations,
    storedKey: createHash('sha256').update(clientKey).digest('base64'),
    serverKey: createHmac('sha256', salted).update('Server Key').digest('base64'),
  };
}

/** Keys for somebody who has none: always the same salt for a name, and no password leads to them. */
export function nobodysKeys(secret: Uint8Array, name: string): ScramKeys {
  const made = (what: string) => createHmac('sha256', secret).update(`${what}\0${name}`).digest();
  return {
    salt: made('salt').subarray(0, SCRAM.saltBytes).toString('base64'),
    iterations: SCRAM.iterations,
    storedKey: made('stored').toString('base64'),
    serverKey: made('server').toString('base64'),
  };
}

const SPACES = /[\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]/g;
const NOTHING = /\u00ad|\u034f|\u1806|[\u180b-\u180d]|[\u200b-\u200d]|\u2060|[\ufe00-\ufe0f]|\ufeff/g;

/** SASLprep (RFC 4013 2.1, 2.2), which is what clients apply to the password. */
function prepared(password: string): string {
  return password.replace(SPACES, ' ').replace(NOTHING, '').normalize('NFKC');
}
