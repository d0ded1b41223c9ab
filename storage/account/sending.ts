// What an account has sent, for the limits on it: messages of today, and recipients that it never wrote to before (F23).

import { hash } from 'node:crypto';
import { type Op, one, run } from '../operation.ts';
import type { Sending } from '../ports.ts';
import { CORRESPONDENT_DAYS } from './limits.ts';

const DAY_MS = 86_400_000;

/** The day of a time, in UTC. */
export function dayOf(now: number): number {
  return Math.floor(now / DAY_MS);
}

/** An address as a number; 48 bits tell the correspondents of one account apart. */
export function correspondentHash(address: string): number {
  return Number.parseInt(hash('sha256', address.toLowerCase()).slice(0, 12), 16);
}
const HASHES = 2 ** 48;

/** Old correspondents are forgotten in so many parts, one a day. */
const PARTS = 64;

/** What was sent on this day, and how many of these recipients are strangers. */
export function* readSending(account: string, day: number, recipients: readonly number[]): Op<Sending> {
  const row = yield* today(account, day);
  let unknown = 0;
  for (const recipient of recipients) if (!(yield* isKnown(account, recipient))) unknown++;
  return { ...row, unknown };
}

/** Counts a message that was sent to these recipients. */
export function* noteSent(account: string, day: number, recipients: readonly number[]): Op<void> {
  const { messages, strangers } = yield* today(account, day);
  let fresh = 0;
  for (const recipient of recipients) {
    if (!(yield* isKnown(account, recipient))) fresh++;
    yield* run(
      `INSERT INTO correspondent (account, hash, last) VALUES ($1, $2, $3)
       ON CONFLICT (account, hash) DO UPDATE SET last = $3`,
      [account, recipient, day],
    );
  }
  if (messages === 0) yield* forget(account, day);
  yield* run(
    `INSERT INTO sending (account, day, messages, strangers) VALUES ($1, $2, $3, $4)
     ON CONFLICT (account, day) DO UPDATE SET messages = $3, strangers = $4`,
    [account, day, messages + 1, strangers + fresh],
  );
}

/** Today begins anew. */
export function* forgiveSent(account: string, day: number): Op<void> {
  yield* run(`DELETE FROM sending WHERE account = $1 AND day = $2`, [account, day]);
}

/** With the first message of a day: other days, and old correspondents, a part of them each day. */
function* forget(account: string, day: number): Op<void> {
  yield* run(`DELETE FROM sending WHERE account = $1 AND day < $2`, [account, day]);
  const part = HASHES / PARTS;
  const from = (day % PARTS) * part;
  yield* run(`DELETE FROM correspondent WHERE account = $1 AND hash >= $2 AND hash < $3 AND last < $4`, [
    account,
    from,
    from + part,
    day - CORRESPONDENT_DAYS,
  ]);
}

function* today(account: string, day: number): Op<{ messages: number; strangers: number }> {
  const row = yield* one<{ messages: number; strangers: number }>(
    `SELECT messages, strangers FROM sending WHERE account = $1 AND day = $2`,
    [account, day],
  );
  return row ?? { messages: 0, strangers: 0 };
}

function* isKnown(account: string, recipient: number): Op<boolean> {
  const row = yield* one<{ last: number }>(`SELECT last FROM correspondent WHERE account = $1 AND hash = $2`, [
    account,
    recipient,
  ]);
  return row !== undefined;
}
