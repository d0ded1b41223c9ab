// \Seen of the readers of a shared mailbox, each their own (F138): runs of UIDs that somebody has changed it for, with
// what it is now and since which modseq. What no run covers is unseen. A reader's changes concern no one else: they leave
// the mailbox's own modseq alone, and the log tells them to that reader.

import { joinRuns, log } from '../changes/log.ts';
import { StoreError } from '../errors.ts';
import { all, MAX_ROWS, type Op, one, run } from '../operation.ts';
import type { ReaderStatus, SeenRun, UidRange } from '../ports.ts';
import { READER_RUNS, READER_RUNS_JOINED, SET_RUNS } from './limits.ts';
import type { Unit } from './unit.ts';

interface Reader {
  readonly mailbox: number;
  readonly reader: string;
}

interface Row {
  readonly first: number;
  readonly last: number;
  readonly seen: number;
  readonly modseq: number;
}

const COLUMNS = 'first, last, seen, modseq';

/** All runs of a reader that changed after a modseq, in order. */
export function* seenRuns(account: string, { mailbox, reader }: Reader, since: number): Op<SeenRun[]> {
  const runs: SeenRun[] = [];
  for (let after = 0; ; ) {
    const rows = yield* all<Row>(
      `SELECT ${COLUMNS} FROM reader_seen WHERE account = $1 AND mailbox = $2 AND reader = $3 AND first > $4
       ORDER BY first LIMIT ${MAX_ROWS}`,
      [account, mailbox, reader, after],
    );
    for (const { seen, ...row } of rows) if (row.modseq > since) runs.push({ ...row, seen: seen !== 0 });
    const last = rows.at(-1);
    if (last === undefined || rows.length < MAX_ROWS) return runs;
    after = last.first;
  }
}

/** How many messages of a mailbox a reader has not seen, and when he last changed that. */
export function* readerStatus(account: string, { mailbox, reader }: Reader): Op<ReaderStatus> {
  const row = yield* one<{ total: number; modseq: number; seen: number; changed: number }>(
    `SELECT b.total, b.modseq, (SELECT count(*) FROM reader_seen s
        JOIN placement p ON p.account = s.account AND p.mailbox = s.mailbox AND p.uid BETWEEN s.first AND s.last
        WHERE s.account = $1 AND s.mailbox = $2 AND s.reader = $3 AND s.seen = 1) AS seen,
      (SELECT CAST(coalesce(max(s.modseq), 0) AS BIGINT) FROM reader_seen s
        WHERE s.account = $1 AND s.mailbox = $2 AND s.reader = $3) AS changed
     FROM mailbox b WHERE b.account = $1 AND b.id = $2`,
    [account, mailbox, reader],
  );
  if (row === undefined) throw new StoreError('not-found', `no mailbox ${mailbox}`);
  return { unseen: row.total - row.seen, modseq: Math.max(row.modseq, row.changed) };
}

/** Runs of a reader that have something of a range, in order. */
export function* overlapping(account: string, { mailbox, reader }: Reader, [first, last]: UidRange): Op<Row[]> {
  const found: Row[] = [];
  const before = yield* one<Row>(
    `SELECT ${COLUMNS} FROM reader_seen WHERE account = $1 AND mailbox = $2 AND reader = $3 AND first < $4
     ORDER BY first DESC LIMIT 1`,
    [account, mailbox, reader, first],
  );
  if (before !== undefined && before.last >= first) found.push(before);
  for (let from = first; ; ) {
    const rows = yield* all<Row>(
      `SELECT ${COLUMNS} FROM reader_seen WHERE account = $1 AND mailbox = $2 AND reader = $3
       AND first BETWEEN $4 AND $5 ORDER BY first LIMIT ${MAX_ROWS}`,
      [account, mailbox, reader, from, last],
    );
    for (const row of rows) found.push(row);
    if (rows.length < MAX_ROWS) return found;
    from = (found.at(-1)?.first ?? last) + 1;
  }
}

/**
 * Makes messages seen or unseen for a reader, in a running transaction; only what changes gets its modseq. The ranges
 * are of UIDs that were given already. True if anything changed. Errors: limit.
 */
