// A trial engine on PostgreSQL: it drives the same operations asynchronously, so that the claim that they run on more
// than SQLite can't rot. For tests in one process; not offered to users, and nothing but tests imports it.

import pg from 'pg';
import { beginDatabase } from '../../account/epoch.ts';
import { StoreError, type StoreErrorCode } from '../../errors.ts';
import { MAX_ROWS, type Op, type Statement, type Value } from '../../operation.ts';
import { checkArguments, replaceParameters } from '../parameters.ts';
import type { DatabaseKey, Engine } from '../port.ts';
import { postgresScript } from './schema.ts';

// New tables have no statistics yet: without these it would scan where there is an index, and join row by row. Where rows
// can be joined in no other way that is thought so dear that it would be compiled first, for 0.3 s.
const PLANNER = '-c enable_seqscan=off -c enable_nestloop=off -c plan_cache_mode=force_custom_plan -c jit=off';

/** Times that a transaction is run again after a serialisation failure or a deadlock. */
const TRIES = 10;
const RETRIED = new Set(['40001', '40P01']);

// An operation that writes locks the counter row first, and so sees what was committed before.
const READ_COMMITTED = 'BEGIN ISOLATION LEVEL READ COMMITTED';

const BY_CODE: Readonly<Record<string, StoreErrorCode>> = {
  '53100': 'no-space',
  '55P03': 'busy',
  '40001': 'busy',
  '40P01': 'busy',
};

// Counts and sums come as int8 and numeric, which pg would leave as texts: ours fit a number.
const NUMBERS = new Set<number>([pg.types.builtins.INT8, pg.types.builtins.NUMERIC]);
const TYPES: pg.CustomTypesConfig = {
  getTypeParser: (oid: number, format?: 'text' | 'binary') =>
    NUMBERS.has(oid) ? Number : pg.types.getTypeParser(oid, format as 'text'),
};

export interface PostgresOptions {
  /** An empty database. */
  readonly connection: pg.ClientConfig;
  readonly bootId: string;
  /** Operations by name that another engine runs in a thread of their own. */
  readonly bulk: (name: string, args: unknown) => () => Op<unknown>;
}

/** Makes the tables in an empty database, and opens it. */
export async function openPostgres(options: PostgresOptions): Promise<PostgresEngine> {
  const pool = new pg.Pool({ ...options.connection, max: 10, options: PLANNER });
  const engine = new PostgresEngine(pool, options);
  for (const kind of ['account', 'directory', 'queue'] as const) {
    const client = await pool.connect();
    try {
      await client.query(`BEGIN; ${postgresScript(kind)} COMMIT;`);
    } finally {
      client.release();
    }
  }
  for (const kind of ['directory', 'queue'] as const) {
    await engine.create({ kind });
  }
  return engine;
}

export class PostgresEngine implements Engine {
  readonly #pool: pg.Pool;
  readonly #options: PostgresOptions;
  readonly #generations = new Map<string, number>();
  readonly #wakes = new Map<string, Set<() => void>>();
  readonly #names = new Map<string, string>();

  constructor(pool: pg.Pool, options: PostgresOptions) {
    this.#pool = pool;
    this.#options = options;
  }

  async read<T>(db: DatabaseKey, op: () => Op<T>): Promise<T> {
    return (await this.#transaction(db, 'BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY', op)).value;
  }

  async write<T>(db: DatabaseKey, op: () => Op<T>): Promise<T> {
    const { value, changed } = await this.#transaction(db, READ_COMMITTED, op);
    if (changed) this.#raise(nameOf(db));
    return value;
  }

  async series<T>(db: DatabaseKey, next: (last: T | undefined) => (() => Op<T>) | undefined): Promise<void> {
    for (let op = next(undefined); op !== undefined; ) op = next(await this.write(db, op));
  }

  bulk<T>(db: DatabaseKey, name: string, args: unknown): Promise<T> {
    return this.write(db, this.#options.bulk(name, args) as () => Op<T>);
  }

  async createAccount(id: string): Promise<void> {
    await this.create({ kind: 'account', id });
  }

  /** The first rows of a database. */
  async create(db: DatabaseKey): Promise<void> {
    await this.#transaction(db, READ_COMMITTED, () => beginDatabase(nameOf(db), this.#options.bootId), {
      create: true,
    });
  }

