// The mailboxes that a session may use: its own, and those that others share with it. A place is a mailbox with the name
// that it has here, and with what may be done with it now.

import { StoreError } from '#storage/errors.ts';
import type { Access, Account, AccountId, Mailbox, MailboxId, Sharing } from '#storage/ports.ts';
import { TOP } from '#storage/ports.ts';
import { ALL_RIGHTS, NO_RIGHTS, type Rights } from '#storage/sharing/rights.ts';
import { SEPARATOR, superiors } from './grammar/mailbox-name.ts';
import type { ImapAccount } from './index/account.ts';
import { isInNamespace, OTHER_USERS, prefixOf, SHARED } from './namespaces.ts';
import { isHidden, mayUse, noMailbox, noPermission, type Use } from './rights.ts';

export interface Place {
  readonly account: ImapAccount;
  /** Under the name that it has for the session; of somebody else's no special use is told. */
  readonly mailbox: Mailbox;
  /** Its path in its account. */
  readonly local: string;
  readonly rights: Rights;
  /** Whose \Seen is meant; absent: the owner's. */
  readonly reader?: AccountId;
}

/** An account that shares something with the session. */
export interface Other {
  readonly account: ImapAccount;
  readonly owner: Account;
  readonly prefix: string;
  readonly rights: ReadonlyMap<MailboxId, Rights>;
}

/** A name that could be given to a mailbox: in which account, below which one. */
export interface Parent {
  readonly account: ImapAccount;
  /** The new mailbox's path in its account. */
  readonly local: string;
  /** The nearest mailbox above it, or TOP. */
  readonly nearest: MailboxId;
  readonly rights: Rights;
}

export interface PlacesParts {
  readonly sharing: Sharing;
  /** Another account on this thread. */
  readonly visit: (id: AccountId) => ImapAccount;
  /** Somebody else's account can't be read now: its mailboxes are not there, and nothing else suffers. */
  readonly unavailable: (address: string, error: StoreError) => void;
}

const NOTHING: Access = { own: new Map(), others: [] };

export class Places {
  readonly own: ImapAccount;
  readonly #parts: PlacesParts;
  #generation = -1;
  #access = NOTHING;
  #others: readonly Other[] = [];

  constructor(own: ImapAccount, parts: PlacesParts) {
    this.own = own;
    this.#parts = parts;
  }

  /** Those who share something. */
  get others(): readonly Other[] {
    return this.#others;
  }

  /** Has anything been committed that rights may follow from? */
  get behind(): boolean {
    return this.#generation !== this.#parts.sharing.generation();
  }

  /** Raised at each such commit. */
  generation(): number {
    return this.#parts.sharing.generation();
  }

  subscribe(wake: () => void): Disposable {
    return this.#parts.sharing.subscribe(wake);
  }

  /** Brings the rights up to everything that was committed before the call. */
  async catchUp(): Promise<void> {
    const generation = this.#parts.sharing.generation();
    if (generation === this.#generation) return;
    const access = await this.#parts.sharing.access(this.own.id);
    if (access !== this.#access) {
      this.#access = access;
      this.#others = access.others.map(({ account: owner, rights }) => {
        return { account: this.#parts.visit(owner.id), owner, prefix: prefixOf(owner), rights };
      });
    }
    this.#generation = generation;
  }

  /** What the session may do in a mailbox now. */
  rightsIn(account: ImapAccount, mailbox: MailboxId): Rights {
    if (account.id === this.own.id) return this.#access.own.get(mailbox) ?? ALL_RIGHTS;
    return this.#others.find((other) => other.account.id === account.id)?.rights.get(mailbox) ?? NO_RIGHTS;
  }

  /**
   * The mailbox of a name, to be used so; undefined if there is none, or none that the session may know of. Throws
   * NOPERM if it may not be used so.
   */
  async find(path: string, use: Use): Promise<Place | undefined> {
    return this.#checked(await this.#at(path), use);
  }

  /** The same, where it must be there: else NONEXISTENT. */
  async need(path: string, use: Use): Promise<Place> {
    const known = this.own.known(path);
    const place = known === undefined ? await this.find(path, use) : this.#checked(this.#ownPlace(known), use);
    if (place === undefined) throw noMailbox();
    return place;
  }

  /** The same as `find`, as it was when the list was last read; an append holds it to its name itself (see ImapAccount.target). */
  async target(path: string, use: Use): Promise<Place | undefined> {
    if (isInNamespace(path)) return await this.find(path, use);
    const mailbox = await this.own.target(path);
    return mailbox === undefined ? undefined : this.#checked(this.#ownPlace(mailbox), use);
  }

