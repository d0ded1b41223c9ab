// Five imitation clients. Each keeps what it was told and nothing else, syncs in the manner of its protocol, in pages,
// and sometimes loses an answer and asks again; in the end each must have what the store has.
import { StoreError } from '#storage/errors.ts';
import type { ChangeRow, Cursor, MailAccount, Mailbox, Placement } from '#storage/ports.ts';
import { between, type Random } from '#test/support/random.ts';
import { placementsOf } from '../fixture.ts';

/** What a client of any kind has of one mailbox: by its own name for a message, what it shows of it. */
export type View = Map<string, Map<string, string>>;

/** A client that can be asked to sync, and then be looked at. */
export interface Client {
  readonly kind: string;
  /** A sync of some pages; `whole`: until there is nothing more. */
  sync(random: Random, whole: boolean): Promise<void>;
  /** Everything it has. */
  view(): View;
  /** What it should have. */
  truth(): Promise<View>;
}

/** What the store says, read once a generation and looked at by all clients' servers. */
export class Snapshot {
  readonly account: MailAccount;
  #generation = -1;
  #mailboxes: Mailbox[] = [];
  readonly #placements = new Map<number, Placement[]>();

  constructor(account: MailAccount) {
    this.account = account;
  }

  async mailboxes(): Promise<readonly Mailbox[]> {
    if (this.#generation !== this.account.generation()) {
      this.#generation = this.account.generation();
      this.#placements.clear();
      this.#mailboxes = await this.account.mailboxes();
    }
    return this.#mailboxes;
  }

  async placements(mailbox: number): Promise<readonly Placement[]> {
    await this.mailboxes();
    const known = this.#placements.get(mailbox);
    if (known !== undefined) return known;
    const rows = await placementsOf(this.account, mailbox);
    this.#placements.set(mailbox, rows);
    return rows;
  }
}

/** What is shown of a message. */
function shown(row: Placement): string {
  return `${row.message}/${row.flags}/${row.keywords}`;
}

/** The store's mailboxes, each with what is in it under names made by `name`. */
async function viewOf(store: Snapshot, name: (row: Placement) => string): Promise<View> {
  const view: View = new Map();
  for (const mailbox of await store.mailboxes()) {
    const rows = await store.placements(mailbox.id);
    view.set(String(mailbox.id), new Map(rows.map((row) => [name(row), shown(row)])));
  }
  return view;
}

/** IMAP with QRESYNC: a mailbox at a time, by UIDVALIDITY, HIGHESTMODSEQ and the UIDs it has (RFC 7162 3.2). */
export class ImapClient implements Client {
  readonly kind = 'IMAP';
  readonly #store: Snapshot;
  readonly #known = new Map<number, { uidvalidity: number; modseq: number; rows: Map<number, string> }>();

  constructor(store: Snapshot) {
    this.#store = store;
  }

  async sync(random: Random, whole: boolean): Promise<void> {
    const mailboxes = await this.#store.mailboxes();
    for (const id of this.#known.keys()) {
      if (!mailboxes.some((mailbox) => mailbox.id === id)) this.#known.delete(id);
    }
    for (const mailbox of mailboxes) {
      if (whole || random() < 0.5) await this.#select(mailbox, random);
    }
  }

