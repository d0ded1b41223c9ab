// A unit of writing work in an account's transaction: it locks the counter row, hands out the transaction's modseq, ids
// and change rows, and writes the counters back if anything changed.

import { StoreError } from '../errors.ts';
import { type Op, one, run } from '../operation.ts';
import type { ChangeClass } from '../ports.ts';

/** The state of a writing transaction. Make it with `begin`, end it with `finish`. */
export interface Unit {
  readonly account: string;
  /** The modseq of everything that this transaction changes: the last one plus one. */
  readonly modseq: number;
  /** The counters as they were found. */
  readonly found: CounterRow;
  nextId: number;
  uidvalidity: number;
  bytes: number;
  messages: number;
  /** How many change rows of each class the transaction has. */
  readonly changes: Map<ChangeClass, number>;
}

/** The counters of an account. */
export interface CounterRow {
  readonly modseq: number;
  readonly next_id: number;
  readonly uidvalidity: number;
  readonly bytes: number;
  readonly messages: number;
}

// SQLite's BEGIN IMMEDIATE is the lock already; an engine with row locks takes the comment for the clause that it is.
const LOCK = `SELECT modseq, next_id, uidvalidity, bytes, messages FROM counter WHERE account = $1 /*FOR UPDATE*/`;

/** Locks the account's counter row: from here to the commit no other transaction of the account has a modseq. */
export function* begin(account: string): Op<Unit> {
  const row = yield* one<CounterRow>(LOCK, [account]);
  if (row === undefined) throw new StoreError('not-found', `account ${account} has no counter row`);
  return unitOf(account, row);
}

/** The unit of a transaction that has locked the counter row and read it. */
export function unitOf(account: string, found: CounterRow): Unit {
  const { modseq, next_id: nextId, uidvalidity, bytes, messages } = found;
  return { account, modseq: modseq + 1, found, nextId, uidvalidity, bytes, messages, changes: new Map() };
}

/** The next id of anything in this account; never given twice. */
export function takeId(unit: Unit): number {
  const id = unit.nextId;
  unit.nextId += 1;
  return id;
}

/** The next `count` ids; the first of them. */
export function takeIds(unit: Unit, count: number): number {
  const first = unit.nextId;
  unit.nextId += count;
  return first;
}

/** A new mailbox's UIDVALIDITY: max(time, last + 1), also when the clock has gone back (RFC 9051 2.3.1.1). */
export function takeUidvalidity(unit: Unit, now: number): number {
  unit.uidvalidity = Math.max(Math.floor(now / 1000), unit.uidvalidity + 1);
  return unit.uidvalidity;
}

/** Takes `count` sequence numbers in the class's change rows of this transaction; the number before the first. */
export function takeSeq(unit: Unit, changeClass: ChangeClass, count: number): number {
  const before = unit.changes.get(changeClass) ?? 0;
  unit.changes.set(changeClass, before + count);
  return before;
}

/** Counts what came (or, negative, went). */
export function count(unit: Unit, messages: number, bytes: number): void {
  unit.bytes += bytes;
  unit.messages += messages;
}

/** Writes the counters back if the transaction has logged anything or taken ids; to be called last. */
export function* finish(unit: Unit): Op<void> {
  const { found } = unit;
  const hasIds = unit.nextId !== found.next_id;
  if (unit.changes.size === 0 && !hasIds) return;
  if (!hasIds && unit.uidvalidity === found.uidvalidity && !isRecounted(unit)) {
    // A change of flags.
    yield* run(`UPDATE counter SET modseq = $2 WHERE account = $1`, [unit.account, unit.modseq]);
    return;
  }
  yield* run(
    `UPDATE counter SET modseq = $2, next_id = $3, uidvalidity = $4, bytes = $5, messages = $6 WHERE account = $1`,
    [
      unit.account,
      unit.changes.size === 0 ? unit.modseq - 1 : unit.modseq,
      unit.nextId,
      unit.uidvalidity,
      unit.bytes,
      unit.messages,
    ],
  );
}

function isRecounted({ bytes, messages, found }: Unit): boolean {
  return bytes !== found.bytes || messages !== found.messages;
}
