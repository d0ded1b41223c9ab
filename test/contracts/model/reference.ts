// The reference: the rules of the store in the plainest form there is, maps in memory. The store must agree with it.
import { hash } from 'node:crypto';
import {
  type Appended,
  Flag,
  type FlagChange,
  type MailAccount,
  type Transferred,
  type UidSet,
} from '#storage/ports.ts';
import { placementsOf } from '../fixture.ts';

export interface Row {
  readonly message: number;
  readonly item: number;
  flags: number;
  keywords: Set<string>;
  modseq: number;
  readonly size: number;
  /** SHA-256 of its bytes. */
  readonly hash: string;
}

export interface Box {
  readonly id: number;
  readonly system: boolean;
  path: string;
  uidnext: number;
  readonly rows: Map<number, Row>;
}

interface Gone {
  readonly mailbox: number;
  readonly uid: number;
  readonly row: Row;
}

/** An account as it should be. */
export class Reference {
  readonly boxes = new Map<number, Box>();
  /** Expunged placements by item, the latest last. */
  readonly gone = new Map<number, Gone[]>();
  readonly subscriptions = new Map<string, Set<string>>();
  /** Of the last change. */
  modseq = 0;

  box(id: number): Box {
    const box = this.boxes.get(id);
    if (box === undefined) throw new Error(`the reference has no mailbox ${id}`);
    return box;
  }

  byPath(path: string): Box | undefined {
    return [...this.boxes.values()].find((box) => box.path === path);
  }

  /** The paths of all mailboxes, and all that are above one. */
  names(): Set<string> {
    const paths = [...this.boxes.values()].map((box) => box.path.split('/'));
    return new Set(paths.flatMap((levels) => levels.map((_, depth) => levels.slice(0, depth + 1).join('/'))));
  }

  /** The UIDs of a set that are there, in order. */
  matching(id: number, uids: UidSet): number[] {
    const inside = (uid: number) => uids.some(([first, last]) => uid >= first && uid <= last);
    return [...this.box(id).rows.keys()].filter(inside).sort((a, b) => a - b);
  }

  appended(id: number, made: readonly Appended[], row: Omit<Row, 'message' | 'item' | 'modseq'>): void {
    const box = this.box(id);
    for (const one of made) {
      this.#expect(one.uid === box.uidnext, `UID ${one.uid} instead of ${box.uidnext}`);
      this.#newModseq(one.modseq);
      const { message, item, modseq } = one;
      box.rows.set(one.uid, { ...row, keywords: new Set(row.keywords), message, item, modseq });
      box.uidnext += 1;
    }
  }

  flagged(id: number, uids: UidSet, change: FlagChange, modseq: number): void {
    const box = this.box(id);
    let changed = false;
    for (const uid of this.matching(id, uids)) {
      const row = box.rows.get(uid);
      if (row === undefined) continue;
      const flags = { add: row.flags | change.flags, remove: row.flags & ~change.flags, replace: change.flags };
      const added = new Set(change.keywords);
      const keywords = { add: row.keywords.union(added), remove: row.keywords.difference(added), replace: added };
      const [before, after] = [row.keywords, keywords[change.action]];
      if (flags[change.action] === row.flags && before.symmetricDifference(after).size === 0) continue;
      row.flags = flags[change.action];
      row.keywords = after;
      row.modseq = modseq;
      changed = true;
    }
    if (changed) this.#newModseq(modseq);
  }

  copied(from: number, uids: UidSet, to: number, told: Transferred): void {
    const source = this.#pairs(from, uids, to, told);
    const rows = source.map((uid) => this.box(from).rows.get(uid) as Row);
    const items = new Set([...this.boxes.values()].flatMap((box) => [...box.rows.values()].map((row) => row.item)));
    for (const row of rows) {
      // Only the store knows the new item; that it is new is checked when the two are compared.
      this.#place(to, { ...row, keywords: new Set(row.keywords), item: -1, modseq: told.modseq });
      this.#expect(!items.has(-1), 'an item of a copy was not learned');
    }
    if (rows.length > 0) this.#newModseq(told.modseq);
  }

  moved(from: number, uids: UidSet, to: number, told: Transferred): void {
    const source = this.#pairs(from, uids, to, told);
    const rows = source.map((uid) => this.box(from).rows.get(uid) as Row);
    for (const uid of source) this.box(from).rows.delete(uid);
    for (const row of rows) this.#place(to, { ...row, modseq: told.modseq });
    if (rows.length > 0) this.#newModseq(told.modseq);
  }

  expunged(id: number, uids: readonly number[], modseq: number): void {
    for (const uid of uids) this.#bury(id, uid);
    if (uids.length > 0) this.#newModseq(modseq);
  }

  replaced(id: number, uid: number, to: number, made: Appended, row: Omit<Row, 'message' | 'item' | 'modseq'>): void {
    this.#expect(made.item === this.box(id).rows.get(uid)?.item, 'a replaced message is another item');
    this.#bury(id, uid);
    this.appended(to, [made], row);
  }

  /** The latest of an item comes back; as a new item if it lives. */
  restored(items: readonly number[], to: number | undefined, inbox: number, told: Transferred): void {
    const sources: number[] = [];
    for (const item of new Set(items)) {
      const latest = this.gone.get(item)?.pop();
      if (latest === undefined) continue;
      sources.push(latest.uid);
      const target = to ?? (this.boxes.has(latest.mailbox) ? latest.mailbox : inbox);
      const row = { ...latest.row, flags: latest.row.flags & ~Flag.deleted, modseq: told.modseq };
      this.#place(target, { ...row, item: this.#lives(item) ? -1 : item });
    }
    this.#expect(sources.join() === told.source.join(), `restored ${told.source} instead of ${sources}`);
    if (sources.length > 0) this.#newModseq(told.modseq);
  }

