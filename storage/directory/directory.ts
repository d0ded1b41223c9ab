// Who is here: the port Directory over an engine. Answers are kept in memory per thread until the directory's generation
// moves, because every RCPT and every login asks.

import { randomInt } from 'node:crypto';
import { createAccount } from '../account/create.ts';
import type { DatabaseKey, Engine } from '../engines/port.ts';
import { StoreError } from '../errors.ts';
import { all, MAX_ROWS, type Op } from '../operation.ts';
import type { Account, AccountId, Alias, Credential, Directory, Domain, Resolution, ScramKeys } from '../ports.ts';
import type { Sealer } from '../secrets/sealing.ts';
import { canonicalDomain, parseAddress, splitSuffix, theAddress } from './addresses.ts';
import * as changes from './changes.ts';
import { CACHED_ANSWERS, DESTROY_ATTEMPTS } from './limits.ts';
import { login, resolve } from './resolve.ts';
import { accountAt, accountById, presentAccount, readSettings } from './rows.ts';

/** What a directory is made of. */
export interface DirectoryParts {
  readonly engine: Engine;
  /** Unix ms. */
  readonly now: () => number;
  readonly sealer: Sealer;
}

const DB: DatabaseKey = { kind: 'directory' };

/** See Directory. */
export class SqlDirectory implements Directory {
  readonly #engine: Engine;
  readonly #now: () => number;
  readonly #sealer: Sealer;
  /** Those that are kept are there already; each is handed out as it is, without a promise of its own. */
  readonly #answers = new Map<string, Promise<unknown>>();
  #generation = -1;

  constructor(parts: DirectoryParts) {
    this.#engine = parts.engine;
    this.#now = parts.now;
    this.#sealer = parts.sealer;
  }

