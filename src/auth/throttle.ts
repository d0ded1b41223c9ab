// Counts wrong passwords and says how long the next try has to wait. The count is shared by all server threads.
//
// Three counts: of an address against an account (the pair), of an address against all accounts, of everybody against
// an account. A right password pays only for what its own address did, and where the account has logged in from that
// address before, only for what was tried on that account. So a stranger can slow down nobody but himself; a guesser
// with many addresses gets one look from each and then waits for the whole account's count.

import { isIPv6 } from 'node:net';
import { LeakyCounter, rowKey, TICK_MS } from '../leaky-counter.ts';
import {
  ACCOUNT,
  ADDRESS,
  FIRST_DELAY_MS,
  FORGET_MS,
  FREE,
  GUESS_MS,
  KNOWN_MS,
  LONGEST_DELAY_MS,
  PAIR,
} from './limits.ts';
import { type AuthShared, monotonic } from './shared.ts';
import { type Key, SharedTable } from './table.ts';

/** One try: who, from where. */
export interface Attempt {
  readonly pair: Key;
  readonly account: Key;
  /** Null for a trusted peer, whose address is not counted. */
  readonly address: Key | null;
}

export class Throttle {
  readonly #failures: LeakyCounter;
  readonly #guesses: SharedTable;
  readonly #known: SharedTable;
  readonly #key: Uint8Array;
  readonly #now: () => number;

  /** `clock`: monotonic ms, the same in all threads. */
  constructor(shared: AuthShared, clock: () => number = monotonic) {
    this.#guesses = new SharedTable(shared.guesses);
    this.#known = new SharedTable(shared.known);
    this.#key = shared.key;
    this.#now = () => Math.floor((clock() - shared.start) / TICK_MS) + 1;
    this.#failures = new LeakyCounter(new SharedTable(shared.failures), FORGET_MS, this.#now);
  }

  /** `account`: the account's id, or the name as typed when there is none. */
  attempt(account: string, address: string, trusted: boolean): Attempt {
    const network = networkOf(address);
    return {
      pair: this.#hash('pair', account, network),
      account: this.#hash('account', account),
      address: trusted ? null : this.#hash('address', network),
    };
  }

  /** Milliseconds to wait before the password is looked at, or `throttled`: it is not looked at. */
  before(attempt: Attempt): number | 'throttled' {
    const pair = this.#failures.count(attempt.pair);
    const account = pair > 0 ? this.#failures.count(attempt.account) : 0;
    const known = this.#known.get(attempt.pair) > this.#now();
    const address = attempt.address === null || known ? 0 : this.#failures.count(attempt.address);
    if (pair >= PAIR.burst || address >= ADDRESS.burst || account >= ACCOUNT.burst) return 'throttled';
    return delay(Math.max(pair, address, account));
  }

  /** Counts a wrong password, unless this very one was counted before; returns how long to hold the answer back. */
  failed(attempt: Attempt, password: string): number {
    const now = this.#now();
    const guess = this.#hash('guess', attempt.pair.join(), password);
    let repeated = false;
    this.#guesses.update(guess, (until) => {
      repeated = until > now;
      return now + GUESS_MS / TICK_MS;
    });
    const first = this.#failures.count(attempt.pair) === 0;
    const before = this.#failures.count(attempt.account);
    if (!repeated) {
      this.#failures.add(attempt.pair, PAIR.cap);
      this.#failures.add(attempt.account, ACCOUNT.cap);
      if (attempt.address !== null) this.#failures.add(attempt.address, ADDRESS.cap);
    }
    return first ? delay(before) : 0; // who failed at this account before has waited already
  }

  /** Forgets what this address did to this account, and remembers that they belong together. */
  succeeded(attempt: Attempt): void {
    const now = this.#now();
    this.#failures.clear(attempt.pair);
    const until = now + KNOWN_MS / TICK_MS;
    this.#known.update(attempt.pair, () => until);
  }

  #hash(...parts: readonly string[]): Key {
    return rowKey(this.#key, parts);
  }
}

function delay(failures: number): number {
  if (failures <= FREE) return 0;
  return Math.min(FIRST_DELAY_MS * 2 ** (failures - FREE - 1), LONGEST_DELAY_MS);
}

/** An IPv4 address alone, an IPv6 address by its /64, since one customer has at least that. */
function networkOf(address: string): string {
  if (!isIPv6(address)) return address;
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address);
  if (mapped?.[1] !== undefined) return mapped[1];
  const [head = '', tail = ''] = address.replace(/%.*$/, '').split('::');
  const front = head === '' ? [] : head.split(':');
  const back = tail === '' ? [] : tail.split(':');
  const groups = address.includes('::')
    ? [...front, ...Array<string>(Math.max(0, 8 - front.length - back.length)).fill('0'), ...back]
    : front;
  return groups
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':');
}
