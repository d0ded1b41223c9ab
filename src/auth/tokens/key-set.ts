// The keys that an issuer publishes (RFC 7517 5), kept for a while: fetched anew when they are old, and when a token names
// one that is not among them, but not oftener than the issuer can bear.

import { KEY_SET_CHARACTERS, KEYS, KEYS_AGAIN_MS, KEYS_KEPT_MS, KEYS_STALE_MS } from '../limits.ts';
import { type IssuerKey, isObject, issuerKey } from './jwt.ts';

export class KeySet {
  readonly #read: () => Promise<string>;
  readonly #now: () => number;
  #keys: readonly IssuerKey[] = [];
  /** When they were read, and when that was last tried; on the monotonic clock. */
  #readAt = Number.NEGATIVE_INFINITY;
  #tried = Number.NEGATIVE_INFINITY;
  #reading: Promise<void> | null = null;
  /** Why the last try failed. */
  #fault: unknown = null;

  /** `read`: gets the text of the set; what it rejects with is told to those who can't be answered. */
  constructor(read: () => Promise<string>, now: () => number = () => performance.now()) {
    this.#read = read;
    this.#now = now;
  }

  /** The keys that may have signed a token that names this one. Rejects while the issuer can't be asked. */
  async find(kid: string | undefined): Promise<readonly IssuerKey[]> {
    const now = this.#now();
    if (now - this.#readAt > KEYS_KEPT_MS) await this.#refresh();
    let found = this.#named(kid);
    if (found.length === 0) {
      await this.#refresh();
      found = this.#named(kid);
    }
    // A key that we have not got may be there: nobody can say that the token is wrong.
    if (found.length === 0 && this.#fault !== null) throw this.#fault;
    return found;
  }

  #named(kid: string | undefined): readonly IssuerKey[] {
    if (this.#now() - this.#readAt > KEYS_STALE_MS) return [];
    return kid === undefined ? this.#keys : this.#keys.filter((key) => key.kid === kid);
  }

  /** Reads them, unless that was tried a moment ago; several ask once. */
  async #refresh(): Promise<void> {
    if (this.#reading === null) {
      if (this.#now() - this.#tried < KEYS_AGAIN_MS) return;
      this.#tried = this.#now();
      this.#reading = this.#load().finally(() => {
        this.#reading = null;
      });
    }
    await this.#reading;
  }

  async #load(): Promise<void> {
    try {
      this.#keys = keysOf(await this.#read());
      this.#readAt = this.#now();
      this.#fault = null;
    } catch (error) {
      this.#fault = error;
    }
  }
}

/** The keys of a set that we use. Throws if it is none. */
function keysOf(text: string): IssuerKey[] {
  if (text.length > KEY_SET_CHARACTERS) throw new Error('the issuer’s key set is too long');
  const set: unknown = JSON.parse(text);
  if (!isObject(set) || !Array.isArray(set.keys)) throw new Error('the issuer’s key set has no keys');
  const keys = set.keys.slice(0, KEYS).flatMap((jwk) => issuerKey(jwk) ?? []);
  if (keys.length === 0) throw new Error('the issuer’s key set has no key for RS256, ES256 or EdDSA');
  return keys;
}
