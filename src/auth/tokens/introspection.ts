// Tokens that only their issuer can read: it is asked what they say (RFC 7662), and its answer kept for a moment.

import { createHash } from 'node:crypto';
import { INTROSPECTION_KEPT_MS, INTROSPECTIONS, INTROSPECTIONS_KEPT } from '../limits.ts';
import { addressOf, type Expected, isObject } from './jwt.ts';

/** Asks the issuer about a token: the body of its answer. */
export type Ask = (token: string) => Promise<string>;

export class Introspection {
  readonly #ask: Ask;
  readonly #expected: Expected;
  /** By the token's hash; the oldest first. */
  readonly #known = new Map<string, { readonly address: string; readonly until: number }>();
  #asking = 0;

  constructor(ask: Ask, expected: Expected) {
    this.#ask = ask;
    this.#expected = expected;
  }

  /** The address that a token speaks for, or null. `now` in unix seconds. Rejects while the issuer can't be asked. */
  async address(token: string, now: number): Promise<string | null> {
    const hash = createHash('sha256').update(token).digest('base64');
    const known = this.#known.get(hash);
    if (known !== undefined && now < known.until) return known.address;
    if (this.#asking >= INTROSPECTIONS) throw new Error('too many tokens at once');
    this.#asking++;
    try {
      const claims: unknown = JSON.parse(await this.#ask(token));
      if (!isObject(claims)) throw new Error('the issuer’s answer is no object');
      const address = this.#addressOf(claims, now);
      if (address !== null) this.#keep(hash, address, now, claims.exp);
      return address;
    } finally {
      this.#asking--;
    }
  }

  /** RFC 7662 2.2: what the answer does not say, it leaves to `active`. */
  #addressOf(claims: Record<string, unknown>, now: number): string | null {
    if (claims.active !== true) return null;
    const { issuer, audience } = this.#expected;
    const said = { iss: issuer, aud: audience, exp: Number.MAX_SAFE_INTEGER, ...claims };
    return addressOf(said, this.#expected, now);
  }

  #keep(hash: string, address: string, now: number, expires: unknown): void {
    const until = Math.min(
      now + INTROSPECTION_KEPT_MS / 1000,
      typeof expires === 'number' ? expires : Number.MAX_VALUE,
    );
    this.#known.delete(hash);
    this.#known.set(hash, { address, until });
    const [oldest] = this.#known.keys();
    if (this.#known.size > INTROSPECTIONS_KEPT && oldest !== undefined) this.#known.delete(oldest);
  }
}