  async #select(mailbox: Mailbox, random: Random): Promise<void> {
    const { id, uidvalidity, modseq } = mailbox;
    let known = this.#known.get(id);
    if (known === undefined || known.uidvalidity !== uidvalidity) {
      known = { uidvalidity, modseq: 0, rows: new Map() };
      this.#known.set(id, known);
    }
    // The server's part: flags by the placements' modseq, VANISHED by comparison with the UIDs that the client names.
    const changed = await placementsOf(this.#store.account, id, known.modseq);
    const live = new Set((await this.#store.placements(id)).map((row) => row.uid));
    const vanished = [...known.rows.keys()].filter((uid) => !live.has(uid));
    // A connection may break before the new HIGHESTMODSEQ is kept; what arrived before it stays.
    const broken = random() < 0.2;
    const take = broken ? between(random, 0, changed.length) : changed.length;
    for (const uid of vanished) known.rows.delete(uid);
    for (const row of changed.slice(0, take)) known.rows.set(row.uid, shown(row));
    if (!broken) known.modseq = modseq;
  }

  view(): View {
    return new Map(
      [...this.#known].map(([id, known]) => [
        String(id),
        new Map([...known.rows].map(([uid, text]) => [String(uid), text])),
      ]),
    );
  }

  truth(): Promise<View> {
    return viewOf(this.#store, (row) => String(row.uid));
  }
}

/** An answer of ActiveSync's Sync: what the device adds, changes and deletes, and the key of the set it then has. */
interface SyncAnswer {
  readonly key: number;
  readonly puts: readonly (readonly [string, string])[];
  readonly deletes: readonly string[];
  readonly more: boolean;
}

/** ActiveSync: the server keeps the set of items that a device has, two generations of it, and tells the difference. */
export class ActiveSyncClient implements Client {
  readonly kind = 'ActiveSync';
  readonly #store: Snapshot;
  readonly #window: number;
  /** The server's side: the set behind each of the last two keys, by collection. */
  readonly #sets = new Map<number, Map<number, Map<string, string>>>();
  /** The device's side. */
  readonly #devices = new Map<number, { key: number; items: Map<string, string> }>();

  constructor(store: Snapshot, window: number) {
    this.#store = store;
    this.#window = window;
  }

  async sync(random: Random, whole: boolean): Promise<void> {
    const mailboxes = await this.#store.mailboxes();
    for (const id of this.#devices.keys()) {
      if (!mailboxes.some((mailbox) => mailbox.id === id)) this.#devices.delete(id);
    }
    for (const { id } of mailboxes) {
      for (let pages = whole ? 100_000 : between(random, 0, 3); pages > 0; pages -= 1) {
        const device = this.#devices.get(id) ?? { key: 0, items: new Map<string, string>() };
        this.#devices.set(id, device);
        const answer = await this.#answer(id, device.key);
        // The answer is lost: the device will ask with the older key again.
        if (random() < 0.1) continue;
        for (const [item, text] of answer.puts) device.items.set(item, text);
        for (const item of answer.deletes) device.items.delete(item);
        device.key = answer.key;
        if (!answer.more) break;
      }
    }
  }

  async #answer(mailbox: number, key: number): Promise<SyncAnswer> {
    const generations = this.#sets.get(mailbox) ?? new Map([[0, new Map<string, string>()]]);
    this.#sets.set(mailbox, generations);
    const before = generations.get(key);
    if (before === undefined) throw new Error(`the device came back with key ${key}`);
    const rows = await this.#store.placements(mailbox);
    const live = new Map(rows.map((row) => [String(row.item), shown(row)]));
    const puts = [...live].filter(([item, text]) => before.get(item) !== text).slice(0, this.#window);
    const gone = [...before.keys()].filter((item) => !live.has(item));
    const deletes = gone.slice(0, this.#window - puts.length);
    const next = new Map(before);
    for (const [item, text] of puts) next.set(item, text);
    for (const item of deletes) next.delete(item);
    generations.clear();
    generations.set(key, before).set(key + 1, next);
    const different = [...live].some(([item, text]) => next.get(item) !== text);
    return { key: key + 1, puts, deletes, more: different || next.size !== live.size };
  }

  view(): View {
    return new Map([...this.#devices].map(([id, device]) => [String(id), device.items]));
  }

  truth(): Promise<View> {
    return viewOf(this.#store, (row) => String(row.item));
  }
}

/** What the three clients of the log have in common: a cursor, pages, answers that get lost, and starting again. */
abstract class LogClient implements Client {
  abstract readonly kind: string;
  protected readonly store: Snapshot;
  readonly #limit: number;
  #cursor: Cursor | undefined;
  restarts = 0;

  constructor(store: Snapshot, limit: number) {
    this.store = store;
    this.#limit = limit;
  }

  async sync(random: Random, whole: boolean): Promise<void> {
    for (let pages = whole ? 1_000_000 : between(random, 1, 12); pages > 0; pages -= 1) {
      if (this.#cursor === undefined) {
        // The cursor first: what happens between it and the reading is told twice, and never missed.
        this.#cursor = await this.store.account.cursor('mail');
        await this.startAgain();
      }
      const page = await this.#page(this.#cursor);
      if (page === undefined) {
        this.#cursor = undefined;
        this.restarts += 1;
        continue;
      }
      await this.take(page.rows);
      // The answer may be taken and the new state be lost: the same page comes again, perhaps with more in it.
      if (random() < 0.15) continue;
      this.#cursor = page.cursor;
      if (!page.more) return;
    }
  }

  async #page(cursor: Cursor) {
    try {
      return await this.store.account.changes('mail', cursor, this.#limit, this.filter());
    } catch (error) {
      if (error instanceof StoreError && error.code === 'stale-cursor') return undefined;
      throw error;
    }
  }

  protected filter(): { collection?: number; reader?: string } {
    return {};
  }

  protected abstract startAgain(): Promise<void>;
  protected abstract take(rows: readonly ChangeRow[]): Promise<void>;
  abstract view(): View;
  abstract truth(): Promise<View>;

  /** What stands behind a row now: the placements it leads to, as the log says where to look and no more. */
  protected async behind(row: ChangeRow): Promise<Placement[]> {
    if (row.uid === 0) return [];
    const found: Placement[] = [];
    // Whatever the row is about has its modseq or a later one.
    const since = row.modseq - 1;
    for await (const page of this.store.account.placements(row.collection, [[row.uid, row.last]], { since }))
      found.push(...page);
    return found;
  }
}

/** JMAP: messages by their id with the mailboxes they are in, and mailboxes with their counts (RFC 8620 5.2). */
export class JmapClient extends LogClient {
  readonly kind = 'JMAP';
  readonly #emails = new Map<string, string>();
  readonly #mailboxes = new Map<string, string>();

  protected async startAgain(): Promise<void> {
    this.#emails.clear();
    this.#mailboxes.clear();
    for (const [id, text] of await this.#allEmails()) this.#emails.set(id, text);
    for (const [id, text] of await this.#allMailboxes()) this.#mailboxes.set(id, text);
  }

  protected async take(rows: readonly ChangeRow[]): Promise<void> {
    const ids = new Set<number>();
    for (const row of rows) {
      if (row.object !== 0 && row.uid !== 0) ids.add(row.object);
      if (row.kind === 'set') for (const placement of await this.behind(row)) ids.add(placement.message);
    }
    const live = await this.#allEmails();
    for (const id of ids) {
      const text = live.get(String(id));
      if (text === undefined) this.#emails.delete(String(id));
      else this.#emails.set(String(id), text);
    }
    if (rows.length === 0) return;
    const mailboxes = await this.#allMailboxes();
    for (const row of rows) {
      const text = mailboxes.get(String(row.collection));
      if (text === undefined) this.#mailboxes.delete(String(row.collection));
      else this.#mailboxes.set(String(row.collection), text);
    }
  }

  async #allEmails(): Promise<Map<string, string>> {
    const emails = new Map<string, string[]>();
    for (const mailbox of await this.store.mailboxes()) {
      for (const row of await this.store.placements(mailbox.id)) {
        const places = emails.get(String(row.message)) ?? [];
        places.push(`${mailbox.id}:${row.uid}:${row.flags}:${row.keywords}`);
        emails.set(String(row.message), places);
      }
    }
    return new Map([...emails].map(([id, places]) => [id, places.sort().join()]));
  }

  async #allMailboxes(): Promise<Map<string, string>> {
    const mailboxes = await this.store.mailboxes();
    return new Map(
      mailboxes.map(({ id, parent, path, total, unseen }) => {
        return [String(id), `${parent}/${path.slice(path.lastIndexOf('/') + 1)}/${total}/${unseen}`];
      }),
    );
  }

  view(): View {
    return new Map([
      ['emails', this.#emails],
      ['mailboxes', this.#mailboxes],
    ]);
  }

  async truth(): Promise<View> {
    return new Map([
      ['emails', await this.#allEmails()],
      ['mailboxes', await this.#allMailboxes()],
    ]);
  }
}

/** Sync by name, as DAV's sync-collection does it (RFC 6578): one collection, its members by a name of their own. */
export class NameClient extends LogClient {
  readonly kind = 'by name';
  readonly #collection: number;
  readonly #members = new Map<string, string>();

  constructor(store: Snapshot, limit: number, collection: number) {
    super(store, limit);
    this.#collection = collection;
  }

  protected override filter() {
    return { collection: this.#collection };
  }

  protected async startAgain(): Promise<void> {
    this.#members.clear();
    for (const row of await this.store.placements(this.#collection)) this.#members.set(String(row.uid), shown(row));
  }

  protected async take(rows: readonly ChangeRow[]): Promise<void> {
    for (const row of rows) {
      if (row.collection !== this.#collection) throw new Error('a row of another collection');
      if (row.kind === 'remove') for (let uid = row.uid; uid <= row.last; uid += 1) this.#members.delete(String(uid));
      for (const placement of await this.behind(row)) this.#members.set(String(placement.uid), shown(placement));
    }
  }

  view(): View {
    return new Map([['members', this.#members]]);
  }

  async truth(): Promise<View> {
    const rows = await this.store.placements(this.#collection);
    return new Map([['members', new Map(rows.map((row) => [String(row.uid), shown(row)]))]]);
  }
}

/** Another person who reads the same mailboxes: threads by item, and subscriptions of his own. */
export class SecondReader extends LogClient {
  readonly kind = 'second reader';
  readonly #reader: string;
  readonly #items = new Map<string, string>();
  readonly #subscriptions = new Map<string, string>();

  constructor(store: Snapshot, limit: number, reader: string) {
    super(store, limit);
    this.#reader = reader;
  }

  protected override filter() {
    return { reader: this.#reader };
  }

  protected async startAgain(): Promise<void> {
    this.#items.clear();
    this.#subscriptions.clear();
    for (const [item, text] of await this.#allItems()) this.#items.set(item, text);
    for (const name of await this.store.account.subscriptions(this.#reader)) this.#subscriptions.set(name, 'on');
  }

  protected async take(rows: readonly ChangeRow[]): Promise<void> {
    for (const row of rows) {
      if (row.reader !== '' && row.reader !== this.#reader) throw new Error('a row for another reader');
      if (row.reason === 'subscribed') this.#subscriptions.set(row.name, 'on');
      if (row.reason === 'unsubscribed') this.#subscriptions.delete(row.name);
      // An item that left one mailbox may have come into another by the same transaction.
      if (row.kind === 'remove' && this.#at(row.item) === row.collection) this.#items.delete(String(row.item));
      for (const placement of await this.behind(row)) {
        this.#items.set(String(placement.item), `${row.collection} ${placement.uid}/${shown(placement)}`);
      }
    }
  }

  #at(item: number): number {
    return Number(this.#items.get(String(item))?.split(' ', 1)[0]);
  }

  async #allItems(): Promise<Map<string, string>> {
    const items = new Map<string, string>();
    for (const mailbox of await this.store.mailboxes()) {
      for (const row of await this.store.placements(mailbox.id)) {
        items.set(String(row.item), `${mailbox.id} ${row.uid}/${shown(row)}`);
      }
    }
    return items;
  }

  view(): View {
    return new Map([
      ['items', this.#items],
      ['subscriptions', this.#subscriptions],
    ]);
  }

  async truth(): Promise<View> {
    const names = await this.store.account.subscriptions(this.#reader);
    return new Map([
      ['items', await this.#allItems()],
      ['subscriptions', new Map(names.map((name) => [name, 'on']))],
    ]);
  }
}
