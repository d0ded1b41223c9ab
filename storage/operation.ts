// Operations: what the store does, written once for every engine as generators over SQL statements.
//
// An operation is passed as `() => Op<T>`, because an engine may run it twice (a serialisation failure). So it yields
// statements and nothing else: no clock, no randomness, no I/O; those are arguments. It never catches a statement's
// error, asks for at most MAX_ROWS rows a statement, and one that writes first locks the account's counter row, so
// that commit order is modseq order. Nested operations are `yield*` in the same transaction.

/** What can be bound to a parameter. Engines refuse undefined and booleans. */
export type Value = string | number | Uint8Array | null;

/** One SQL statement in the common subset of SQLite and PostgreSQL; parameters are $1, $2, ... */
export interface Statement {
  readonly sql: string;
  readonly args: readonly Value[];
  /** all: rows; one: the first of them, or undefined; run: the number of rows changed. */
  readonly mode: 'all' | 'one' | 'run';
}

/** A unit of work against one database, driven by an engine inside one transaction. */
export type Op<T> = Generator<Statement, T, unknown>;

/** The most rows one statement may return. */
export const MAX_ROWS = 2_000;

/** All rows of a query (at most MAX_ROWS: the caller pages). */
export function* all<R>(sql: string, args: readonly Value[] = []): Op<R[]> {
  return (yield { sql, args, mode: 'all' }) as R[];
}

/** The first row of a query, or undefined. */
export function* one<R>(sql: string, args: readonly Value[] = []): Op<R | undefined> {
  return (yield { sql, args, mode: 'one' }) as R | undefined;
}

/** Runs a statement; the number of rows it changed. */
export function* run(sql: string, args: readonly Value[] = []): Op<number> {
  return (yield { sql, args, mode: 'run' }) as number;
}
