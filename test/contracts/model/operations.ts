// Random operations on an account, done to the store and to the reference.
import { sweepExpunged } from '#storage/account/sweep.ts';
import { pruneLog } from '#storage/changes/prune.ts';
import { StoreError } from '#storage/errors.ts';
import { Flag, type FlagChange, type MailAccount, type Staged, type UidSet } from '#storage/ports.ts';
import { between, pick, type Random } from '#test/support/random.ts';
import type { SqlStore } from '#test/support/sql-store.ts';
import { placementsOf } from '../fixture.ts';
import type { Box, Reference } from './reference.ts';

const KEYWORDS = ['$Junk', 'work', 'later', 'x-4'];
const NAMES = ['a', 'b', 'c'];
/** Kept small, so that 20,000 operations meet each other. */
const MAILBOXES = 14;
const MESSAGES = 25;

export class Operations {
  readonly #store: SqlStore;
  readonly #account: MailAccount;
  readonly #reference: Reference;
  readonly #random: Random;
  readonly #bodies: readonly Staged[];
  readonly #readers: readonly string[];

  constructor(parts: {
    store: SqlStore;
    account: MailAccount;
    reference: Reference;
    random: Random;
    bodies: readonly Staged[];
    readers: readonly string[];
  }) {
    this.#store = parts.store;
    this.#account = parts.account;
    this.#reference = parts.reference;
    this.#random = parts.random;
    this.#bodies = parts.bodies;
    this.#readers = parts.readers;
  }