  /**
   * Every mailbox that may be listed, each account's in the order of its mailboxes, the own first. `counted`: their
   * counters matter.
   */
  async all(counted = true): Promise<Place[]> {
    const places = (await this.own.mailboxes(counted)).map((mailbox) => this.#ownPlace(mailbox));
    for (const other of this.#others) {
      for (const mailbox of await this.#mailboxesOf(other)) {
        const place = this.#otherPlace(other, mailbox);
        if (mayUse(place.rights, 'list')) places.push(place);
      }
    }
    return places;
  }

  /** The names that the session is subscribed to, as they are here. */
  async subscriptions(): Promise<string[]> {
    const names = await this.own.mail.subscriptions(this.own.id);
    for (const other of this.#others) {
      const visible = new Set<string>();
      for (const mailbox of await this.#mailboxesOf(other)) {
        if (mayUse(other.rights.get(mailbox.id) ?? NO_RIGHTS, 'list')) visible.add(mailbox.path);
      }
      const local = await this.#attempt(other, () => other.account.mail.subscriptions(this.own.id), []);
      for (const path of local) if (visible.has(path)) names.push(other.prefix + SEPARATOR + path);
    }
    return names;
  }

  /** The account of a name below a namespace's, and the rest of it. */
  otherOf(path: string): { readonly other: Other; readonly local: string } | undefined {
    if (!isInNamespace(path)) return undefined;
    const other = this.#others.find(({ prefix }) => path.startsWith(prefix + SEPARATOR));
    return other === undefined ? undefined : { other, local: path.slice(other.prefix.length + 1) };
  }

  /** Where a mailbox of this name could be made; undefined if nowhere that the session may know of. */
  async parentOf(path: string): Promise<Parent | undefined> {
    const found = this.otherOf(path);
    if (found === undefined) {
      // What was at the top before there were namespaces stays usable.
      const [first = ''] = path.split(SEPARATOR);
      if ([OTHER_USERS, SHARED].includes(first) && (await this.own.mailbox(first)) === undefined) return undefined;
      return await this.#parentIn(this.own, path);
    }
    return await this.#parentIn(found.other.account, found.local);
  }

  async #parentIn(account: ImapAccount, local: string): Promise<Parent> {
    let nearest: MailboxId = TOP;
    for (const path of superiors(local)) nearest = (await account.mailbox(path))?.id ?? nearest;
    const own = account.id === this.own.id && nearest === TOP;
    return { account, local, nearest, rights: own ? ALL_RIGHTS : this.rightsIn(account, nearest) };
  }

  #checked(place: Place | undefined, use: Use): Place | undefined {
    if (place === undefined || mayUse(place.rights, use)) return place;
    if (isHidden(place.rights)) return undefined;
    throw noPermission();
  }

  async #at(path: string): Promise<Place | undefined> {
    const mailbox = await this.own.find(path);
    if (mailbox !== undefined) return this.#ownPlace(mailbox);
    const found = this.otherOf(path);
    if (found === undefined) return undefined;
    const theirs = await found.other.account.mailbox(found.local);
    return theirs === undefined ? undefined : this.#otherPlace(found.other, theirs);
  }

  #ownPlace(mailbox: Mailbox): Place {
    const rights = this.#access.own.size === 0 ? ALL_RIGHTS : this.rightsIn(this.own, mailbox.id);
    return { account: this.own, mailbox, local: mailbox.path, rights };
  }

  #otherPlace({ account, prefix, rights }: Other, mailbox: Mailbox): Place {
    const path = prefix + SEPARATOR + mailbox.path;
    return {
      account,
      mailbox: { ...mailbox, path, special: '' },
      local: mailbox.path,
      rights: rights.get(mailbox.id) ?? NO_RIGHTS,
      reader: this.own.id,
    };
  }

  #mailboxesOf(other: Other): Promise<readonly Mailbox[]> {
    return this.#attempt(other, () => other.account.mailboxes(), []);
  }

  /** What somebody else's account says, or `otherwise`. */
  async #attempt<T>({ owner }: Other, work: () => Promise<T>, otherwise: T): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      this.#parts.unavailable(owner.address, error);
      return otherwise;
    }
  }
}

/** The mailbox's unseen messages and mod-sequence as the session has them. */
export function countsOf({ account, mailbox, reader }: Place): Counts | Promise<Counts> {
  return reader === undefined ? mailbox : account.mail.readerStatus(mailbox.id, reader);
}

export interface Counts {
  readonly unseen: number;
  readonly modseq: number;
}
