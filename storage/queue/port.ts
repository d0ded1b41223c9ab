// The contract of the queue: what waits to be sent, what became of it, and the policies of other domains.
import type { AccountId, MessageContent, Staged } from '../ports.ts';

export type QueueId = number;

/**
 * NOTIFY (RFC 3461 4.1) as bits of `notify`; 0 is NEVER. `unsaid`: nothing was asked, which means failure and delay.
 * `confirmed`: of what came in and is sent on, the sender is who he says he is, and may be told.
 */
export const Notify = { success: 1, failure: 2, delay: 4, unsaid: 8, confirmed: 16 } as const;
export const NOTIFY_UNSAID = Notify.unsaid | Notify.failure | Notify.delay;

/** A message on its way out, as it is handed in. */
export interface NewQueued {
  readonly staged: Staged;
  /** Headers in front of it: signatures, Received. */
  readonly prefix: Uint8Array;
  /** Whose submission it is; '' for our own reports. */
  readonly owner: AccountId | '';
  /** '' for the null reverse-path. */
  readonly sender: string;
  /** Its header or sender needs SMTPUTF8. */
  readonly utf8: boolean;
  /** It has octets above 127. */
  readonly eightBit: boolean;
  readonly requireTls: boolean;
  /** Unix ms before which nobody is to have it, where that is later than now (RFC 4865). */
  readonly released?: number;
  /** TLS policies of its recipients' domains count for nothing (RFC 8689 5). */
  readonly tlsOptional?: true;
  /** Each recipient gets it from an address of its own: these are the two characters around his (VERP). */
  readonly verp?: string;
  /** The same id within an hour adds nothing: the first message's id is returned. */
  readonly once?: string;
  /** The address of ours that it is forwarded for. */
  readonly forwarded?: string;
  /** ENVID, '' for none. */
  readonly envelopeId: string;
  readonly returnFull: boolean;
  /** Unix ms: when it may first be tried, and after which it is given back. */
  readonly notBefore: number;
  readonly expires: number;
  readonly recipients: readonly NewQueuedRecipient[];
}

export interface NewQueuedRecipient {
  readonly address: string;
  /** A-labels in lower case; recipients of one domain are sent together. */
  readonly domain: string;
  /**
   * The route that it takes instead of its domain's mail hosts: `=NAME`, or `=NAME/ACCOUNT` where each account has a login
   * of its own there. Recipients of one route are sent together. Absent or '': none.
   */
  readonly route?: string;
  /** ORCPT, '' for none. */
  readonly original: string;
  readonly notify: number;
}

export interface QueuedMessage extends Omit<NewQueued, 'staged' | 'prefix' | 'recipients' | 'notBefore' | 'once'> {
  readonly id: QueueId;
  /** Prefix and message, in bytes. */
  readonly size: number;
  /** Unix ms. */
  readonly created: number;
}

export type QueuedState = 'waiting' | 'held' | 'sent' | 'failed';

export interface QueuedRecipient extends NewQueuedRecipient {
  readonly route: string;
  readonly queued: QueueId;
  readonly seq: number;
  readonly state: QueuedState;
  readonly attempts: number;
  /** Unix ms. */
  readonly nextAttempt: number;
  readonly delayTold: boolean;
  /** The last enhanced status code and reply; '' before the first attempt. */
  readonly status: string;
  readonly reply: string;
}

/** A destination that has recipients waiting. */
export interface Destination {
  /** Or a route, as it stands with its recipients. */
  readonly domain: string;
  /** Unix ms. */
  readonly due: number;
  /** Times in a row that nothing answered there. */
  readonly failures: number;
}

/** What became of one recipient in one attempt. */
export interface AttemptResult {
  readonly queued: QueueId;
  readonly seq: number;
  /** `attempts` as it was before: a result that was told already changes nothing. */
  readonly attempts: number;
  readonly state: 'sent' | 'failed' | 'waiting';
  /** Unix ms, for `waiting`. */
  readonly nextAttempt: number;
  readonly delayTold: boolean;
  readonly status: string;
  readonly reply: string;
  readonly host: string;
  readonly tls: string;
  readonly transcript: string;
  /** What another server has said for good: it took the message, or refused it. */
  readonly standing?: 'taken' | 'refused';
  /** The address refuses all mail: so many such refusals in a row put it on the list of those that get none. */
  readonly suppressAfter?: number;
}

/** What stands in the way of sending to some recipients. */
export interface Obstacles {
  /** The account's mail is held, since too much of it was refused elsewhere. */
  readonly held: boolean;
  /** Addresses that nothing is sent to, with what they said. */
  readonly suppressed: ReadonlyMap<string, string>;
}

/** An address that has refused mail, or that an administrator has named. */
export interface Suppressed {
  readonly address: string;
  /** Nothing is sent there; false: it is only counted. */
  readonly blocks: boolean;
  /** Refusals in a row; 0: named by an administrator. */
  readonly bounces: number;
  /** Unix ms. */
  readonly at: number;
  readonly reply: string;
}

export interface Suppression {
  /** In order of their addresses. */
  list(after: string, limit: number): Promise<Suppressed[]>;
  /** Errors: invalid. */
  add(address: string): Promise<void>;
  /** Errors: not-found. */
  remove(address: string): Promise<void>;
}

