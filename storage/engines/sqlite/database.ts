// One open SQLite file: its settings, its cache of prepared statements, and the driver of operations.

import Sqlite from 'better-sqlite3';
import { MAX_ROWS, type Op, type Statement } from '../../operation.ts';
import { bind, type Compiled, compile } from '../parameters.ts';
import { isBusy } from './failure.ts';

/** Most statements kept prepared per handle; the operations have about 150 texts. */
const MAX_STATEMENTS = 400;

// A page cache of 2 MB a handle: hundreds may be open, and the kernel's cache is behind it.
// cell_size_check finds a damaged page before its content is used.
const SETTINGS = `PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 0; PRAGMA foreign_keys = OFF;
PRAGMA cache_size = -2048; PRAGMA temp_store = MEMORY; PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON;`;

/** No operation is begun in a batch that has taken so many ms: it holds the event loop. */
const BATCH_TIME = 5;

/** What became of one operation of a batch. */
export type Outcome = { readonly value: unknown } | { readonly error: unknown };

export interface Batch {
  readonly outcomes: readonly Outcome[];
  /** Rows that were written; 0 if nothing changed. */
  readonly rows: number;
}

export interface OpenDatabase {
  readonly file: string;
  /** Milliseconds that SQLite itself may wait for another connection, blocking this thread. */
  readonly busyTimeout: number;
  /** Makes the file if it isn't there. */
  readonly create?: boolean;
  /** A copy that is only looked at; it is left as it is. */
  readonly readonly?: boolean;
}

interface Prepared {
  readonly compiled: Compiled;
  readonly statement: Sqlite.Statement<unknown[], unknown>;
}

/** A better-sqlite3 handle in WAL mode, and what drives operations over it. */
export class Database {
  readonly file: string;
  readonly #sqlite: Sqlite.Database;
  readonly #statements = new Map<string, Prepared>();
  readonly #begin: Sqlite.Statement;
  readonly #beginImmediate: Sqlite.Statement;
  readonly #commit: Sqlite.Statement;
  /** Rows written by statements so far, also by those that were rolled back. */
  #rows = 0;

  constructor(options: OpenDatabase) {
    this.file = options.file;
    const { busyTimeout: timeout, create = false, readonly = false } = options;
    this.#sqlite = new Sqlite(options.file, { timeout, readonly, fileMustExist: !create });
    try {
      this.#sqlite.exec(SETTINGS);
      // The first read opens the WAL file; from here to close() nobody can delete it (each connection in WAL mode
      // holds a shared lock on the database). A new file is turned into one with a WAL.
      if (!readonly && this.#sqlite.pragma('journal_mode', { simple: true }) !== 'wal') {
        this.#sqlite.pragma('journal_mode = WAL');
      }
      this.#begin = this.#sqlite.prepare('BEGIN');
      this.#beginImmediate = this.#sqlite.prepare('BEGIN IMMEDIATE');
      this.#commit = this.#sqlite.prepare('COMMIT');
      this.version();
    } catch (error) {
      this.#sqlite.close();
      throw error;
    }
  }

  /** Runs a reading operation in one read transaction, to its end, without yielding to the event loop. */
  read<T>(op: () => Op<T>): T {
    return this.#transaction(this.#begin, () => this.#drive(op()));
  }

