// Keeps the indexes up with the mail, in the background: an account that has been written to is read once it is quiet,
// or has waited long enough, a few messages at a time and never more than half of a core.

import { setTimeout as sleep } from 'node:timers/promises';
import { accountsPage } from '../directory/changes.ts';
import type { DatabaseKey, Engine } from '../engines/port.ts';
import { StoreError } from '../errors.ts';
import type { StoreLog } from '../log.ts';
import { all, type Op, one } from '../operation.ts';
import type { AccountId, MailAccount, MessageId } from '../ports.ts';
import type { AccountIndex } from './account-index.ts';
import type { IndexedMessage } from './index-file.ts';
import { BATCH_MESSAGES } from './limits.ts';
import { messageTerms, noFields } from './message-terms.ts';

/** Accounts of one page of the walk. */
const PAGE = 500;
/** An account that is written to all the time waits no longer than so many times the usual wait. */
const PATIENCE = 20;
/** Indexed messages that are gone may be as many as those that are there, and so many more, before all is made anew. */
const STALE_MESSAGES = 1_000;

export interface IndexerParts {
  readonly engine: Engine;
  readonly mail: (id: AccountId) => MailAccount;
  /** Is there an index of this account? */
  readonly has: (id: AccountId) => boolean;
  /** Works on an account's index. */
  readonly use: <T>(id: AccountId, work: (index: AccountIndex) => T | Promise<T>) => Promise<T>;
  /** Throws an account's index away. */
  readonly discard: (id: AccountId) => Promise<void>;
  /** How long an account is left alone after it was written to, ms. */
  readonly quiet: number;
  readonly log: StoreLog;
  readonly signal: AbortSignal;
}

/** What was last seen of an account. */
interface Seen {
  generation: number;
  /** When that generation was first seen, and when an earlier one that is not indexed was; on the monotonic clock. */
  since: number;
  waiting: number;
  done: boolean;
}

export class Indexer {
  readonly #parts: IndexerParts;
  readonly #seen = new Map<AccountId, Seen>();

  constructor(parts: IndexerParts) {
    this.#parts = parts;
  }

  /** Looks at every account once, and indexes those that are due. */
  async pass(): Promise<void> {
    const { engine, signal } = this.#parts;
    for (let after: string | undefined = ''; after !== undefined && !signal.aborted; ) {
      const from: string = after;
      const page = await engine.read({ kind: 'directory' }, () => accountsPage(from, PAGE));
      for (const { id } of page) if (!signal.aborted && this.#isDue(id)) await this.#indexAccount(id);
      after = page.at(-1)?.id;
    }
  }

  #isDue(id: AccountId): boolean {
    const { engine, quiet } = this.#parts;
    const generation = engine.generation({ kind: 'account', id });
    const now = performance.now();
    const seen = this.#seen.get(id);
    if (seen === undefined) {
      // Written to before this thread began.
      this.#seen.set(id, { generation, since: now, waiting: now, done: false });
      return quiet === 0;
    }
    if (seen.generation !== generation) {
      Object.assign(seen, { generation, since: now, waiting: seen.done ? now : seen.waiting, done: false });
    }
    if (seen.done) return false;
    return now - seen.since >= quiet || now - seen.waiting >= quiet * PATIENCE;
  }

  async #indexAccount(id: AccountId): Promise<void> {
    const { signal, log } = this.#parts;
    const seen = this.#seen.get(id);
    try {
      for (let state: Progress = 'more'; state !== 'done' && !signal.aborted; ) {
        const begun = performance.now();
        state = await this.#batch(id);
        if (state === 'stale') await this.#parts.discard(id);
        await sleep(performance.now() - begun);
      }
      if (seen !== undefined) seen.done = true;
    } catch (error) {
      if (error instanceof StoreError && (error.code === 'not-found' || error.code === 'closed')) {
        this.#seen.delete(id);
        return;
      }
      if (seen !== undefined) seen.since = performance.now();
      log.warn({ err: error, account: id }, 'an account could not be indexed for searches; it is tried again');
    }
  }

  /** Indexes the next few messages. */
  async #batch(id: AccountId): Promise<Progress> {
    const { engine } = this.#parts;
    // An account without mail needs none: the empty file takes 36 KB.
    if (!this.#parts.has(id) && !(await engine.read(account(id), () => hasMessages(id)))) return 'done';
    return await this.#parts.use(id, async (index) => {
      const { upTo, messages: indexed, epoch: before } = index.state;
      const { epoch, rows } = await engine.read(account(id), () => messagesAfter(id, upTo));
      if (epoch !== before && upTo > 0) return 'stale';
      const last = rows.at(-1);
      if (last === undefined) {
        if (indexed <= STALE_MESSAGES) return 'done';
        const there = await engine.read(account(id), () => messageCount(id));
        return indexed > 2 * there + STALE_MESSAGES ? 'stale' : 'done';
      }
      const messages: IndexedMessage[] = [];
      for (const row of rows) {
        const one = await this.#terms(id, row);
        if (one !== undefined) messages.push(one);
      }
      index.add(messages, last.id, epoch);
      return 'more';
    });
  }

  async #terms(id: AccountId, row: MessageRow): Promise<IndexedMessage | undefined> {
    try {
      return await messageTerms(row.id, await this.#parts.mail(id).content(row.id), row.structure);
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      // Swept since its row was read.
      if (error.code === 'not-found') return undefined;
      if (error.code !== 'unavailable') throw error;
      this.#parts.log.warn({ err: error, account: id, message: row.id }, 'a message can not be read for the index');
      return { message: row.id, header: new Set(), body: new Set(), fields: noFields(), unsure: true };
    }
  }
}

/** After a batch: there may be more; all is indexed; or what is indexed is of no use any more. */
type Progress = 'more' | 'done' | 'stale';

interface MessageRow {
  readonly id: MessageId;
  readonly structure: string;
}

function account(id: AccountId): DatabaseKey {
  return { kind: 'account', id };
}

/** Ids grow in the order of commits, so nothing is ever added before the last one that was read. */
function* messagesAfter(
  id: AccountId,
  after: MessageId,
): Op<{ readonly epoch: number; readonly rows: readonly MessageRow[] }> {
  const rows = yield* all<MessageRow>(
    `SELECT id, structure FROM message WHERE account = $1 AND id > $2 ORDER BY id LIMIT ${BATCH_MESSAGES}`,
    [id, after],
  );
  return { epoch: yield* epochOf(id), rows };
}

/** The account's epoch of now. */
export function* epochOf(id: AccountId): Op<number> {
  const row = yield* one<{ epoch: number }>('SELECT epoch FROM counter WHERE account = $1', [id]);
  return row?.epoch ?? 0;
}

function* hasMessages(id: AccountId): Op<boolean> {
  return (yield* one('SELECT id FROM message WHERE account = $1 AND id > 0 LIMIT 1', [id])) !== undefined;
}

function* messageCount(id: AccountId): Op<number> {
  const row = yield* one<{ count: number }>('SELECT count(*) AS count FROM message WHERE account = $1', [id]);
  return row?.count ?? 0;
}