export function* changeSeen(unit: Unit, place: Reader, uids: readonly UidRange[], seen: boolean): Op<boolean> {
  const changed: [number, number][] = [];
  for (const range of uids) {
    const there = yield* overlapping(unit.account, place, range);
    const parts = changedParts(there, range, seen);
    if (parts.length === 0) continue;
    yield* remove(unit, place, [there[0]?.first ?? range[0], range[1]]);
    for (const row of remnants(there, parts, { seen: seen ? 1 : 0, modseq: unit.modseq })) yield* put(unit, place, row);
    for (const part of parts) changed.push(part);
  }
  if (changed.length === 0) return false;
  yield* logSeen(unit, place, changed);
  yield* bound(unit, place);
  return true;
}

/** The parts of a range that are not so yet. */
function changedParts(there: readonly Row[], [first, last]: UidRange, seen: boolean): [number, number][] {
  const parts: [number, number][] = [];
  const add = (from: number, to: number) => {
    const previous = parts.at(-1);
    if (from > to) return;
    if (previous !== undefined && previous[1] === from - 1) previous[1] = to;
    else parts.push([from, to]);
  };
  let next = first;
  for (const row of there) {
    // What no run covers is unseen.
    if (seen) add(next, row.first - 1);
    if ((row.seen !== 0) !== seen) add(Math.max(first, row.first), Math.min(last, row.last));
    next = row.last + 1;
  }
  if (seen) add(next, last);
  return parts;
}

/** What was there without the parts, and the parts with what they are now, in order. */
function remnants(there: readonly Row[], parts: readonly UidRange[], now: Pick<Row, 'seen' | 'modseq'>): Row[] {
  const rows: Row[] = parts.map(([first, last]) => ({ first, last, ...now }));
  for (const row of there) {
    let { first } = row;
    for (const [from, to] of parts) {
      if (to < first || from > row.last) continue;
      if (first < from) rows.push({ ...row, first, last: from - 1 });
      first = to + 1;
    }
    if (first <= row.last) rows.push({ ...row, first });
  }
  return rows.sort((a, b) => a.first - b.first);
}

function* remove(unit: Unit, { mailbox, reader }: Reader, [first, last]: UidRange): Op<void> {
  yield* run(
    `DELETE FROM reader_seen WHERE account = $1 AND mailbox = $2 AND reader = $3 AND first BETWEEN $4 AND $5`,
    [unit.account, mailbox, reader, first, last],
  );
}

function* put(unit: Unit, { mailbox, reader }: Reader, row: Row): Op<void> {
  yield* run(`INSERT INTO reader_seen (account, mailbox, reader, ${COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7)`, [
    ...[unit.account, mailbox, reader],
    ...[row.first, row.last, row.seen, row.modseq],
  ]);
}

function* logSeen(unit: Unit, { mailbox, reader }: Reader, runs: readonly UidRange[]): Op<void> {
  for (const [uid, last] of joinRuns(runs, SET_RUNS)) {
    yield* log(unit, 'mail', { kind: 'set', reason: 'seen', collection: mailbox, uid, last, reader });
  }
}

/** Joins runs that follow each other with the same state when they have become many; what is joined counts as changed. */
function* bound(unit: Unit, place: Reader): Op<void> {
  const counted = yield* one<{ n: number }>(
    `SELECT count(*) AS n FROM reader_seen WHERE account = $1 AND mailbox = $2 AND reader = $3`,
    [unit.account, place.mailbox, place.reader],
  );
  const count = counted?.n ?? 0;
  if (count > READER_RUNS) throw new StoreError('limit', `more than ${READER_RUNS} runs of what a reader has seen`);
  if (count === 0 || count % READER_RUNS_JOINED !== 0) return;
  const joined: Row[] = [];
  for (const { seen, ...row } of yield* seenRuns(unit.account, place, -1)) {
    const previous = joined.at(-1);
    const state = seen ? 1 : 0;
    if (previous?.seen === state && previous.last === row.first - 1)
      joined[joined.length - 1] = { ...previous, last: row.last, modseq: unit.modseq };
    else joined.push({ ...row, seen: state });
  }
  const changed = joined.filter(({ modseq }) => modseq === unit.modseq);
  for (const row of changed) {
    yield* remove(unit, place, [row.first, row.last]);
    yield* put(unit, place, row);
  }
  yield* logSeen(
    unit,
    place,
    changed.map(({ first, last }): UidRange => [first, last]),
  );
}