  deleted(id: number): void {
    for (const uid of [...this.box(id).rows.keys()].sort((a, b) => a - b)) this.#bury(id, uid);
    this.boxes.delete(id);
  }

  /** Compares everything, and learns the items that copies were given. */
  async compare(account: MailAccount): Promise<string[]> {
    const faults: string[] = [];
    const names = await account.keywords();
    const mailboxes = await account.mailboxes();
    const items = new Set<number>();
    let bytes = 0;
    let messages = 0;
    if (mailboxes.length !== this.boxes.size) faults.push(`${mailboxes.length} mailboxes, not ${this.boxes.size}`);
    for (const mailbox of mailboxes) {
      const box = this.boxes.get(mailbox.id);
      if (box === undefined) {
        faults.push(`mailbox ${mailbox.path} should not be there`);
        continue;
      }
      const rows = [...box.rows.values()];
      const sum = { total: rows.length, unseen: rows.filter((row) => (row.flags & Flag.seen) === 0).length };
      const size = rows.reduce((all, row) => all + row.size, 0);
      bytes += size;
      messages += rows.length;
      const told = [mailbox.path, mailbox.uidnext, mailbox.total, mailbox.unseen, mailbox.bytes].join();
      const meant = [box.path, box.uidnext, sum.total, sum.unseen, size].join();
      if (told !== meant) faults.push(`mailbox ${told} should be ${meant}`);
      const highest = rows.reduce((most, row) => Math.max(most, row.modseq), 0);
      if (mailbox.modseq < highest)
        faults.push(`mailbox ${mailbox.path} has modseq ${mailbox.modseq} below ${highest}`);
      const placements = await placementsOf(account, mailbox.id);
      if (placements.length !== rows.length) faults.push(`${placements.length} messages in ${mailbox.path}`);
      for (const placement of placements) {
        if (items.has(placement.item)) faults.push(`item ${placement.item} is there twice`);
        items.add(placement.item);
        const row = box.rows.get(placement.uid);
        const ids = placement.keywords === '' ? [] : placement.keywords.split(' ').map(Number);
        const keywords = ids.map((id) => names.get(id)).sort();
        const is = [placement.message, placement.flags, keywords.join(' '), placement.modseq].join();
        const should = [row?.message, row?.flags, [...(row?.keywords ?? [])].sort().join(' '), row?.modseq].join();
        if (is !== should) faults.push(`${mailbox.path} UID ${placement.uid} is ${is}, not ${should}`);
        if (row?.item === -1) box.rows.set(placement.uid, { ...row, item: placement.item });
        else if (row?.item !== placement.item) faults.push(`UID ${placement.uid} is item ${placement.item}`);
      }
    }
    const quota = await account.quota();
    if (quota.bytes !== bytes || quota.messages !== messages) faults.push(`quota ${quota.bytes}, not ${bytes}`);
    for (const [owner, wanted] of this.subscriptions) {
      const found = await account.subscriptions(owner);
      if (found.join() !== [...wanted].sort().join()) faults.push(`${owner} is subscribed to ${found.join()}`);
    }
    return faults;
  }

  /** Compares the bytes of every message with those that were given. */
  async compareContents(account: MailAccount): Promise<string[]> {
    const faults: string[] = [];
    for (const box of this.boxes.values()) {
      for (const [uid, row] of box.rows) {
        const bytes = await (await account.content(row.message)).bytes();
        if (hash('sha256', bytes) !== row.hash) faults.push(`${box.path} UID ${uid} has other bytes`);
      }
    }
    return faults;
  }

  /** True if a copy's item has still to be learned. */
  get unknownItems(): boolean {
    return [...this.boxes.values()].some((box) => [...box.rows.values()].some((row) => row.item === -1));
  }

  #pairs(from: number, uids: UidSet, to: number, told: Transferred): number[] {
    const source = this.matching(from, uids);
    const next = this.box(to).uidnext;
    this.#expect(source.join() === told.source.join(), `took ${told.source} instead of ${source}`);
    this.#expect(told.target.join() === source.map((_, index) => next + index).join(), `gave UIDs ${told.target}`);
    return source;
  }

  #place(id: number, row: Row): void {
    const box = this.box(id);
    box.rows.set(box.uidnext, row);
    box.uidnext += 1;
  }

  #bury(id: number, uid: number): void {
    const row = this.box(id).rows.get(uid);
    this.#expect(row !== undefined, `UID ${uid} was expunged and was not there`);
    if (row === undefined) return;
    this.box(id).rows.delete(uid);
    const list = this.gone.get(row.item) ?? [];
    list.push({ mailbox: id, uid, row });
    this.gone.set(row.item, list);
  }

  #lives(item: number): boolean {
    return [...this.boxes.values()].some((box) => [...box.rows.values()].some((row) => row.item === item));
  }

  #newModseq(modseq: number): void {
    this.#expect(modseq >= this.modseq, `modseq ${modseq} after ${this.modseq}`);
    this.modseq = modseq;
  }

  #expect(holds: boolean, what: string): void {
    if (!holds) throw new Error(what);
  }
}