  async domains(): Promise<Domain[]> {
    const rows = await this.#pages<{ name: string; is_default: number }>(
      `SELECT name, is_default FROM domain WHERE name > $1 ORDER BY name LIMIT ${MAX_ROWS}`,
      (row) => row.name,
    );
    return rows.map((row) => ({ name: row.name, isDefault: row.is_default !== 0 }));
  }

  async addDomain(name: string): Promise<void> {
    const domain = canonicalDomain(name);
    if (domain === '') throw new StoreError('invalid', `${JSON.stringify(name)} is not a domain name`);
    const now = this.#now();
    await this.#write(() => changes.addDomain(domain, now));
  }

  async removeDomain(name: string): Promise<void> {
    await this.#write(() => changes.removeDomain(canonicalDomain(name)));
  }

  async accounts(): Promise<Account[]> {
    const found: Account[] = [];
    for (let after = ''; ; ) {
      const from = after;
      const page = await this.#engine.read(DB, () => changes.accountsPage(from, MAX_ROWS));
      for (const row of page) found.push(presentAccount(row));
      if (page.length < MAX_ROWS) return found.sort((a, b) => (a.address < b.address ? -1 : 1));
      after = page.at(-1)?.id ?? after;
    }
  }

  account(id: AccountId): Promise<Account | undefined> {
    return this.#cached(`id ${id}`, function* () {
      const row = yield* accountById(id);
      return row === undefined ? undefined : presentAccount(row);
    });
  }

  async accountByAddress(address: string): Promise<Account | undefined> {
    const wanted = parseAddress(address);
    if (wanted === undefined) return undefined;
    return await this.#cached(`at ${wanted.local}@${wanted.domain}`, function* () {
      const row = yield* accountAt(wanted);
      return row === undefined ? undefined : presentAccount(row);
    });
  }

  async addAccount(account: Parameters<Directory['addAccount']>[0]): Promise<Account> {
    const address = theAddress(account.address);
    // A suffix belongs to the sender's side (F137): such an address would shadow its base's.
    if (splitSuffix(address.local).suffix !== '')
      throw new StoreError('invalid', `${account.address} has a +suffix, which no account may have`);
    await this.#engine.read(DB, () => changes.refuseTaken(address));
    const id = newAccountId();
    const now = this.#now();
    await this.#engine.createAccount(id);
    try {
      await this.#engine.write({ kind: 'account', id }, () => createAccount(id, now));
      const { quota, scram } = account;
      const row = { id, address, hash: account.passwordHash, scram: this.#sealed(id, scram), quota, now };
      return await this.#write(() => changes.addAccount(row));
    } catch (error) {
      // No row names it, so nobody will miss it.
      await this.#engine.destroyAccount(id);
      throw error;
    }
  }

  async removeAccount(id: AccountId): Promise<void> {
    await this.#write(() => changes.removeAccount(id));
    // Nothing of it begins any more, but what is in hand (a verification, a backup) may take longer than one attempt waits.
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#engine.destroyAccount(id);
      } catch (error) {
        if (!(error instanceof StoreError) || error.code !== 'busy' || attempt === DESTROY_ATTEMPTS) throw error;
      }
    }
  }

  async setPassword(id: AccountId, hash: string, scram?: ScramKeys): Promise<void> {
    const sealed = this.#sealed(id, scram);
    await this.#write(() => changes.setPassword(id, hash, sealed));
  }

  async setScram(id: AccountId, version: number, scram: ScramKeys): Promise<void> {
    const sealed = this.#sealer.seal(JSON.stringify(scram), sealedFor(id));
    await this.#write(() => changes.setScram(id, version, sealed));
  }

  #sealed(id: AccountId, scram: ScramKeys | undefined): string | null {
    return scram === undefined ? null : this.#sealer.seal(JSON.stringify(scram), sealedFor(id));
  }

  async setQuota(id: AccountId, quota: number | null): Promise<void> {
    await this.#write(() => changes.setQuota(id, quota));
  }

  async aliases(): Promise<Alias[]> {
    const byAddress = new Map<string, string[]>();
    let [domain, local, seq] = ['', '', -1];
    for (;;) {
      const from = [domain, local, seq];
      const page = await this.#engine.read(DB, () =>
        all<{ domain: string; local: string; seq: number; address: string }>(
          `SELECT domain, local, seq, address FROM alias_target WHERE (domain, local, seq) > ($1, $2, $3)
           ORDER BY domain, local, seq LIMIT ${MAX_ROWS}`,
          from,
        ),
      );
      for (const row of page) {
        const name = `${row.local}@${row.domain}`;
        byAddress.set(name, [...(byAddress.get(name) ?? []), row.address]);
      }
      const last = page.at(-1);
      if (last === undefined || page.length < MAX_ROWS) break;
      ({ domain, local, seq } = last);
    }
    return [...byAddress].map(([address, targets]) => ({ address, targets }));
  }

  async addAlias(address: string, targets: readonly string[]): Promise<void> {
    const alias = theAddress(address, { catchAll: true });
    const now = this.#now();
    await this.#write(() => changes.addAlias(alias, targets, now));
  }

  async removeAlias(address: string): Promise<void> {
    const alias = theAddress(address, { catchAll: true });
    await this.#write(() => changes.removeAlias(alias));
  }

  resolve(address: string): Promise<Resolution> {
    return this.#cached(`to ${address}`, () => resolve(address));
  }

  login(name: string): Promise<Credential | undefined> {
    return this.#cached(`login ${name}`, () => this.#login(name));
  }

  *#login(name: string): Op<Credential | undefined> {
    const found = yield* login(name);
    if (found === undefined) return undefined;
    const opened = found.scram === null ? null : this.#sealer.open(found.scram, sealedFor(found.account.id));
    return { ...found, scram: opened === null ? null : (JSON.parse(opened) as ScramKeys) };
  }

  async maySendAs(id: AccountId, address: string): Promise<boolean> {
    const resolution = await this.resolve(address);
    if (resolution.kind === 'local' && resolution.accounts.some((account) => account.id === id)) {
      return true;
    }
    const allowed = (await this.settings(id)).get('send-as') ?? [];
    const wanted = allowed.length > 0 ? parseAddress(address) : undefined;
    if (wanted === undefined) return false;
    const { base } = splitSuffix(wanted.local);
    return [wanted.local, base, ''].some((local) => allowed.includes(`${local}@${wanted.domain}`));
  }

  settings(id: AccountId): Promise<ReadonlyMap<string, readonly string[]>> {
    return this.#cached(`settings ${id}`, () => readSettings(id));
  }

  async setSetting(id: AccountId, name: string, values: readonly string[]): Promise<void> {
    await this.#write(() => changes.setSetting(id, name, values));
  }

  #write<T>(op: () => Op<T>): Promise<T> {
    return this.#engine.write(DB, op);
  }

  /** All rows of a list, a page a transaction; `key` is the column that the statement starts after. */
  async #pages<R>(sql: string, key: (row: R) => string): Promise<R[]> {
    const rows: R[] = [];
    for (let after = ''; ; ) {
      const from = after;
      const page = await this.#engine.read(DB, () => all<R>(sql, [from]));
      rows.push(...page);
      const last = page.at(-1);
      if (last === undefined || page.length < MAX_ROWS) return rows;
      after = key(last);
    }
  }

  /** An answer from memory while the directory is as it was, else by a read. */
  #cached<T>(question: string, op: () => Op<T>): Promise<T> {
    const generation = this.#engine.generation(DB);
    if (generation !== this.#generation) {
      this.#answers.clear();
      this.#generation = generation;
    }
    return (this.#answers.get(question) as Promise<T> | undefined) ?? this.#ask(question, op, generation);
  }

  async #ask<T>(question: string, op: () => Op<T>, generation: number): Promise<T> {
    const answer = await this.#engine.read(DB, op);
    // If the directory moved meanwhile, the answer may be of either side: it is good once, and not kept.
    if (this.#engine.generation(DB) === generation && this.#generation === generation) {
      if (this.#answers.size >= CACHED_ANSWERS) this.#answers.clear();
      this.#answers.set(question, Promise.resolve(answer));
    }
    return answer;
  }
}

/** What the SCRAM keys of an account are sealed for. */
function sealedFor(id: AccountId): string {
  return `${id} scram-sha-256`;
}

const ID_LETTERS = 'abcdefghijklmnopqrstuvwxyz0123456789';

/** Sixteen random letters and digits (82 bits): never given twice. */
function newAccountId(): AccountId {
  return Array.from({ length: 16 }, () => ID_LETTERS[randomInt(ID_LETTERS.length)]).join('');
}
