// The contract of sharing: whose mailboxes an account may use and how (RFC 4314), and the groups that mailboxes are
// shared with. All of it is in the directory: a change of it is seen by every thread at its next look.
import type { Account } from '../directory/port.ts';
import type { AccountId, MailboxId } from '../ports.ts';
import type { Rights } from './rights.ts';

/** Stands for an account's top: who may make mailboxes there, and what they begin with. */
export const TOP: MailboxId = 0;

/** An entry of an access control list. */
export interface AclEntry {
  /** `anna@example.test`, `group:sales@example.test`, or `anyone`: all accounts of the owner's domain. */
  readonly identifier: string;
  /** These rights are taken away from whom it names. */
  readonly negative: boolean;
  readonly rights: Rights;
}

/** What somebody else shares with an account. */
export interface SharedAccount {
  readonly account: Account;
  /** By mailbox (and TOP); those with no right are left out. */
  readonly rights: ReadonlyMap<MailboxId, Rights>;
}

/** All that an account may use. */
export interface Access {
  /** Rights in mailboxes of its own that are not all rights. */
  readonly own: ReadonlyMap<MailboxId, Rights>;
  /** By address. */
  readonly others: readonly SharedAccount[];
}

export interface Group {
  /** `sales@example.test` */
  readonly name: string;
  /** Addresses. */
  readonly members: readonly string[];
}

/** Whom mailboxes are shared with. Identifiers are told apart without case, in any spelling of their domain. */
export interface Sharing {
  /** What an account may use, as it is at the newest commit. */
  access(account: AccountId): Promise<Access>;
  /** A mailbox's list, the owner first if he has an entry, then by identifier. */
  acl(owner: AccountId, mailbox: MailboxId): Promise<AclEntry[]>;
  /**
   * Gives an identifier (`-` in front: takes from it) exactly these rights, or adds or removes some; an entry without
   * any is removed. Errors: invalid (no identifier), not-found (nobody has that name), limit.
   */
  setAcl(
    owner: AccountId,
    mailbox: MailboxId,
    identifier: string,
    change: { readonly action: 'set' | 'add' | 'remove'; readonly rights: Rights },
  ): Promise<void>;
  /** Removes an identifier's entry, if it has one. Errors: invalid. */
  deleteAcl(owner: AccountId, mailbox: MailboxId, identifier: string): Promise<void>;
  /** A new mailbox's list is that of the one it was made in, or of TOP; nothing if that one's is empty. */
  inherit(owner: AccountId, from: MailboxId, mailboxes: readonly MailboxId[]): Promise<void>;
  /** A deleted mailbox has no list. */
  forget(owner: AccountId, mailboxes: readonly MailboxId[]): Promise<void>;
  /** The identifier in its one spelling, if it names somebody. Errors: invalid, not-found. */
  identify(identifier: string): Promise<string>;

  groups(): Promise<Group[]>;
  /** Errors: invalid, not-found (its domain), exists, limit. */
  addGroup(name: string): Promise<void>;
  /** Removes it from every list too. Errors: not-found. */
  removeGroup(name: string): Promise<void>;
  /** Errors: not-found, exists, limit. */
  addMember(group: string, address: string): Promise<void>;
  /** Errors: not-found. */
  removeMember(group: string, address: string): Promise<void>;

  /** Raised at each change of the directory, before it is answered. */
  generation(): number;
  /** Woken after each raise; merged, never lost. */
  subscribe(wake: () => void): Disposable;
}
