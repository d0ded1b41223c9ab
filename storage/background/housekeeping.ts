// The walk over all accounts: migrations and epoch jumps of those that nobody opens, expunged messages whose time has
// come, bodies that nothing names, the log beyond what is kept.

import { setTimeout as sleep } from 'node:timers/promises';
import { settle } from '../account/owed-flags.ts';
import { referencedBlobs, sweepExpunged, sweepReferences } from '../account/sweep.ts';
import { type Blobs, QUEUE_OWNER } from '../blobs/port.ts';
import { markLog, pruneLog } from '../changes/prune.ts';
import { accountsPage } from '../directory/changes.ts';
import type { DatabaseKey } from '../engines/port.ts';
import type { SqliteEngine } from '../engines/sqlite/engine.ts';
import { databaseKey, databaseName } from '../engines/sqlite/layout.ts';
import { StoreError } from '../errors.ts';
import type { StoreLog } from '../log.ts';
import { type Op, one } from '../operation.ts';
import type { AccountId, ChangeClass, MailboxId } from '../ports.ts';
import { queuedBlobs } from '../queue/queue.ts';

/** Accounts of one page of the walk. */
const PAGE = 500;
/** Between two accounts, ms: the walk is in nobody's way and need not be quick. */
const PAUSE = 5;
/** How often the log's position is noted, so that its age is known later. */
const MARK_EVERY = 86_400_000;

const DIRECTORY_DB: DatabaseKey = { kind: 'directory' };
const CLASSES: readonly ChangeClass[] = ['mail', 'contacts', 'calendar', 'tasks', 'notes'];

export interface HousekeepingParts {
  readonly engine: SqliteEngine;
  readonly blobs: Blobs;
  readonly log: StoreLog;
  /** Unix ms. */
  readonly now: () => number;
  readonly signal: AbortSignal;
}

/** A mailbox whose messages are owed flags. */
export interface OwedFlags {
  readonly id: AccountId;
  readonly mailbox: MailboxId;
}

/** Walks over all accounts, again and again. */
export class Housekeeping {
  readonly #parts: HousekeepingParts;
  #looseSwept: Promise<void> = Promise.resolve();
  #flagsSettled: Promise<void> = Promise.resolve();

  constructor(parts: HousekeepingParts) {
    this.#parts = parts;
  }

  /** One walk; ends early when the signal says so. */
  async walk(): Promise<void> {
    await this.#prune(DIRECTORY_DB, ['directory']);
    for await (const id of this.#accounts()) {
      await this.#keep(id);
      await sleep(PAUSE);
    }
  }

  /** Removes the bodies that a killed run had linked, and no commit names, from the queue and every account. */
  async sweepAllBlobs(): Promise<void> {
    await this.#trying(QUEUE_OWNER, () => this.#sweepBlobs(QUEUE_OWNER));
    for await (const id of this.#accounts()) {
      await this.#trying(id, async () => {
        // Most accounts have no large bodies, and need not be opened.
        for await (const _name of this.#parts.blobs.names(id)) return this.#sweepBlobs(id);
      });
    }
  }

  /** Sweeps an account in which a delivery has left a body that nothing names, or the queue when messages have gone. */
  sweepLoose(id: AccountId): void {
    this.#looseSwept = this.#looseSwept.then(() => this.#trying(id, () => this.#sweepBlobs(id)));
  }

  /** Resolves when all sweeps that were asked for are done. */
  looseSwept(): Promise<void> {
    return this.#looseSwept;
  }

  /** Gives the messages of a mailbox the flags that they are owed. */
  settleFlags(id: AccountId, mailbox: MailboxId): void {
    const { engine, signal } = this.#parts;
    this.#flagsSettled = this.#flagsSettled.then(() =>
      this.#trying(id, () =>
        // Cut short, it goes on when somebody needs them.
        engine.series<boolean>({ kind: 'account', id }, (more) =>
          more === false || signal.aborted ? undefined : () => settle(id, mailbox),
        ),
      ),
    );
  }

  /** Resolves when all flags that were said to be owed are there. */
  flagsSettled(): Promise<void> {
    return this.#flagsSettled;
  }

  async *#accounts(): AsyncGenerator<AccountId> {
    const { engine, signal } = this.#parts;
    for (let after = ''; ; ) {
      const from = after;
      const page = await engine.read(DIRECTORY_DB, () => accountsPage(from, PAGE));
      for (const { id } of page) {
        if (signal.aborted) return;
        yield id;
      }
      const last = page.at(-1);
      if (last === undefined) return;
      after = last.id;
    }
  }

  #keep(id: AccountId): Promise<void> {
    return this.#trying(id, async () => {
      await this.#parts.engine.touch({ kind: 'account', id });
      await this.#sweep(id);
      await this.#prune({ kind: 'account', id }, CLASSES);
    });
  }

  /** What is wrong with one account is logged, and does not stop the walk. */
  async #trying(id: AccountId, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (this.#parts.signal.aborted) return;
      // Removed meanwhile.
      if (error instanceof StoreError && error.code === 'not-found') return;
      this.#parts.log.warn(
        { err: error, account: id },
        'an account could not be kept in order; the next walk tries again',
      );
    }
  }

  async #sweep(id: AccountId): Promise<void> {
    const { engine, now, signal } = this.#parts;
    const db: DatabaseKey = { kind: 'account', id };
    let [messages, blobs, more] = [0, false, await this.#isDue(id)];
    while (more && !signal.aborted) {
      const step = await engine.write(db, () => sweepExpunged(id, now()));
      messages += step.messages;
      blobs ||= step.blobs;
      more = step.more;
    }
    for (let after: number | undefined = messages > 0 ? Number.MIN_SAFE_INTEGER : undefined; after !== undefined; ) {
      const from = after;
      after = signal.aborted ? undefined : await engine.write(db, () => sweepReferences(id, from));
    }
    if (blobs && !signal.aborted) await this.#sweepBlobs(id);
  }

  /** Reads first: an account with nothing to sweep is not written to. */
  #isDue(id: AccountId): Promise<boolean> {
    const now = this.#parts.now();
    return this.#parts.engine.read({ kind: 'account', id }, function* (): Op<boolean> {
      const row = yield* one(
        'SELECT item FROM expunged WHERE account = $1 AND retain_until <= $2 AND hold = 0 LIMIT 1',
        [id, now],
      );
      return row !== undefined;
    });
  }

  /** Under the lock, with every commit durable: no lost commit brings back a message whose body is gone. */
  async #sweepBlobs(id: AccountId): Promise<void> {
    const { engine, blobs } = this.#parts;
    const db = databaseKey(id);
    const named = id === QUEUE_OWNER ? queuedBlobs : (names: readonly string[]) => referencedBlobs(id, names);
    await engine.locked(db, () => blobs.sweep(id, (names) => engine.read(db, () => named(names))));
  }

  async #prune(db: DatabaseKey, classes: readonly ChangeClass[]): Promise<void> {
    const { engine, signal } = this.#parts;
    const account = databaseName(db);
    const now = this.#parts.now();
    const marked = await engine.read(db, () =>
      one<{ at: number }>('SELECT at FROM mark WHERE account = $1 ORDER BY at DESC LIMIT 1', [account]),
    );
    if (marked !== undefined && now - marked.at < MARK_EVERY) return;
    for (const name of classes) {
      while (!signal.aborted && (await engine.write(db, () => pruneLog(account, name, now))));
    }
    await engine.write(db, () => markLog(account, now));
  }
}
