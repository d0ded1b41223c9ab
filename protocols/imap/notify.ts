// What a client has asked to be told of (RFC 5465): of the selected mailbox, and of others, whose state is compared with
// what was told last. The change feed wakes the session; nothing is sent while a command runs but at its end.

import type { Mailbox } from '#storage/ports.ts';
import { type FetchPlan, planFetch } from './fetch/plan.ts';
import { coversMailbox } from './filtered-mailboxes.ts';
import { mailboxReply, SEPARATOR } from './grammar/mailbox-name.ts';
import { type EventGroup, isOfSelected, type NotifyEvent, type NotifySet } from './grammar/notify.ts';
import type { Session } from './session.ts';
import { USE_ATTRIBUTE } from './special-use.ts';
import { tellStatus } from './status-items.ts';

const NOTHING: ReadonlySet<NotifyEvent> = new Set();

export class Notify implements Disposable {
  /** What is told of the selected mailbox: nothing, new and expunged messages, or flags too. */
  readonly selected: 'nothing' | 'messages' | 'all';
  /** Expunges are told between commands, too: the client uses no sequence numbers (RFC 5465 6.1.1). */
  readonly atOnce: boolean;
  /** What is told of a new message in the selected mailbox. */
  readonly plan: FetchPlan | null;
  /** What had been committed when it was last looked. */
  generation = -1;
  readonly #others: readonly EventGroup[];
  readonly #wakes: Disposable;
  #mailboxes: ReadonlyMap<number, Mailbox> = new Map();
  #subscribed: ReadonlySet<string> = new Set();

  constructor(session: Session, { groups }: NotifySet) {
    const own = groups.find(({ filter }) => isOfSelected(filter));
    const events = own?.events ?? NOTHING;
    this.selected = events.has('FlagChange') ? 'all' : events.has('MessageNew') ? 'messages' : 'nothing';
    this.atOnce = own?.filter.kind === 'selected';
    this.plan = own === undefined || own.items.length === 0 ? null : planFetch(own.items, false, session.utf8);
    this.#others = groups.filter(({ filter }) => !isOfSelected(filter));
    this.#wakes = session.owner.mail.subscribe(() => session.connection.interrupt());
  }

  /** Notes how everything is now; with STATUS, tells it of the mailboxes whose messages are watched (RFC 5465 3.1). */
  async begin(session: Session, status: boolean): Promise<void> {
    await this.#look(session);
    if (!status) return;
    for (const mailbox of this.#mailboxes.values()) {
      if (mailbox.id === session.selected?.mailbox.id) continue;
      const events = this.#eventsOf(mailbox.path);
      if (!events.has('MessageNew')) continue;
      const items = ['MESSAGES', 'UIDNEXT', 'UIDVALIDITY', ...(events.has('FlagChange') ? ['HIGHESTMODSEQ'] : [])];
      await this.#tellStatus(session, mailbox, items);
    }
  }

