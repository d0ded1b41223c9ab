// "Mark all as read" of a large mailbox: a change that all of its messages go through is one fact, so it is written down
// as one, in the mailbox's row, with the counters and the log as they are after it. That is durable and answered while the
// rows of the messages still have the flags from before. The background thread brings them up to date, some at a time;
// whoever needs them sooner does it himself.
//
// While a run is owed nothing but the settling changes the flags of its messages, and nobody reads them, nor their
// modseqs: everything that would begins with one of the checks here, and meets Unsettled. New messages have higher UIDs.

import type { FlagRun } from '../changes/flag-run.ts';
import { StoreError } from '../errors.ts';
import { type Op, one, run } from '../operation.ts';
import { Flag, type UidSet } from '../ports.ts';
import { FLAG_ROWS, OWED_MESSAGES } from './limits.ts';
import { type Entered, enter, type MailboxRow, theMailbox } from './mailbox-row.ts';
import { bounded } from './uid-sets.ts';
import { begin, type Unit } from './unit.ts';

/** The rows of a mailbox do not have their flags yet. Never leaves the store: who meets it settles and tries again. */
export class Unsettled extends StoreError {
  readonly mailbox: number;
  /** The modseq of the change that is owed. */
  readonly owed: number;

  constructor(mailbox: number, owed: number) {
    super('busy', `flags are owed in mailbox ${mailbox}`);
    this.name = 'Unsettled';
    this.mailbox = mailbox;
    this.owed = owed;
  }
}

/** The row of a mailbox whose placements have their flags. Errors: not-found, Unsettled. */
export function* theSettledMailbox(account: string, id: number): Op<MailboxRow> {
  const row = yield* theMailbox(account, id);
  if (row.owed !== 0) throw new Unsettled(id, row.owed);
  return row;
}

/** Begins a transaction about one such mailbox. Errors: not-found, Unsettled. */
export function* enterSettled(account: string, id: number): Op<Entered> {
  const entered = yield* enter(account, id);
  const { owed } = entered.mailbox;
  if (owed !== 0) throw new Unsettled(id, owed);
  return entered;
}

/** Before reading flags or modseqs of placements. Errors: Unsettled. */
export function* checkSettled(account: string, mailbox: number): Op<void> {
  const row = yield* one<{ owed: number }>(`SELECT owed FROM mailbox WHERE account = $1 AND id = $2`, [
    account,
    mailbox,
  ]);
  if (row !== undefined && row.owed !== 0) throw new Unsettled(mailbox, row.owed);
}

/**
 * Writes down a change of flags, if these are all messages of a large mailbox and some are sure to change; else it has to
 * be made at once. How many more are unseen after it; undefined if it was not written down.
 */
export function* owe(unit: Unit, mailbox: MailboxRow, uids: UidSet, rule: FlagRun): Op<number | undefined> {
  const [range] = uids;
  if (mailbox.total < OWED_MESSAGES || range === undefined || uids.length > 1) return undefined;
  const place = [unit.account, mailbox.id] as const;
  const ends = yield* one<{ first: number; last: number }>(
    `SELECT (SELECT min(uid) FROM placement WHERE account = $1 AND mailbox = $2) AS first,
      (SELECT max(uid) FROM placement WHERE account = $1 AND mailbox = $2) AS last`,
    place,
  );
  const [first, last] = range;
  if (ends === undefined || ends.first < first || ends.last > last) return undefined;
  const unseen = unseenAfter(mailbox, rule);
  if (unseen === 0 && !(yield* changesEarly(unit.account, mailbox.id, [first, last], rule))) return undefined;
  yield* run(
    `UPDATE mailbox SET owed = $3, owed_first = $4, owed_last = $5, owed_keep = $6, owed_set = $7
     WHERE account = $1 AND id = $2`,
    [...place, unit.modseq, first, last, rule.keep, rule.set],
  );
  return unseen;
}

/** How many more are unseen when all messages have gone through a change. */
function unseenAfter({ total, unseen }: MailboxRow, { keep, set }: FlagRun): number {
  if ((set & Flag.seen) !== 0) return -unseen;
  return (keep & Flag.seen) === 0 ? total - unseen : 0;
}

/** Does any of the first rows change? */
function* changesEarly(
  account: string,
  mailbox: number,
  range: readonly [number, number],
  { keep, set }: FlagRun,
): Op<boolean> {
  const last = yield* bounded(account, mailbox, range, FLAG_ROWS);
  const changing = yield* one(
    `SELECT uid FROM placement WHERE account = $1 AND mailbox = $2 AND uid BETWEEN $3 AND $4
     AND flags <> ((flags & $5) | $6) LIMIT 1`,
    [account, mailbox, range[0], last, keep, set],
  );
  return changing !== undefined;
}

interface OwedRow {
  readonly owed: number;
  readonly owed_first: number;
  readonly owed_last: number;
  readonly owed_keep: number;
  readonly owed_set: number;
}

/** Brings some rows up to date, in a transaction of its own; true if more are left, of the change `owed` if it is given. */
export function* settle(account: string, mailbox: number, owed?: number): Op<boolean> {
  yield* begin(account);
  return yield* settleSome(account, mailbox, owed);
}

/** An operation that needs the flags of a mailbox's messages, in one transaction with what is owed to all of them. */
export function* settledFirst<T>(account: string, mailbox: number, operation: () => Op<T>): Op<T> {
  yield* begin(account);
  while (yield* settleSome(account, mailbox));
  return yield* operation();
}

/** `settle` in a running transaction. */
function* settleSome(account: string, mailbox: number, owed?: number): Op<boolean> {
  const row = yield* one<OwedRow>(
    `SELECT owed, owed_first, owed_last, owed_keep, owed_set FROM mailbox WHERE account = $1 AND id = $2`,
    [account, mailbox],
  );
  if (row === undefined || row.owed === 0 || row.owed !== (owed ?? row.owed)) return false;
  const last = yield* bounded(account, mailbox, [row.owed_first, row.owed_last], FLAG_ROWS);
  // An annotation may have given a row a newer modseq meanwhile.
  yield* run(
    `UPDATE placement SET flags = (flags & $5) | $6, modseq = CASE WHEN modseq < $7 THEN $7 ELSE modseq END
     WHERE account = $1 AND mailbox = $2 AND uid BETWEEN $3 AND $4 AND flags <> ((flags & $5) | $6)`,
    [account, mailbox, row.owed_first, last, row.owed_keep, row.owed_set, row.owed],
  );
  const isDone = last >= row.owed_last;
  yield* run(`UPDATE mailbox SET owed_first = $3, owed = $4 WHERE account = $1 AND id = $2`, [
    account,
    mailbox,
    last + 1,
    isDone ? 0 : row.owed,
  ]);
  return !isDone;
}

/** Brings all rows of an account up to date inside one transaction, however long that takes. */
export function* settleAccount(account: string): Op<void> {
  yield* begin(account);
  for (;;) {
    const owing = yield* one<{ id: number }>(
      `SELECT id FROM mailbox WHERE account = $1 AND id > 0 AND owed <> 0 LIMIT 1`,
      [account],
    );
    if (owing === undefined) return;
    while (yield* settleSome(account, owing.id));
  }
}
