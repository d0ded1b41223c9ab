// Reading the change log: the only code that does. A page is rows in order after a cursor, and the next cursor.

import { StoreError } from '../errors.ts';
import { all, MAX_ROWS, type Op, one } from '../operation.ts';
import type { ChangeClass, ChangePage, ChangeRow, Cursor } from '../ports.ts';
import { formatCursor, type Position, parseCursor } from './cursor.ts';

interface StateRow {
  /** The class's state. */
  readonly modseq: number;
  readonly floor: number;
  /** The account's current epoch and last modseq. */
  readonly epoch: number;
  readonly newest: number;
  /** The first modseq of that epoch, which nearly every cursor is of: no other has to be looked for then. */
  readonly began: number | null;
}

const STATE = `SELECT coalesce((SELECT h.modseq FROM change h WHERE h.account = c.account AND h.class = c.class
    ORDER BY h.modseq DESC LIMIT 1), c.floor) AS modseq, c.floor, k.epoch, k.modseq AS newest,
    (SELECT e.first FROM epoch e WHERE e.account = k.account AND e.epoch = k.epoch) AS began
  FROM class c JOIN counter k ON k.account = c.account WHERE c.account = $1 AND c.class = $2`;

const ROWS = `SELECT modseq, seq, kind, reason, collection, other, uid, last, item, object, thread, reader, name
  FROM change WHERE account = $1 AND class = $2 AND (modseq, seq) > ($3, $4) ORDER BY modseq, seq LIMIT $5`;

/** Above every seq of a transaction. */
const AFTER_ALL = Number.MAX_SAFE_INTEGER;

export interface ChangesQuery {
  readonly account: string;
  readonly changeClass: ChangeClass;
  readonly cursor: Cursor;
  readonly limit: number;
  readonly collection?: number | undefined;
  readonly reader?: string | undefined;
}

/** The cursor of now: it changes only when something of the class does, so it is the class's state too. */
export function* currentCursor(account: string, changeClass: ChangeClass): Op<Cursor> {
  const state = yield* stateOf(account, changeClass);
  return yield* cursorAt(account, state, { modseq: state.modseq, seq: null });
}

/** A page of the log. Throws stale-cursor where the rows after the cursor can't be told. */
export function* readChanges(query: ChangesQuery): Op<ChangePage> {
  const { account, changeClass } = query;
  const state = yield* stateOf(account, changeClass);
  const from = parseCursor(query.cursor);
  yield* check(account, from, state);
  const limit = Math.max(1, Math.min(query.limit, MAX_ROWS - 1));
  const filtered = query.collection !== undefined || query.reader !== undefined;
  // A filter is applied here and not in SQL, so that a page looks at a bounded number of rows.
  const fetched = filtered ? MAX_ROWS : limit + 1;
  const found = yield* all<ChangeRow>(ROWS, [account, changeClass, from.modseq, from.seq ?? AFTER_ALL, fetched]);
  const rows: ChangeRow[] = [];
  let seen = 0;
  for (const row of found) {
    if (rows.length === limit) break;
    if (seen === fetched - 1) break;
    seen += 1;
    if (matches(row, query)) rows.push(row);
  }
  const more = seen < found.length;
  if (!more) {
    const modseq = Math.max(from.modseq, state.modseq);
    return { rows, cursor: yield* cursorAt(account, state, { modseq, seq: null }), more };
  }
  const last = found[seen - 1];
  if (last === undefined) return { rows, cursor: query.cursor, more };
  // In the middle of a transaction's rows the cursor says how far, else it stands after all of them.
  const middle = found[seen]?.modseq === last.modseq;
  const { modseq } = last;
  return { rows, cursor: yield* cursorAt(account, state, { modseq, seq: middle ? last.seq : null }), more };
}

/**
 * A modseq that a client brings back, made safe to compare rows with: 0 if it was given in an epoch that lost it, since
 * what the client saw at it may not have been kept (DESIGN 4). One after another then looks changed to it.
 */
export function* trustedModseq(account: string, modseq: number): Op<number> {
  return (yield* isTrusted(account, modseq)) ? modseq : 0;
}

/** The cursor after everything of a modseq that a client brings back; null where it can't be trusted. */
export function* cursorAfter(account: string, changeClass: ChangeClass, modseq: number): Op<Cursor | null> {
  if (!(yield* isTrusted(account, modseq))) return null;
  const state = yield* stateOf(account, changeClass);
  return yield* cursorAt(account, state, { modseq: Math.min(modseq, state.newest), seq: null });
}

/** Has all that a client can have seen at this modseq been kept? */
function* isTrusted(account: string, modseq: number): Op<boolean> {
  const row = yield* one(
    `SELECT epoch FROM epoch WHERE account = $1 AND epoch > 0 AND first <= $2 AND (last IS NULL OR last >= $2) LIMIT 1`,
    [account, modseq],
  );
  return row !== undefined;
}

function matches(row: ChangeRow, query: ChangesQuery): boolean {
  if (query.collection !== undefined && row.collection !== query.collection) return false;
  return query.reader === undefined || row.reader === '' || row.reader === query.reader;
}

function* stateOf(account: string, changeClass: ChangeClass): Op<StateRow> {
  const state = yield* one<StateRow>(STATE, [account, changeClass]);
  if (state === undefined) throw new StoreError('not-found', `account ${account} has no class ${changeClass}`);
  return state;
}

/** Refuses what was never durable, what belongs to another life of the file, and what the log no longer reaches. */
function* check(account: string, from: Position, state: StateRow): Op<void> {
  const epoch =
    from.epoch === state.epoch && state.began !== null
      ? { first: state.began, last: null }
      : yield* one<{ first: number; last: number | null }>(
          `SELECT first, last FROM epoch WHERE account = $1 AND epoch = $2`,
          [account, from.epoch],
        );
  if (epoch === undefined) throw new StoreError('stale-cursor', 'a cursor of an unknown epoch');
  if (from.modseq < epoch.first || from.modseq > (epoch.last ?? state.newest)) {
    throw new StoreError('stale-cursor', 'a cursor beyond what its epoch made durable');
  }
  if (from.modseq < state.floor || (from.modseq === state.floor && from.seq !== null)) {
    throw new StoreError('stale-cursor', 'a cursor below the floor of the log');
  }
}

/** The cursor of a modseq, in the epoch that it belongs to. */
function* cursorAt(account: string, state: StateRow, { modseq, seq }: Omit<Position, 'epoch'>): Op<Cursor> {
  if (state.began !== null && modseq >= state.began) return formatCursor({ epoch: state.epoch, modseq, seq });
  const row = yield* one<{ epoch: number }>(
    `SELECT epoch FROM epoch WHERE account = $1 AND epoch > 0 AND first <= $2 ORDER BY epoch DESC LIMIT 1`,
    [account, modseq],
  );
  if (row === undefined) throw new StoreError('corrupt', `account ${account} has no epoch of modseq ${modseq}`);
  return formatCursor({ epoch: row.epoch, modseq, seq });
}