  /** Runs a writing operation in one transaction; `rows` are those it wrote. */
  write<T>(op: () => Op<T>): { readonly value: T; readonly rows: number } {
    const before = this.#rows;
    const value = this.#transaction(this.#beginImmediate, () => this.#drive(op()));
    return { value, rows: this.#rows - before };
  }

  /**
   * Runs operations, in order, in one transaction; if any of them fails, each in its own. At least one is run, and no
   * further one is begun after BATCH_TIME: `outcomes` are those of the first ones.
   */
  writeBatch(ops: readonly (() => Op<unknown>)[]): Batch {
    return (ops.length > 1 ? this.#together(ops) : undefined) ?? this.#eachAlone(ops);
  }

  #together(ops: readonly (() => Op<unknown>)[]): Batch | undefined {
    const before = this.#rows;
    const end = performance.now() + BATCH_TIME;
    const outcomes: Outcome[] = [];
    try {
      this.#transaction(this.#beginImmediate, () => {
        for (const op of ops) {
          outcomes.push({ value: this.#drive(op()) });
          if (performance.now() > end) break;
        }
      });
    } catch (error) {
      if (isBusy(error)) throw error;
      return undefined;
    }
    return { outcomes, rows: this.#rows - before };
  }

  #eachAlone(ops: readonly (() => Op<unknown>)[]): Batch {
    const end = ops.length > 1 ? performance.now() + BATCH_TIME : 0;
    const outcomes: Outcome[] = [];
    let rows = 0;
    for (const op of ops) {
      try {
        const outcome = this.write(op);
        rows += outcome.rows;
        outcomes.push(outcome);
      } catch (error) {
        if (isBusy(error)) {
          if (outcomes.length === 0) throw error;
          break;
        }
        outcomes.push({ error });
      }
      if (end > 0 && performance.now() > end) break;
    }
    return { outcomes, rows };
  }

  /** Runs a script of the schema in one transaction, which also sets the version that it leads to. */
  migrate(script: string, version: number): void {
    this.#beginImmediate.run();
    try {
      this.#sqlite.exec(script);
      this.#sqlite.pragma(`user_version = ${version}`);
      this.#commit.run();
    } finally {
      this.#rollback();
    }
  }

  /** The schema's version, by which migrations are chosen. */
  version(): number {
    return this.#sqlite.pragma('user_version', { simple: true }) as number;
  }

  /** Moves the WAL's content into the file; `frames` are the WAL's pages, `moved` those that are in the file (then).
   * NOOP only looks. */
  checkpoint(mode: 'NOOP' | 'PASSIVE' | 'RESTART'): { busy: boolean; frames: number; moved: number } {
    const sql = `PRAGMA wal_checkpoint(${mode})`;
    const prepared = this.#statements.get(sql) ?? this.#prepare(sql);
    const row = prepared.statement.get() as { busy: number; log: number; checkpointed: number };
    return { busy: row.busy !== 0, frames: row.log, moved: row.checkpointed };
  }

  /** Writes a page to the log as it is. An UPDATE to what a row has already would write none. */
  writePage(): void {
    this.#sqlite.pragma(`user_version = ${this.version()}`);
  }

  /** What SQLite's own check of the file finds; empty when it is sound. */
  integrity(): string[] {
    const rows = this.#sqlite.pragma('integrity_check(100)') as { integrity_check: string }[];
    return rows.map((row) => row.integrity_check).filter((text) => text !== 'ok');
  }

  /** Writes the database as it is now into a new file. */
  copyTo(file: string): void {
    this.#sqlite.prepare('VACUUM INTO ?').run(file);
  }

  /** Runs what writes while SQLite itself syncs nothing, for a log of which nothing can be lost yet. */
  withoutSyncs<T>(work: () => T): T {
    this.#sqlite.pragma('synchronous = OFF');
    try {
      return work();
    } finally {
      this.#sqlite.pragma('synchronous = NORMAL');
    }
  }

  close(): void {
    this.#statements.clear();
    this.#sqlite.close();
  }

  #transaction<T>(begin: Sqlite.Statement, work: () => T): T {
    begin.run();
    try {
      const value = work();
      this.#commit.run();
      return value;
    } catch (error) {
      this.#rollback();
      throw error;
    }
  }

  #drive<T>(work: Op<T>): T {
    let step = work.next();
    while (!step.done) step = work.next(this.#execute(step.value));
    return step.value;
  }

  #execute(statement: Statement): unknown {
    const prepared = this.#statements.get(statement.sql) ?? this.#prepare(statement.sql);
    const args = bind(prepared.compiled, statement.args);
    if (statement.mode === 'run') {
      const { changes } = prepared.statement.run(...args);
      this.#rows += changes;
      return changes;
    }
    if (statement.mode === 'one') {
      const row = prepared.statement.get(...args);
      if (row !== undefined && !prepared.statement.readonly) this.#rows += 1;
      return row;
    }
    const rows = prepared.statement.all(...args);
    if (!prepared.statement.readonly) this.#rows += rows.length;
    if (rows.length > MAX_ROWS) throw new RangeError(`more than ${MAX_ROWS} rows from: ${statement.sql}`);
    return rows;
  }

  #prepare(sql: string): Prepared {
    if (this.#statements.size >= MAX_STATEMENTS) {
      const [oldest] = this.#statements.keys();
      if (oldest !== undefined) this.#statements.delete(oldest);
    }
    const compiled = compile(sql);
    const prepared = { compiled, statement: this.#sqlite.prepare<unknown[], unknown>(compiled.sql) };
    this.#statements.set(sql, prepared);
    return prepared;
  }

  /** Ends a transaction that did not commit; SQLite has already ended it after some errors (full, I/O). */
  #rollback(): void {
    if (this.#sqlite.inTransaction) this.#sqlite.exec('ROLLBACK');
  }
}