  async destroyAccount(id: string): Promise<void> {
    const { rows } = await this.#pool.query<{ table_name: string }>(
      "SELECT table_name FROM information_schema.tables WHERE table_schema = 'account'",
    );
    for (const { table_name: table } of rows) {
      await this.#pool.query(`DELETE FROM account.${table} WHERE account = $1`, [id]);
    }
  }

  generation(db: DatabaseKey): number {
    return this.#generations.get(nameOf(db)) ?? 0;
  }

  subscribe(db: DatabaseKey, wake: () => void): Disposable {
    const name = nameOf(db);
    const entry = () => wake();
    const wakes = this.#wakes.get(name) ?? new Set();
    this.#wakes.set(name, wakes.add(entry));
    return { [Symbol.dispose]: () => void wakes.delete(entry) };
  }

  async close(): Promise<void> {
    await this.#pool.end();
  }

  #raise(name: string): void {
    this.#generations.set(name, (this.#generations.get(name) ?? 0) + 1);
    for (const wake of this.#wakes.get(name) ?? []) wake();
  }

  async #transaction<T>(
    db: DatabaseKey,
    begin: string,
    op: () => Op<T>,
    options: { create?: boolean } = {},
  ): Promise<{ value: T; changed: boolean }> {
    for (let tries = 1; ; tries++) {
      const client = await this.#connect();
      try {
        await client.query(`${begin}; SET LOCAL search_path TO ${db.kind}`);
        if (!options.create) await checkExists(client, db);
        const outcome = await this.#drive(client, op());
        await client.query('COMMIT');
        return outcome;
      } catch (error) {
        await client.query('ROLLBACK');
        if (tries === TRIES || !RETRIED.has(codeOf(error))) throw toStoreError(error);
      } finally {
        client.release();
      }
    }
  }

  async #connect(): Promise<pg.PoolClient> {
    try {
      return await this.#pool.connect();
    } catch (error) {
      throw toStoreError(error);
    }
  }

  async #drive<T>(client: pg.PoolClient, work: Op<T>): Promise<{ value: T; changed: boolean }> {
    let changed = false;
    let step = work.next();
    while (!step.done) {
      const { command, rowCount, rows } = await client.query(this.#query(step.value));
      changed ||= command !== 'SELECT' && (rowCount ?? 0) > 0;
      if (rows.length > MAX_ROWS) throw new RangeError(`more than ${MAX_ROWS} rows from: ${step.value.sql}`);
      const { mode } = step.value;
      step = work.next(mode === 'run' ? (rowCount ?? 0) : mode === 'one' ? rows[0] : rows);
    }
    return { value: step.value, changed };
  }

  /** The statement as PostgreSQL takes it: locks are clauses, parameters have types, and its plan is kept by name. */
  #query({ sql, args }: Statement): pg.QueryConfig {
    let count = 0;
    const typed = replaceParameters(sql.replaceAll('/*FOR UPDATE*/', 'FOR UPDATE'), (number) => {
      count = Math.max(count, number);
      return `$${number}${typeOf(args[number - 1])}`;
    });
    checkArguments(sql, count, args);
    const name = this.#names.get(typed) ?? `s${this.#names.size}`;
    this.#names.set(typed, name);
    return { name, text: typed, values: [...args], types: TYPES };
  }
}

/** Nobody's rows are no empty account. */
async function checkExists(client: pg.PoolClient, db: DatabaseKey): Promise<void> {
  const { rows } = await client.query('SELECT 1 FROM counter WHERE account = $1', [nameOf(db)]);
  if (rows.length === 0) throw new StoreError('not-found', `no account ${nameOf(db)}`);
}

function typeOf(value: Value | undefined): string {
  if (typeof value === 'number') return Number.isInteger(value) ? integerType(value) : '::double precision';
  if (typeof value === 'string') return '::text';
  return value instanceof Uint8Array ? '::bytea' : '';
}

/** The smaller type where it does: some functions (substr) take no other, and all that take a bigint take it. */
function integerType(value: number): string {
  return (value | 0) === value ? '::integer' : '::bigint';
}

function nameOf(db: DatabaseKey): string {
  return db.kind === 'account' ? db.id : db.kind;
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}

function toStoreError(error: unknown): StoreError {
  if (error instanceof StoreError) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new StoreError(BY_CODE[codeOf(error)] ?? 'unavailable', `postgres: ${message}`, { cause: error });
}
