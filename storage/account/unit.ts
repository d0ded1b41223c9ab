// A unit of writing work in an account's transaction: it locks the counter row, hands out the transaction's modseq, ids
// and change rows, and writes the counters back if anything changed.

import { StoreError } from '../errors.ts';
import { type Op, one, run } from '../operation.ts';
import type { ChangeClass } from '../ports.ts';

/** What a transaction has done so far to one class of things. */
interface ClassDelta {
  seq: number;
  bytes: number;
  objects: number;
}

/** The state of a writing transaction. Make it with `begin`, end it with `finish`. */
export interface Unit {
  readonly account: string;
  /** The modseq of everything that this transaction changes: the last one plus one. */
  readonly modseq: number;
  readonly epoch: number;
  /** next_id as it was found. */
  readonly firstId: number;
  nextId: number;
  uidvalidity: number;
  bytes: number;
  messages: number;
  readonly classes: Map<ChangeClass, ClassDelta>;
}

interface CounterRow {
  readonly modseq: number;
  readonly next_id: number;
  readonly uidvalidity: number;
  readonly epoch: number;
  readonly bytes: number;
  readonly messages: number;
}

// SQLite's BEGIN IMMEDIATE is the lock already; an engine with row locks takes the comment for the clause that it is.
const LOCK = `SELECT modseq, next_id, uidvalidity, epoch, bytes, messages FROM counter WHERE account = $1 /*FOR UPDATE*/`;

/** Locks the account's counter row: from here to the commit no other transaction of the account has a modseq. */
export function* begin(account: string): Op<Unit> {
  const row = yield* one<CounterRow>(LOCK, [account]);
  if (row === undefined) throw new StoreError('not-found', `account ${account} has no counter row`);
  return {
    account,
    modseq: row.modseq + 1,
    epoch: row.epoch,
    firstId: row.next_id,
    nextId: row.next_id,
    uidvalidity: row.uidvalidity,
    bytes: row.bytes,
    messages: row.messages,
    classes: new Map(),
  };
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
  const delta = deltaOf(unit, changeClass);
  const before = delta.seq;
  delta.seq += count;
  return before;
}

/** Counts what came (or, negative, went): in the account and in the class. */
export function count(unit: Unit, changeClass: ChangeClass, objects: number, bytes: number): void {
  const delta = deltaOf(unit, changeClass);
  delta.objects += objects;
  delta.bytes += bytes;
  unit.bytes += bytes;
  unit.messages += objects;
}

/** Writes the counters back if the transaction has logged anything or taken ids; to be called last. */
export function* finish(unit: Unit): Op<void> {
  if (unit.classes.size === 0 && unit.nextId === unit.firstId) return;
  for (const [name, delta] of unit.classes) {
    yield* run(
      `UPDATE class SET modseq = $3, bytes = bytes + $4, objects = objects + $5 WHERE account = $1 AND class = $2`,
      [unit.account, name, unit.modseq, delta.bytes, delta.objects],
    );
  }
  yield* run(
    `UPDATE counter SET modseq = $2, next_id = $3, uidvalidity = $4, bytes = $5, messages = $6 WHERE account = $1`,
    [
      unit.account,
      unit.classes.size === 0 ? unit.modseq - 1 : unit.modseq,
      unit.nextId,
      unit.uidvalidity,
      unit.bytes,
      unit.messages,
    ],
  );
}

function deltaOf(unit: Unit, changeClass: ChangeClass): ClassDelta {
  const known = unit.classes.get(changeClass);
  if (known !== undefined) return known;
  const fresh = { seq: 0, bytes: 0, objects: 0 };
  unit.classes.set(changeClass, fresh);
  return fresh;
}
