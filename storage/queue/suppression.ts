// Addresses that nothing is sent to any more: those that refused mail so often, in a row, and those that an administrator
// has named. Counted in the transaction that settles the recipient, so that each refusal counts once.

import { parseAddress } from '../directory/addresses.ts';
import type { DatabaseKey, Engine } from '../engines/port.ts';
import { StoreError } from '../errors.ts';
import { all, type Op, one, run } from '../operation.ts';
import type { Suppressed, Suppression } from '../ports.ts';
import { BOUNCE_MS, REPLY_CHARACTERS, SUPPRESSED } from './limits.ts';

const DB: DatabaseKey = { kind: 'queue' };

interface SuppressedRow {
  readonly address: string;
  readonly blocks: number;
  readonly bounces: number;
  readonly at: number;
  readonly reply: string;
}

const COLUMNS = 'address, blocks, bounces, at, reply';

export class SqlSuppression implements Suppression {
  readonly #engine: Engine;
  readonly #now: () => number;

  constructor({ engine, now }: { readonly engine: Engine; readonly now: () => number }) {
    this.#engine = engine;
    this.#now = now;
  }

  async list(after: string, limit: number): Promise<Suppressed[]> {
    const sql = `SELECT ${COLUMNS} FROM suppressed WHERE address > $1 ORDER BY address LIMIT $2`;
    const rows = await this.#engine.read(DB, () => all<SuppressedRow>(sql, [after, limit]));
    return rows.map(({ blocks, ...row }) => ({ ...row, blocks: blocks === 1 }));
  }

  async add(text: string): Promise<void> {
    if (parseAddress(text) === undefined) throw new StoreError('invalid', `${JSON.stringify(text)} is not an address`);
    const address = suppressionKey(text);
    const now = this.#now();
    await this.#engine.write(DB, function* (): Op<void> {
      yield* lock();
      yield* put({ address, blocks: 1, bounces: 0, at: now, reply: '' });
    });
  }

  async remove(text: string): Promise<void> {
    const address = suppressionKey(text);
    await this.#engine.write(DB, function* (): Op<void> {
      yield* lock();
      const row = yield* one('DELETE FROM suppressed WHERE address = $1 RETURNING address', [address]);
      if (row === undefined) throw new StoreError('not-found', `${address} is not on the list`);
    });
  }
}

/** An address in the one spelling that the list has. */
export function suppressionKey(address: string): string {
  const parsed = parseAddress(address);
  return parsed === undefined ? address.toLowerCase() : `${parsed.local}@${parsed.domain}`;
}

/** Those of some addresses that nothing is sent to. */
export function* suppressedAmong(addresses: readonly string[]): Op<Map<string, string>> {
  const found = new Map<string, string>();
  for (const address of addresses) {
    const row = yield* one<{ reply: string }>('SELECT reply FROM suppressed WHERE address = $1 AND blocks = 1', [
      suppressionKey(address),
    ]);
    if (row !== undefined) found.set(address, row.reply);
  }
  return found;
}

/** An address has refused a message for good: the last of so many in a row puts it on the list. */
export function* noteBounce(
  text: string,
  { after, now, reply }: { after: number; now: number; reply: string },
): Op<void> {
  const address = suppressionKey(text);
  const row = yield* one<SuppressedRow>(`SELECT ${COLUMNS} FROM suppressed WHERE address = $1`, [address]);
  if (row?.blocks === 1) return;
  const bounces = row === undefined || row.at < now - BOUNCE_MS ? 1 : row.bounces + 1;
  yield* put({ address, blocks: bounces >= after ? 1 : 0, bounces, at: now, reply: reply.slice(0, REPLY_CHARACTERS) });
  // The oldest ones go when there are too many; never what an administrator has put there.
  for (const blocks of [0, 1]) {
    const last = yield* one<{ at: number }>(
      `SELECT at FROM suppressed WHERE blocks = $1 ORDER BY at DESC LIMIT 1 OFFSET ${SUPPRESSED}`,
      [blocks],
    );
    if (last === undefined) continue;
    yield* run('DELETE FROM suppressed WHERE blocks = $1 AND at <= $2 AND bounces > 0', [blocks, last.at]);
  }
}

/** It takes mail: what it refused before is forgotten. */
export function* forgetBounces(address: string): Op<void> {
  yield* run('DELETE FROM suppressed WHERE address = $1 AND bounces > 0', [suppressionKey(address)]);
}

function* put({ address, blocks, bounces, at, reply }: SuppressedRow): Op<void> {
  yield* run(
    `INSERT INTO suppressed (${COLUMNS}) VALUES ($1, $2, $3, $4, $5)
     ON CONFLICT (address) DO UPDATE SET blocks = excluded.blocks, bounces = excluded.bounces, at = excluded.at,
       reply = excluded.reply`,
    [address, blocks, bounces, at, reply],
  );
}

/** Locks the queue, as every writer does first. */
function* lock(): Op<void> {
  yield* run(`UPDATE counter SET modseq = modseq + 1 WHERE account = 'queue'`);
}
