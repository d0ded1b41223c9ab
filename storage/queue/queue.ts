// The queue over an engine and blobs: the port Queue. Any thread adds to it; the scheduler, in one thread, takes from it.

import { messageContent } from '../blobs/content.ts';
import type { Adopted, Blobs } from '../blobs/port.ts';
import { QUEUE_OWNER } from '../blobs/port.ts';
import type { DatabaseKey, Engine } from '../engines/port.ts';
import { StoreError } from '../errors.ts';
import { all, type Op, one, run } from '../operation.ts';
import type {
  AccountId,
  AttemptResult,
  Destination,
  MessageContent,
  NewQueued,
  Obstacles,
  Queue,
  QueueAttempt,
  QueuedMessage,
  QueuedRecipient,
  QueuedState,
  QueueFilter,
  QueueId,
  QueueListing,
  RouteUse,
} from '../ports.ts';
import { add, type Outgoing, outgoing, refresh } from './add.ts';
import { drafts, noteDraft } from './drafts.ts';
import { STEP } from './limits.ts';
import {
  BEGINNING,
  CHANGES,
  change,
  inLane,
  isOfRoute,
  listStep,
  meant,
  type Place,
  remove,
  reroute,
  routedLane,
} from './operate.ts';
import { noteUse, used } from './route-use.ts';
import { LANE, messageRow, RECIPIENT, type RecipientRow, toMessage, toRecipient } from './rows.ts';
import { settle } from './settle.ts';
import { forgive, standingOf } from './standing.ts';
import { suppressedAmong } from './suppression.ts';

export interface SqlQueueParts {
  readonly engine: Engine;
  readonly blobs: Blobs;
  /** Unix ms. */
  readonly now: () => number;
  /** Called when a large body may have lost its last name: something has to sweep it. */
  readonly loose?: () => void;
}

const DB: DatabaseKey = { kind: 'queue' };

export class SqlQueue implements Queue {
  readonly #parts: SqlQueueParts;

  constructor(parts: SqlQueueParts) {
    this.#parts = parts;
  }