export interface QueueAttempt extends Pick<AttemptResult, 'seq' | 'host' | 'tls' | 'status' | 'reply' | 'transcript'> {
  readonly number: number;
  /** Unix ms. */
  readonly at: number;
}

/** Which messages an operator means; all that are given must hold. */
export interface QueueFilter {
  readonly id?: QueueId;
  /** A recipient's domain. */
  readonly domain?: string;
  readonly sender?: string;
  readonly owner?: AccountId;
  /** The name of a route. */
  readonly route?: string;
}

/** What went out by a route in an hour. */
export interface RouteUse {
  /** Unix hours. */
  readonly hour: number;
  readonly messages: number;
  readonly recipients: number;
}

/** A message as an operator sees it. */
export interface QueueListing extends QueuedMessage {
  readonly recipients: readonly QueuedRecipient[];
}

/** What waits to be sent. Everything that it promises is durable; it can be asked from any thread. */
export interface Queue {
  /** Takes a message; resolves with its id when it is durable. Errors: no-space. */
  add(message: NewQueued): Promise<QueueId>;
  /** Destinations that are due, the longest due first. */
  due(now: number, limit: number): Promise<Destination[]>;
  /** When the next destination is due after `now`, unix ms; null if none waits. */
  nextDue(now: number): Promise<number | null>;
  /** A destination's recipients that are due, the longest due first. */
  recipients(domain: string, now: number, limit: number): Promise<QueuedRecipient[]>;
  message(id: QueueId): Promise<QueuedMessage | undefined>;
  /** Its bytes, prefix first. Errors: not-found, unavailable. */
  content(id: QueueId): Promise<MessageContent>;
  /**
   * Writes what became of recipients of one message, and adds the reports about it, in one transaction: told twice, it
   * counts once. A message whose last recipient is settled is gone. False if all of it was told before, or is deleted.
   */
  settle(results: readonly AttemptResult[], reports: readonly NewQueued[]): Promise<boolean>;
  /** Leaves a destination alone until then, or (0) no longer. `failures`: in a row. */
  postpone(domain: string, notBefore: number, failures: number): Promise<void>;
  /** Messages after an id, in order of their ids. */
  list(filter: QueueFilter, after: QueueId, limit: number): Promise<QueueListing[]>;
  /** The last attempts of a message. */
  attempts(id: QueueId): Promise<QueueAttempt[]>;
  /** Makes recipients wait, and be tried at once; holds them; lets held ones wait again. The number of recipients. */
  change(action: 'retry' | 'hold' | 'release', filter: QueueFilter): Promise<number>;
  /**
   * Sends recipients by another route, and at once; '': by the mail hosts of their domains. `own`: each account has a lane
   * of its own there. The number of recipients.
   */
  reroute(filter: QueueFilter, to: { readonly name: string; readonly own: boolean }): Promise<number>;
  /** Removes recipients and what has none left, without a report; the number of recipients. */
  remove(filter: QueueFilter): Promise<number>;
  /** What went out by a route (as it stands with recipients) since a time, unix ms. */
  used(route: string, since: number): Promise<RouteUse[]>;
  /** Counts what goes out by a route now. */
  noteUse(route: string, use: Omit<RouteUse, 'hour'>): Promise<void>;
  /** Drafts that a route has begun elsewhere and that are not known to be gone. */
  drafts(route: string): Promise<string[]>;
  /** One is there, or is gone. */
  noteDraft(route: string, draft: string, there: boolean): Promise<void>;
  /** What stands in the way now; '' owns our own reports. */
  obstacles(owner: AccountId | '', addresses: readonly string[]): Promise<Obstacles>;
  /** An account's mail is no longer held, and what was refused before is forgotten. */
  forgive(owner: AccountId): Promise<void>;
  /** Messages, and their bytes. */
  totals(): Promise<{ readonly messages: number; readonly bytes: number }>;
  /** Woken after each change, by any thread; merged, never lost. */
  subscribe(wake: () => void): Disposable;
}

/** An MTA-STS policy of another domain (RFC 8461). */
export interface KeptPolicy {
  readonly id: string;
  readonly mode: 'enforce' | 'testing' | 'none';
  readonly hosts: readonly string[];
  /** Unix ms. */
  readonly expires: number;
}

export interface Policies {
  get(domain: string): Promise<KeptPolicy | undefined>;
  put(domain: string, policy: KeptPolicy): Promise<void>;
}

/** Sessions with the hosts of a domain that went alike (RFC 8460). */
export interface TlsResult {
  /** The policy that held, in JSON. */
  readonly policy: string;
  /** '' for a success, else what failed. */
  readonly result: string;
  /** With which host, in JSON; '' for a success. */
  readonly detail: string;
  readonly sessions: number;
}

/** What is reported to other domains. Days are unix days, UTC. */
export interface TlsResults {
  /** Counts a session. */
  add(day: number, domain: string, result: Omit<TlsResult, 'sessions'>): Promise<void>;
  /** The first after `after` of which something is kept, of the days before `before`. */
  first(
    before: number,
    after: { readonly day: number; readonly domain: string },
  ): Promise<{ readonly day: number; readonly domain: string } | undefined>;
  of(day: number, domain: string): Promise<TlsResult[]>;
  remove(day: number, domain: string): Promise<void>;
}