  /** Tells what has happened to other mailboxes, and to names and subscriptions. */
  async tell(session: Session): Promise<void> {
    if (this.#others.length === 0) return;
    const [before, subscribed] = [this.#mailboxes, this.#subscribed];
    await this.#look(session);
    this.#tellNames(session, before);
    this.#tellSubscriptions(session, subscribed);
    for (const mailbox of this.#mailboxes.values()) {
      if (mailbox.id !== session.selected?.mailbox.id)
        await this.#tellMessages(session, mailbox, before.get(mailbox.id));
    }
  }

  [Symbol.dispose](): void {
    this.#wakes[Symbol.dispose]();
  }

  async #look({ owner }: Session): Promise<void> {
    if (this.#others.length === 0) return;
    this.#mailboxes = new Map((await owner.mailboxes()).map((mailbox) => [mailbox.id, mailbox]));
    const needed = this.#others.some(({ filter, events }) => filter.kind === 'subscribed' || events.size > 0);
    if (needed) this.#subscribed = new Set(await owner.mail.subscriptions(owner.id));
  }

  /** What is to be told of a mailbox of this name. */
  #eventsOf(path: string): ReadonlySet<NotifyEvent> {
    const events = new Set<NotifyEvent>();
    for (const group of this.#others) {
      if (coversMailbox(group.filter, path, this.#subscribed)) for (const event of group.events) events.add(event);
    }
    return events;
  }

  /** RFC 5465 5.1 to 5.3: by a STATUS of what has changed. */
  async #tellMessages(session: Session, now: Mailbox, before: Mailbox | undefined): Promise<void> {
    if (before?.modseq === now.modseq && before.uidvalidity === now.uidvalidity) return;
    const events = this.#eventsOf(now.path);
    if (!events.has('MessageNew')) return;
    const condstore = session.enabled.has('CONDSTORE');
    const counted = before === undefined ? now.total > 0 : before.uidnext !== now.uidnext || before.total !== now.total;
    const unseen = before !== undefined && before.unseen !== now.unseen;
    if (counted) await this.#tellStatus(session, now, ['UIDNEXT', 'MESSAGES', ...(unseen ? ['UNSEEN'] : [])]);
    else if (before !== undefined && before.uidvalidity !== now.uidvalidity)
      await this.#tellStatus(session, now, ['UIDVALIDITY']);
    else if (before === undefined || !events.has('FlagChange')) return;
    else if (unseen) await this.#tellStatus(session, now, ['UIDVALIDITY', 'UNSEEN']);
    else if (condstore) await this.#tellStatus(session, now, ['UIDVALIDITY']);
  }

  /** With HIGHESTMODSEQ for those who know what it is (RFC 5465 5.2, 5.3). */
  async #tellStatus(session: Session, mailbox: Mailbox, items: readonly string[]): Promise<void> {
    const all = session.enabled.has('CONDSTORE') ? [...items, 'HIGHESTMODSEQ'] : items;
    await tellStatus(session, mailbox, mailbox.path, new Set(all));
  }

  /** RFC 5465 5.4: of what was made, renamed and deleted, and of the parents of what was made and deleted. */
  #tellNames(session: Session, before: ReadonlyMap<number, Mailbox>): void {
    const affected = new Map<string, string>();
    const note = (path: string, old = '') => {
      const wanted = [path, old].some((name) => name !== '' && this.#eventsOf(name).has('MailboxName'));
      if (wanted) affected.set(path, old);
    };
    const withParent = (path: string) => {
      note(path);
      const parent = path.split(SEPARATOR).slice(0, -1).join(SEPARATOR);
      if (parent !== '') note(parent);
    };
    for (const mailbox of this.#mailboxes.values()) {
      const old = before.get(mailbox.id);
      if (old === undefined) withParent(mailbox.path);
      else if (old.path !== mailbox.path && !isMovedAlong(old, mailbox)) note(mailbox.path, old.path);
    }
    for (const old of before.values()) if (!this.#mailboxes.has(old.id)) withParent(old.path);
    for (const [path, old] of affected) this.#tellList(session, path, old);
  }

  /** RFC 5465 5.5 */
  #tellSubscriptions(session: Session, before: ReadonlySet<string>): void {
    const changed = this.#subscribed.symmetricDifference(before);
    for (const path of changed) if (this.#eventsOf(path).has('SubscriptionChange')) this.#tellList(session, path, '');
  }

  #tellList({ connection, utf8 }: Session, path: string, old: string): void {
    const all = [...this.#mailboxes.values()];
    const mailbox = all.find((other) => other.path === path);
    const children = all.some((other) => other.path.startsWith(path + SEPARATOR));
    const attributes = [
      ...(mailbox === undefined ? ['\\NonExistent'] : []),
      children ? '\\HasChildren' : '\\HasNoChildren',
      ...(mailbox === undefined || USE_ATTRIBUTE[mailbox.special] === '' ? [] : [USE_ATTRIBUTE[mailbox.special]]),
      ...(this.#subscribed.has(path) ? ['\\Subscribed'] : []),
    ];
    const oldName = old === '' ? '' : ` ("OLDNAME" (${mailboxReply(old, utf8)}))`;
    const name = mailboxReply(path, utf8);
    connection.out.text(`* LIST (${attributes.join(' ')}) "${SEPARATOR}" ${name}${oldName}\r\n`);
  }
}

/** It has another path only because a mailbox above it was renamed: of that one is told (RFC 5465 5.4). */
function isMovedAlong(before: Mailbox, now: Mailbox): boolean {
  const last = (path: string) => path.slice(path.lastIndexOf(SEPARATOR) + 1);
  return before.parent === now.parent && last(before.path) === last(now.path);
}
