// SQLITE_BUSY, met without holding the event loop: only a recovery or the end of a checkpoint is ever in the way.

import { setTimeout as sleep } from 'node:timers/promises';
import { isBusy } from './failure.ts';

/** How long SQLITE_BUSY is retried, ms. */
const BUSY_BOUND = 5_000;
/** Longest pause between two tries, ms. */
const BUSY_PAUSE = 50;

/** Runs synchronous work against SQLite; a refusal as busy is tried again, asynchronously, within a bound. */
export function patiently<T>(work: () => T): T | Promise<T> {
  try {
    return work();
  } catch (error) {
    if (!isBusy(error)) throw error;
    return retry(work);
  }
}

async function retry<T>(work: () => T): Promise<T> {
  const end = performance.now() + BUSY_BOUND;
  for (let pause = 1; ; pause = Math.min(pause * 2, BUSY_PAUSE)) {
    await sleep(pause);
    try {
      return work();
    } catch (error) {
      if (!isBusy(error) || performance.now() > end) throw error;
    }
  }
}
