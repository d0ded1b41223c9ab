// Passwords: argon2id in PHC strings, compared in constant time, few at once in the whole process, and cheap for a client
// that logs in again and again.

import { argon2, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import type { Credential } from '#storage/ports.ts';
import { ARGON2, ARGON2_MAX, CACHE_ENTRIES, CACHE_MS } from './limits.ts';
import { type AuthShared, monotonic } from './shared.ts';
import { Slots } from './slots.ts';

const compute = promisify(argon2);

/** `skipped`: `proceed` said no when the turn came. `unavailable`: too many wait, or the stored hash can't be read. */
export type Verdict = 'right' | 'wrong' | 'skipped' | 'unavailable';

interface Parsed {
  readonly memory: number;
  readonly passes: number;
  readonly parallelism: number;
  readonly salt: Buffer;
  readonly tag: Buffer;
}

/** The PHC string of a new password. */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(ARGON2.saltBytes);
  const tag = await derive(password, { ...ARGON2, salt, tag: Buffer.alloc(ARGON2.tagBytes) });
  return format(salt, tag);
}

export class Passwords {
  readonly #slots: Slots;
  readonly #cacheKey = randomBytes(32);
  readonly #cache = new Map<string, { readonly version: number; readonly mac: Buffer; readonly until: number }>();
  /** What an unknown user's password is compared with, so that it takes as long as a known one's. */
  readonly #nobody = format(randomBytes(ARGON2.saltBytes), randomBytes(ARGON2.tagBytes));

  constructor(shared: AuthShared) {
    this.#slots = new Slots(shared);
  }

  /** Is this the password? `credential` is undefined for an unknown user, which takes the same time and is `wrong`. */
  async verify(credential: Credential | undefined, password: string, proceed: () => boolean): Promise<Verdict> {
    if (credential !== undefined && this.#remembered(credential, password)) return 'right';
    const stored = parse(credential?.hash ?? this.#nobody);
    if (stored === null) return 'unavailable';
    const verdict = await this.#slots.run(async (): Promise<Verdict> => {
      // Fifty connections of one program at once: who waited behind the first needs no check of its own.
      if (credential !== undefined && this.#remembered(credential, password)) return 'right';
      if (!proceed()) return 'skipped';
      const tag = await derive(password, stored);
      return timingSafeEqual(tag, stored.tag) && credential !== undefined ? 'right' : 'wrong';
    });
    if (verdict === 'right' && credential !== undefined) this.#remember(credential, password);
    return verdict ?? 'unavailable';
  }

  #remembered(credential: Credential, password: string): boolean {
    const entry = this.#cache.get(credential.account.id);
    if (entry === undefined || entry.version !== credential.version || entry.until < monotonic()) return false;
    return timingSafeEqual(entry.mac, this.#mac(credential, password));
  }

  #remember(credential: Credential, password: string): void {
    const { id } = credential.account;
    this.#cache.delete(id); // to the end of the order: the first is the oldest
    this.#cache.set(id, {
      version: credential.version,
      mac: this.#mac(credential, password),
      until: monotonic() + CACHE_MS,
    });
    if (this.#cache.size <= CACHE_ENTRIES) return;
    const oldest = this.#cache.keys().next();
    if (!oldest.done) this.#cache.delete(oldest.value);
  }

  #mac(credential: Credential, password: string): Buffer {
    const name = `${credential.account.id}\0${credential.version}\0`;
    return createHmac('sha256', this.#cacheKey).update(name).update(password.normalize('NFC')).digest();
  }
}

/** RFC 8265 4.2: a password typed on another system may come in another normal form. */
function derive(password: string, stored: Parsed): Promise<Buffer> {
  return compute('argon2id', {
    message: password.normalize('NFC'),
    nonce: stored.salt,
    parallelism: stored.parallelism,
    tagLength: stored.tag.length,
    memory: stored.memory,
    passes: stored.passes,
  });
}

function format(salt: Buffer, tag: Buffer): string {
  const base64 = (bytes: Buffer) => bytes.toString('base64').replace(/=+$/, '');
  const { memory, passes, parallelism } = ARGON2;
  return `$argon2id$v=19$m=${memory},t=${passes},p=${parallelism}$${base64(salt)}$${base64(tag)}`;
}

/** A PHC string of argon2id, or null if it is anything else or asks for too much. */
function parse(phc: string): Parsed | null {
  const match =
    /^\$argon2id\$v=19\$m=(\d{1,7}),t=(\d{1,3}),p=(\d{1,2})\$([A-Za-z0-9+/]{11,86})\$([A-Za-z0-9+/]{16,86})$/.exec(phc);
  if (match === null) return null;
  const [, memory, passes, parallelism, salt = '', tag = ''] = match;
  const parsed = {
    memory: Number(memory),
    passes: Number(passes),
    parallelism: Number(parallelism),
    salt: Buffer.from(salt, 'base64'),
    tag: Buffer.from(tag, 'base64'),
  };
  const small = parsed.passes < 1 || parsed.parallelism < 1 || parsed.memory < 8 * parsed.parallelism;
  const large =
    parsed.memory > ARGON2_MAX.memory ||
    parsed.passes > ARGON2_MAX.passes ||
    parsed.parallelism > ARGON2_MAX.parallelism;
  return small || large ? null : parsed;
}