  /** One operation; its name. */
  async step(): Promise<string> {
    const full = [...this.#reference.boxes.values()].some((box) => box.rows.size > MESSAGES);
    const table: readonly (readonly [number, string, () => Promise<void>])[] = [
      [full ? 4 : 18, 'append', () => this.#append()],
      [22, 'setFlags', () => this.#setFlags()],
      [full ? 2 : 8, 'copy', () => this.#copy()],
      [10, 'move', () => this.#move()],
      [6, 'replace', () => this.#replace()],
      [full ? 14 : 7, 'expunge', () => this.#expunge()],
      [full ? 1 : 6, 'restore', () => this.#restore()],
      [3, 'create', () => this.#create()],
      [3, 'rename', () => this.#rename()],
      [2, 'delete', () => this.#delete()],
      [3, 'subscribe', () => this.#subscribe()],
      [2, 'prune', () => this.#prune()],
      [1, 'sweep', () => this.#sweep()],
    ];
    let roll = this.#random() * table.reduce((sum, [weight]) => sum + weight, 0);
    for (const [weight, name, work] of table) {
      roll -= weight;
      if (roll >= 0) continue;
      await work();
      if (this.#reference.unknownItems) await this.#learnItems();
      return name;
    }
    return 'nothing';
  }

  #box(): Box {
    return pick(this.#random, [...this.#reference.boxes.values()]);
  }

  /** A set of UIDs, of some that are there and some that are not. */
  #uids(box: Box): UidSet {
    const style = this.#random();
    if (style < 0.15) return [[1, 4_294_967_295]];
    if (style < 0.55) {
      const uid = pick(this.#random, [...box.rows.keys(), between(this.#random, 1, box.uidnext)]);
      return [[uid, uid]];
    }
    const ranges: [number, number][] = [];
    for (let at = 1; at < box.uidnext && ranges.length < 4; ) {
      const first = between(this.#random, at, at + Math.ceil(box.uidnext / 3));
      const last = between(this.#random, first, first + 6);
      ranges.push([first, last]);
      at = last + 2;
    }
    return ranges;
  }

  #keywords(): string[] {
    return this.#random() < 0.6 ? [] : [...new Set([pick(this.#random, KEYWORDS), pick(this.#random, KEYWORDS)])];
  }

  #entry() {
    const staged = pick(this.#random, this.#bodies);
    const flags = this.#random() < 0.6 ? 0 : between(this.#random, 0, 31);
    return { staged, flags, keywords: this.#keywords() };
  }

  async #append(): Promise<void> {
    const { id } = this.#box();
    const entry = this.#entry();
    const entries = Array.from({ length: this.#random() < 0.8 ? 1 : 3 }, () => entry);
    const made = await this.#account.append(id, entries);
    const row = { flags: entry.flags, keywords: new Set(entry.keywords), ...known(entry.staged) };
    this.#reference.appended(id, made, row);
  }

  async #setFlags(): Promise<void> {
    const box = this.#box();
    const uids = this.#uids(box);
    const action = pick(this.#random, ['add', 'remove', 'replace'] as const);
    const change: FlagChange = { action, flags: between(this.#random, 0, 31), keywords: this.#keywords() };
    const { modseq } = await this.#account.setFlags(box.id, uids, change);
    this.#reference.flagged(box.id, uids, change, modseq);
  }

  async #copy(): Promise<void> {
    const [from, to] = [this.#box(), this.#box()];
    const uids = this.#uids(from);
    const told = await this.#account.copy(from.id, uids, to.id);
    this.#reference.copied(from.id, uids, to.id, told);
  }

  async #move(): Promise<void> {
    const [from, to] = [this.#box(), this.#box()];
    const uids = this.#uids(from);
    const told = await this.#account.move(from.id, uids, to.id);
    this.#reference.moved(from.id, uids, to.id, told);
  }

  async #replace(): Promise<void> {
    const box = this.#box();
    if (box.rows.size === 0) return;
    const uid = pick(this.#random, [...box.rows.keys()]);
    const to = this.#random() < 0.7 ? box : this.#box();
    const entry = this.#entry();
    const made = await this.#account.replace(box.id, uid, entry, to.id);
    const row = { flags: entry.flags, keywords: new Set(entry.keywords), ...known(entry.staged) };
    this.#reference.replaced(box.id, uid, to.id, made, row);
  }

  async #expunge(): Promise<void> {
    const box = this.#box();
    const uids = this.#uids(box);
    const onlyDeleted = this.#random() < 0.5;
    const told = await this.#account.expunge(box.id, uids, { onlyDeleted });
    const wanted = this.#reference.matching(box.id, uids).filter((uid) => {
      return !onlyDeleted || ((box.rows.get(uid)?.flags ?? 0) & Flag.deleted) !== 0;
    });
    if (told.uids.join() !== wanted.join()) throw new Error(`expunged ${told.uids} instead of ${wanted}`);
    this.#reference.expunged(box.id, told.uids, told.modseq);
  }

  async #restore(): Promise<void> {
    const known = [...this.#reference.gone.keys()];
    if (known.length === 0) return;
    const items = Array.from({ length: between(this.#random, 1, 3) }, () => pick(this.#random, known));
    const to = this.#random() < 0.5 ? undefined : this.#box().id;
    const inbox = this.#reference.byPath('INBOX')?.id ?? 0;
    const told = await this.#account.restore(items, to);
    this.#reference.restored(items, to, inbox, told);
  }

  #path(): string {
    return Array.from({ length: between(this.#random, 1, 3) }, () => pick(this.#random, NAMES)).join('/');
  }

  /** The reference's part of making a path; `names` were there before. */
  async #made(path: string, names: ReadonlySet<string>): Promise<void> {
    const levels = path.split('/');
    for (const depth of levels.keys()) {
      const name = levels.slice(0, depth + 1).join('/');
      if (this.#reference.byPath(name) !== undefined) continue;
      // The name that a deleted mailbox left leads on.
      if (name !== path && names.has(name)) continue;
      const mailbox = await this.#account.mailboxByPath(name);
      if (mailbox === undefined) throw new Error(`${name} was not made`);
      if (this.#reference.boxes.has(mailbox.id)) throw new Error(`mailbox id ${mailbox.id} was given twice`);
      this.#reference.boxes.set(mailbox.id, { id: mailbox.id, system: false, path: name, uidnext: 1, rows: new Map() });
    }
  }

  async #create(): Promise<void> {
    if (this.#reference.boxes.size > MAILBOXES) return await this.#delete();
    const path = this.#path();
    const exists = this.#reference.byPath(path) !== undefined;
    const names = this.#reference.names();
    if (await refused(exists ? 'exists' : null, () => this.#account.createMailbox(path))) return;
    await this.#made(path, names);
  }

  async #rename(): Promise<void> {
    const box = this.#box();
    const path = this.#path();
    const before = box.path;
    const names = this.#reference.names();
    if (box.path === 'INBOX') return await this.#renameInbox(box, path);
    let expected: string | null = null;
    if (box.system) expected = 'protected';
    else if (path.startsWith(`${before}/`)) expected = 'invalid';
    else if (names.has(path)) expected = 'exists';
    if (await refused(expected, () => this.#account.renameMailbox(box.id, path))) return;
    const moved = (name: string) => name === before || name.startsWith(`${before}/`);
    for (const other of this.#reference.boxes.values()) {
      if (moved(other.path)) other.path = path + other.path.slice(before.length);
    }
    for (const [owner, names] of this.#reference.subscriptions) {
      const renamed = [...names].map((name) => (moved(name) ? path + name.slice(before.length) : name));
      this.#reference.subscriptions.set(owner, new Set(renamed));
    }
    await this.#made(path, names);
  }

  async #renameInbox(inbox: Box, path: string): Promise<void> {
    const names = this.#reference.names();
    const expected = this.#reference.byPath(path) === undefined ? null : 'exists';
    if (await refused(expected, () => this.#account.renameMailbox(inbox.id, path))) return;
    await this.#made(path, names);
    const target = this.#reference.byPath(path);
    if (target === undefined) throw new Error(`${path} was not made`);
    const source = this.#reference.matching(inbox.id, [[1, inbox.uidnext]]);
    const [row] = await placementsOf(this.#account, target.id);
    const told = { uidvalidity: 0, source, target: source.map((_, index) => index + 1), modseq: row?.modseq ?? 0 };
    this.#reference.moved(inbox.id, [[1, inbox.uidnext]], target.id, told);
  }

  async #delete(): Promise<void> {
    const box = this.#box();
    const expected = box.system ? 'protected' : null;
    if (await refused(expected, () => this.#account.deleteMailbox(box.id))) return;
    this.#reference.deleted(box.id);
  }

  async #subscribe(): Promise<void> {
    const owner = pick(this.#random, this.#readers);
    const names = this.#reference.subscriptions.get(owner) ?? new Set();
    const path = this.#path();
    const on = this.#random() < 0.6;
    await this.#account.setSubscribed(owner, path, on);
    if (on) names.add(path);
    else names.delete(path);
    this.#reference.subscriptions.set(owner, names);
  }

  async #prune(): Promise<void> {
    const keep = { rows: between(this.#random, 0, 60), age: 86_400_000 };
    const { engine, clock } = this.#store;
    const { id } = this.#account;
    while (await engine.write({ kind: 'account', id }, () => pruneLog(id, 'mail', clock.now, keep)));
  }

  /** Half of what was expunged is swept: the clock goes on by as long as it is kept. */
  async #sweep(): Promise<void> {
    const { engine, clock } = this.#store;
    const { id } = this.#account;
    clock.now += clock.retention + 1;
    while ((await engine.write({ kind: 'account', id }, () => sweepExpunged(id, clock.now))).more);
    this.#reference.gone.clear();
  }

  async #learnItems(): Promise<void> {
    const faults = await this.#reference.compare(this.#account);
    if (faults.length > 0) throw new Error(faults.slice(0, 5).join('; '));
  }
}

/** What is compared later. */
function known({ size, hash }: Staged): { size: number; hash: string } {
  return { size, hash };
}

/** Does something that must be refused with this code (or must not); true if it was refused. */
async function refused(code: string | null, work: () => Promise<unknown>): Promise<boolean> {
  try {
    await work();
  } catch (error) {
    if (error instanceof StoreError && error.code === code) return true;
    throw error;
  }
  if (code !== null) throw new Error(`${code} was not told`);
  return false;
}
