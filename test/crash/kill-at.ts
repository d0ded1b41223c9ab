// Loaded into a server before it starts (`NODE_OPTIONS=--import`): ends it with SIGKILL at one exact moment of a queue's
// work, which KILL_AT names (see KillAt). Nothing of this is in the server itself.
import Sqlite from 'better-sqlite3';
import type { AttemptResult, NewQueued } from '#storage/ports.ts';
import { SqlQueue } from '#storage/queue/queue.ts';

/** before: nothing is written; inside: in the transaction; committed: not synced, nobody told; durable: not acted upon. */
export type Moment = 'before' | 'inside' | 'committed' | 'durable';

export interface KillAt {
  readonly call: 'add' | 'settle' | 'change' | 'remove';
  readonly moment: Moment;
  /** Of `settle`: the first result's state, and whether a report goes with it. */
  readonly state?: AttemptResult['state'];
  readonly report?: boolean;
}

/** A statement in the middle of each transaction. */
const WITHIN: Readonly<Record<string, RegExp>> = {
  add: /^INSERT INTO queued_recipient/,
  settle: /^INSERT INTO attempt/,
  report: /^INSERT INTO queued_recipient/,
  change: /^UPDATE queued_recipient SET state/,
  remove: /^DELETE FROM queued_recipient/,
};

const text = process.env.KILL_AT;
if (text !== undefined) killAt(JSON.parse(text) as KillAt);

function killAt({ call, moment, state, report }: KillAt): void {
  const die = () => process.kill(process.pid, 'SIGKILL');
  /** The call whose transaction is looked for has begun; its statement has been run. */
  let begun = false;
  let met = false;
  const within = WITHIN[report === true ? 'report' : call];

  const wanted = (args: readonly unknown[]): boolean => {
    if (call !== 'settle') return true;
    const [results, reports] = args as [readonly AttemptResult[], readonly NewQueued[]];
    return results[0]?.state === state && reports.length > 0 === (report === true);
  };
  const own = Object.getOwnPropertyDescriptor(SqlQueue.prototype, call)?.value as (
    ...args: unknown[]
  ) => Promise<unknown>;
  Object.defineProperty(SqlQueue.prototype, call, {
    async value(this: SqlQueue, ...args: unknown[]) {
      if (!wanted(args)) return own.apply(this, args);
      if (moment === 'before') die();
      begun = true;
      const value = await own.apply(this, args);
      if (moment === 'durable') die();
      return value;
    },
  });

  const prepare = Sqlite.prototype.prepare;
  Sqlite.prototype.prepare = function (this: Sqlite.Database, sql: string) {
    const statement = prepare.call(this, sql);
    const run = statement.run.bind(statement) as (...args: unknown[]) => Sqlite.RunResult;
    statement.run = ((...args: unknown[]) => {
      const result = run(...args);
      if (begun && within?.test(sql.trim())) met = true;
      if (met && moment === 'inside') die();
      if (met && moment === 'committed' && sql === 'COMMIT') die();
      return result;
    }) as typeof statement.run;
    return statement;
  } as typeof prepare;
}
