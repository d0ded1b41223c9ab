// The memory that the password check of all server threads shares: the slots for argon2 and the tables of failures.
// Made once in the main thread, handed to every worker (it is structured-cloneable).

import { randomBytes } from 'node:crypto';
import { FAILURE_ROWS, MEMORY_ROWS } from './limits.ts';
import { ROW_WORDS } from './table.ts';

export interface AuthShared {
  /** Two words: argon2 computations that run, and that wait. */
  readonly slots: SharedArrayBuffer;
  /** The most that run at once: max(1, cores - 1). */
  readonly maximum: number;
  /** Rows of key and time; see table.ts. */
  readonly failures: SharedArrayBuffer;
  readonly guesses: SharedArrayBuffer;
  readonly known: SharedArrayBuffer;
  /** Keys the hashes of addresses, accounts and guesses, so that nobody can aim at a row. */
  readonly key: Uint8Array;
  /** The monotonic clock (process.hrtime, ms) that the tables count from. */
  readonly start: number;
}

/** The monotonic clock that all threads of a process agree on, in ms. */
export function monotonic(): number {
  return Number(process.hrtime.bigint() / 1_000_000n);
}

/** For the main thread: `cores` is os.availableParallelism(). */
export function createAuthShared(cores: number): AuthShared {
  return {
    slots: new SharedArrayBuffer(2 * 4),
    maximum: Math.max(1, cores - 1),
    failures: table(FAILURE_ROWS),
    guesses: table(MEMORY_ROWS),
    known: table(MEMORY_ROWS),
    key: randomBytes(32),
    start: monotonic(),
  };
}

function table(rows: number): SharedArrayBuffer {
  return new SharedArrayBuffer((1 + rows * ROW_WORDS) * 4);
}
