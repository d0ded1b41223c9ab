// The port Sharing over an engine. What an account may use is kept in memory per thread until the directory's generation
// moves, because every command asks.

import { formatAddress, theAddress } from '../directory/addresses.ts';
import type { DatabaseKey, Engine } from '../engines/port.ts';
import { MAX_ROWS, type Op } from '../operation.ts';
import type { AccountId, MailboxId } from '../ports.ts';
import { changeAcl, deleteAcl, forgetAcl, identify, inheritAcl, readAccess, readAcl } from './acl.ts';
import { addGroup, addMember, type GroupRow, groupsPage, membersOf, removeGroup, removeMember } from './groups.ts';
import type { Access, AclEntry, Group, Sharing } from './port.ts';
import type { Rights } from './rights.ts';

export interface SharingParts {
  readonly engine: Engine;
  /** Unix ms. */
  readonly now: () => number;
}

const DB: DatabaseKey = { kind: 'directory' };

/** Accounts whose access is kept in memory: those that are logged in on a thread. */
const KEPT = 2_000;

/** See Sharing. */
export class SqlSharing implements Sharing {
  readonly #engine: Engine;
  readonly #now: () => number;
  readonly #access = new Map<AccountId, Access>();
  #generation = -1;

  constructor({ engine, now }: SharingParts) {
    this.#engine = engine;
    this.#now = now;
  }

  async access(account: AccountId): Promise<Access> {
    const generation = this.generation();
    if (generation !== this.#generation) {
      this.#access.clear();
      this.#generation = generation;
    }
    const known = this.#access.get(account);
    if (known !== undefined) return known;
    const access = await this.#engine.read(DB, () => readAccess(account));
    // If the directory moved meanwhile, the answer may be of either side: it is good once, and not kept.
    if (this.generation() === generation && this.#generation === generation) {
      if (this.#access.size >= KEPT) this.#access.clear();
      this.#access.set(account, access);
    }
    return access;
  }

  acl(owner: AccountId, mailbox: MailboxId): Promise<AclEntry[]> {
    return this.#engine.read(DB, () => readAcl(owner, mailbox));
  }

  setAcl(
    owner: AccountId,
    mailbox: MailboxId,
    identifier: string,
    change: { readonly action: 'set' | 'add' | 'remove'; readonly rights: Rights },
  ): Promise<void> {
    return this.#write(() => changeAcl({ owner, mailbox, identifier, ...change }));
  }

  deleteAcl(owner: AccountId, mailbox: MailboxId, identifier: string): Promise<void> {
    return this.#write(() => deleteAcl(owner, mailbox, identifier));
  }

  inherit(owner: AccountId, from: MailboxId, mailboxes: readonly MailboxId[]): Promise<void> {
    return this.#write(() => inheritAcl(owner, from, mailboxes));
  }

  forget(owner: AccountId, mailboxes: readonly MailboxId[]): Promise<void> {
    return this.#write(() => forgetAcl(owner, mailboxes));
  }

  identify(identifier: string): Promise<string> {
    return this.#engine.read(DB, () => identify(identifier));
  }

  async groups(): Promise<Group[]> {
    const groups: Group[] = [];
    for (let after = { domain: '', local: '' }; ; ) {
      const { domain, local } = after;
      const page = await this.#engine.read(DB, () => groupsPage(domain, local));
      for (const row of page) groups.push(await this.#describe(row));
      const last = page.at(-1);
      if (last === undefined || page.length < MAX_ROWS) return groups;
      after = last;
    }
  }

  async #describe(row: GroupRow): Promise<Group> {
    return { name: formatAddress(row), members: await this.#engine.read(DB, () => membersOf(row.id)) };
  }

  async addGroup(name: string): Promise<void> {
    const address = theAddress(name);
    const now = this.#now();
    await this.#write(() => addGroup(address, now));
  }

  async removeGroup(name: string): Promise<void> {
    const address = theAddress(name);
    await this.#write(() => removeGroup(address));
  }

  async addMember(group: string, member: string): Promise<void> {
    const [name, address] = [theAddress(group), theAddress(member)];
    await this.#write(() => addMember(name, address));
  }

  async removeMember(group: string, member: string): Promise<void> {
    const [name, address] = [theAddress(group), theAddress(member)];
    await this.#write(() => removeMember(name, address));
  }

  generation(): number {
    return this.#engine.generation(DB);
  }

  subscribe(wake: () => void): Disposable {
    return this.#engine.subscribe(DB, wake);
  }

  #write<T>(op: () => Op<T>): Promise<T> {
    return this.#engine.write(DB, op);
  }
}