  add(message: NewQueued): Promise<QueueId> {
    return this.#adopting([message], async ([ready]) => {
      const now = this.#parts.now();
      return this.#write(() => add(ready as Outgoing, now));
    });
  }

  due(now: number, limit: number): Promise<Destination[]> {
    const sql = 'SELECT domain, due, failures FROM destination WHERE due <= $1 ORDER BY due, domain LIMIT $2';
    return this.#read(() => all<Destination>(sql, [now, limit]));
  }

  async nextDue(now: number): Promise<number | null> {
    const sql = 'SELECT due FROM destination WHERE due > $1 ORDER BY due LIMIT 1';
    const row = await this.#read(() => one<{ due: number }>(sql, [now]));
    return row?.due ?? null;
  }

  async recipients(domain: string, now: number, limit: number): Promise<QueuedRecipient[]> {
    const sql = `SELECT ${RECIPIENT} FROM queued_recipient
      WHERE ${LANE} = $1 AND state = 'waiting' AND next_attempt <= $2 ORDER BY next_attempt, queued, seq LIMIT $3`;
    const rows = await this.#read(() => all<RecipientRow>(sql, [domain, now, limit]));
    return rows.map(toRecipient);
  }

  async message(id: QueueId): Promise<QueuedMessage | undefined> {
    const row = await this.#read(() => messageRow(id));
    return row === undefined ? undefined : toMessage(row);
  }

  async content(id: QueueId): Promise<MessageContent> {
    const row = await this.#read(() => contentRow(id));
    if (row === undefined) throw new StoreError('not-found', `no message ${id} in the queue`);
    const { size, prefix, header, body, blob } = row;
    const { blobs } = this.#parts;
    return messageContent({ size, prefix, header, body: body ?? (() => blobs.open(QUEUE_OWNER, blob)) }, blobs.packers);
  }

  async settle(results: readonly AttemptResult[], reports: readonly NewQueued[]): Promise<boolean> {
    return this.#adopting(reports, async (ready) => {
      const now = this.#parts.now();
      const { applied, loose } = await this.#write(() => settle(results, ready, now));
      if (loose) this.#parts.loose?.();
      return applied;
    });
  }

  async postpone(domain: string, notBefore: number, failures: number): Promise<void> {
    await this.#write(function* (): Op<void> {
      yield* run('UPDATE destination SET not_before = $2, failures = $3 WHERE domain = $1', [
        domain,
        notBefore,
        failures,
      ]);
      yield* refresh(domain);
    });
  }

  async list(filter: QueueFilter, after: QueueId, limit: number): Promise<QueueListing[]> {
    const found: QueueListing[] = [];
    for (let from: QueueId | null = after; from !== null && found.length < limit; ) {
      const at: QueueId = from;
      const page = await this.#read(() => listStep(filter, at));
      found.push(...page.listings);
      from = page.after;
    }
    return found.slice(0, limit);
  }

  attempts(id: QueueId): Promise<QueueAttempt[]> {
    const sql = `SELECT seq, number, at, host, tls, status, reply, transcript FROM attempt
      WHERE queued = $1 ORDER BY seq, number LIMIT 2000`;
    return this.#read(() => all<QueueAttempt>(sql, [id]));
  }

  async change(action: 'retry' | 'hold' | 'release', filter: QueueFilter): Promise<number> {
    let changed = 0;
    for await (const ids of this.#matching(filter, CHANGES[action].from)) {
      const now = this.#parts.now();
      changed += await this.#write(() => change(action, ids, filter, now));
    }
    return changed;
  }

  async reroute(filter: QueueFilter, to: Parameters<typeof reroute>[2]): Promise<number> {
    let changed = 0;
    for await (const ids of this.#matching(filter, CHANGES.retry.from)) {
      const now = this.#parts.now();
      changed += await this.#write(() => reroute(ids, filter, to, now));
    }
    return changed;
  }

  async remove(filter: QueueFilter): Promise<number> {
    let total = 0;
    for await (const ids of this.#matching(filter, OPEN)) {
      const { removed, loose } = await this.#write(() => remove(ids, filter));
      if (loose) this.#parts.loose?.();
      total += removed;
    }
    return total;
  }

  used(route: string, since: number): Promise<RouteUse[]> {
    return this.#read(() => used(route, Math.floor(since / HOUR_MS)));
  }

  async noteUse(route: string, use: Omit<RouteUse, 'hour'>): Promise<void> {
    const hour = Math.floor(this.#parts.now() / HOUR_MS);
    await this.#write(() => noteUse(route, { ...use, hour }));
  }

  drafts(route: string): Promise<string[]> {
    return this.#read(() => drafts(route));
  }

  async noteDraft(route: string, draft: string, there: boolean): Promise<void> {
    await this.#write(() => noteDraft(route, draft, there, this.#parts.now()));
  }

  obstacles(owner: AccountId | '', addresses: readonly string[]): Promise<Obstacles> {
    return this.#read(function* (): Op<Obstacles> {
      const held = owner === '' ? 0 : ((yield* standingOf(owner))?.held ?? 0);
      return { held: held > 0, suppressed: yield* suppressedAmong(addresses) };
    });
  }

  async forgive(owner: AccountId): Promise<void> {
    const held = await this.#write(() => forgive(owner));
    if (held) await this.change('release', { owner });
  }

  async totals(): Promise<{ readonly messages: number; readonly bytes: number }> {
    const sql = `SELECT messages, bytes FROM counter WHERE account = 'queue'`;
    return (await this.#read(() => one<{ messages: number; bytes: number }>(sql))) ?? { messages: 0, bytes: 0 };
  }

  subscribe(wake: () => void): Disposable {
    return this.#parts.engine.subscribe(DB, wake);
  }

  /** The ids of messages that a filter means and that have recipients in these states, in portions that fit a transaction. */
  async *#matching(filter: QueueFilter, states: readonly QueuedState[]): AsyncGenerator<QueueId[]> {
    const seeks = filter.id === undefined && (filter.domain !== undefined || filter.route !== undefined);
    const pages = seeks ? this.#seek(filter, states) : this.#walk(filter, states);
    for await (const ids of pages) {
      for (let i = 0; i < ids.length; i += PORTION) yield ids.slice(i, i + PORTION);
    }
  }

  /** Over all messages. */
  async *#walk(filter: QueueFilter, states: readonly QueuedState[]): AsyncGenerator<QueueId[]> {
    for (let from: QueueId | null = 0; from !== null; ) {
      const at: QueueId = from;
      const page = await this.#read(() => listStep(filter, at));
      const found = page.listings.filter(({ recipients }) => recipients.some(({ state }) => states.includes(state)));
      yield found.map(({ id }) => id);
      from = page.after;
    }
  }

  /** By the index of the lanes; all are found before the first is changed, since that moves them. */
  async *#seek(filter: QueueFilter, states: readonly QueuedState[]): AsyncGenerator<QueueId[]> {
    const found = new Set<QueueId>();
    for (const lane of await this.#lanesOf(filter)) {
      for (const state of states) {
        for (let place: Place | undefined = BEGINNING; place !== undefined; ) {
          const from: Place = place;
          const page: Place[] = await this.#read(() => inLane(lane, state, from));
          for (const { queued } of page) found.add(queued);
          place = page.at(-1);
        }
      }
    }
    const ids = [...found].sort((a, b) => a - b);
    for (let i = 0; i < ids.length; i += STEP) {
      const page = ids.slice(i, i + STEP);
      yield await this.#read(() => meant(page, filter));
    }
  }

  /** Where recipients of a domain, or of a route, can wait: those of a domain on any route. */
  async #lanesOf({ domain, route }: QueueFilter): Promise<string[]> {
    const lanes = domain === undefined || route !== undefined ? [] : [domain];
    for (let after = '='; ; ) {
      const from = after;
      const lane = await this.#read(() => routedLane(from));
      if (lane === undefined) return lanes;
      if (route === undefined || isOfRoute(lane, route)) lanes.push(lane);
      after = lane;
    }
  }

  #read<T>(op: () => Op<T>): Promise<T> {
    return this.#parts.engine.read(DB, op);
  }

  #write<T>(op: () => Op<T>): Promise<T> {
    return this.#parts.engine.write(DB, op);
  }

  /** Brings large bodies into the queue, pinned until the work that names them has ended. */
  async #adopting<T>(messages: readonly NewQueued[], work: (ready: Outgoing[]) => Promise<T>): Promise<T> {
    const adopted: Adopted[] = [];
    let done = false;
    try {
      const ready: Outgoing[] = [];
      for (const message of messages) {
        const { staged } = message;
        const blob = staged.file === null ? undefined : await this.#parts.blobs.adopt(QUEUE_OWNER, staged);
        if (blob !== undefined) adopted.push(blob);
        ready.push(outgoing(message, blob?.name ?? ''));
      }
      const value = await work(ready);
      done = true;
      return value;
    } finally {
      for (const blob of adopted) blob.release();
      if (!done && adopted.length > 0) this.#parts.loose?.();
    }
  }
}

/** What a message that is there has recipients in: others are of the past, and go with it. */
const OPEN: readonly QueuedState[] = ['waiting', 'held', 'sent', 'failed'];

const HOUR_MS = 3_600_000;

/** Messages that one transaction of an operator's command changes: some milliseconds. */
const PORTION = 50;

interface ContentRow {
  readonly size: number;
  readonly prefix: Uint8Array;
  readonly header: Uint8Array;
  readonly body: Uint8Array | null;
  readonly blob: string;
}

function* contentRow(id: QueueId): Op<ContentRow | undefined> {
  return yield* one<ContentRow>('SELECT size, prefix, header, body, blob FROM queued WHERE id = $1', [id]);
}

/** The blobs of a page of names that messages in the queue name. */
export function* queuedBlobs(names: readonly string[]): Op<Set<string>> {
  const named = new Set<string>();
  for (const name of names) {
    const row = yield* one(`SELECT id FROM queued WHERE blob = $1 AND blob <> '' LIMIT 1`, [name]);
    if (row !== undefined) named.add(name);
  }
  return named;
}
