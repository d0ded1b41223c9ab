// The indexes that are open: a few, those used last. One piece of work at a time on each.

import { existsSync } from 'node:fs';
import { StoreError } from '../errors.ts';
import type { StoreLog } from '../log.ts';
import type { AccountId } from '../ports.ts';
import { AccountIndex } from './account-index.ts';
import { IndexFile } from './index-file.ts';
import { VOCABULARY_CHARACTERS } from './limits.ts';

/** Files kept open: accounts that are searched at the same time, at some hundreds of KB each. */
const OPEN = 16;

interface Entry {
  readonly index: AccountIndex;
  users: number;
}

/** Opens, keeps and closes indexes. */
export class Indexes {
  readonly #path: (id: AccountId) => string | null;
  readonly #log: StoreLog;
  /** In order of use: the first is the one used longest ago. */
  readonly #open = new Map<AccountId, Entry>();
  #closed = false;

  /** `path`: the file of an account; null if there is no such account. */
  constructor(path: (id: AccountId) => string | null, log: StoreLog) {
    this.#path = path;
    this.#log = log;
  }

  /** Is there an index of this account? */
  has(id: AccountId): boolean {
    if (this.#open.has(id)) return true;
    const path = this.#path(id);
    return path !== null && existsSync(path);
  }

  /** Works on an account's index, which is made if it is not there. Errors: not-found; closed. */
  async use<T>(id: AccountId, work: (index: AccountIndex) => T | Promise<T>): Promise<T> {
    const entry = this.#enter(id);
    entry.users++;
    try {
      return await work(entry.index);
    } catch (error) {
      if (isDamage(error)) this.#throwAway(id, entry, error);
      throw error;
    } finally {
      entry.users--;
      this.#trim();
    }
  }

  /** Throws an index away; it is made anew when it is next used. Errors: busy, if it is in use. */
  async discard(id: AccountId): Promise<void> {
    const entry = this.#open.get(id);
    if (entry !== undefined && entry.users > 0) throw new StoreError('busy', `the search index of ${id} is in use`);
    entry?.index.close();
    this.#open.delete(id);
    const path = this.#path(id);
    if (path !== null) IndexFile.remove(path);
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const { index } of this.#open.values()) index.close();
    this.#open.clear();
  }

  #enter(id: AccountId): Entry {
    if (this.#closed) throw new StoreError('closed', 'the search indexes are closed');
    let entry = this.#open.get(id);
    if (entry === undefined) {
      const path = this.#path(id);
      if (path === null) throw new StoreError('not-found', `no account ${id}`);
      const file = IndexFile.open(path, (error) =>
        this.#log.warn({ err: error, account: id }, 'the search index can not be used and is made anew'),
      );
      entry = { index: new AccountIndex(file), users: 0 };
    }
    this.#open.delete(id);
    this.#open.set(id, entry);
    return entry;
  }

  /** Found damaged in use: the file goes, and the next use makes a new one. */
  #throwAway(id: AccountId, entry: Entry, error: unknown): void {
    this.#log.warn({ err: error, account: id }, 'the search index is damaged and is made anew');
    if (this.#open.get(id) !== entry) return;
    this.#open.delete(id);
    entry.index.close();
    const path = this.#path(id);
    if (path !== null) IndexFile.remove(path);
  }

  #trim(): void {
    let characters = this.#open.values().reduce((sum, { index }) => sum + index.size, 0);
    for (const [id, entry] of this.#open) {
      if (entry.users > 0) continue;
      if (this.#open.size > OPEN) {
        characters -= entry.index.size;
        entry.index.close();
        this.#open.delete(id);
      } else if (characters > VOCABULARY_CHARACTERS) {
        characters -= entry.index.size;
        entry.index.forgetVocabularies();
      }
    }
  }
}

/** SQLite's own words for a file that is not what it should be. */
function isDamage(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  return code.startsWith('SQLITE_CORRUPT') || code === 'SQLITE_NOTADB';
}
