// What a client has asked to be told of (RFC 5465): of the selected mailbox, and of others, whose state is compared with
// what was told last. The change feed wakes the session; nothing is sent while a command runs but at its end.

import type { Mailbox } from '#storage/ports.ts';
import { type FetchPlan, planFetch } from './fetch/plan.ts';
import { covers, coversName } from './filtered-mailboxes.ts';
import { mailboxReply, SEPARATOR } from './grammar/mailbox-name.ts';
import { type EventGroup, isOfSelected, type NotifyEvent, type NotifySet } from './grammar/notify.ts';
import type { ImapAccount } from './index/account.ts';
import { MetadataChanges, type Wanted } from './notify-metadata.ts';
import { countsOf, type Place } from './places.ts';
import { mayUse } from './rights.ts';
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
  /** What had been committed when it was last looked: see Session.stamp. */
  stamp = -1;
  /** Accounts of others whose mailboxes may be told of. */
  others: readonly ImapAccount[] = [];
  readonly #others: readonly EventGroup[];
  /** Follows changes of annotations of mailboxes; null where nobody asked for them. */
  readonly #metadata: MetadataChanges | null;
  /** Changes of the annotations of messages are told in the selected mailbox. */
  readonly annotations: boolean;
  readonly #wakes = new DisposableStack();
  readonly #listening = new Set<ImapAccount>();
  readonly #wake: () => void;
  #places: ReadonlyMap<string, Seen> = new Map();
  #subscribed: ReadonlySet<string> = new Set();

  constructor(session: Session, { groups }: NotifySet) {
    const own = groups.find(({ filter }) => isOfSelected(filter));
    const events = own?.events ?? NOTHING;
    this.annotations = events.has('AnnotationChange');
    this.selected =
      events.has('FlagChange') || this.annotations ? 'all' : events.has('MessageNew') ? 'messages' : 'nothing';
    this.atOnce = own?.filter.kind === 'selected';
    this.plan = own === undefined || own.items.length === 0 ? null : planFetch(own.items, false, session.utf8);
    this.#others = groups.filter(({ filter }) => !isOfSelected(filter));
    const wanted = new Set(this.#others.flatMap((group) => [...group.events]));
    const ofMetadata = wanted.has('MailboxMetadataChange') || wanted.has('ServerMetadataChange');
    this.#metadata = ofMetadata ? new MetadataChanges() : null;
    this.#wake = () => session.connection.interrupt();
    this.#wakes.use(session.places.subscribe(this.#wake));
    this.#listen(session.owner);
  }

  /** Notes how everything is now; with STATUS, tells it of the mailboxes whose messages are watched (RFC 5465 3.1). */
  async begin(session: Session, status: boolean): Promise<void> {
    await this.#look(session);
    await this.#metadata?.begin([session.owner, ...this.others]);
    if (!status) return;
    for (const seen of this.#places.values()) {
      if (isSelected(session, seen) || !mayUse(seen.place.rights, 'status')) continue;
      const events = this.#eventsOf(seen.place);
      if (!events.has('MessageNew')) continue;
      const items = ['MESSAGES', 'UIDNEXT', 'UIDVALIDITY', ...(events.has('FlagChange') ? ['HIGHESTMODSEQ'] : [])];
      await this.#tellStatus(session, seen, items);
    }
  }

  /** Tells what has happened to other mailboxes, and to names and subscriptions. */
  async tell(session: Session): Promise<void> {
    if (this.#others.length === 0) return;
    const [before, subscribed] = [this.#places, this.#subscribed];
    await this.#look(session);
    this.#tellNames(session, before);
    this.#tellSubscriptions(session, subscribed);
    await this.#metadata?.tell(session, this.#metadataOf(session));
    for (const [key, seen] of this.#places) {
      if (!isSelected(session, seen) && mayUse(seen.place.rights, 'status'))
        await this.#tellMessages(session, seen, before.get(key));
    }
  }

  [Symbol.dispose](): void {
    this.#wakes[Symbol.dispose]();
  }

  async #look({ places }: Session): Promise<void> {
    if (this.#others.length === 0) return;
    this.others = places.others.map(({ account }) => account);
    for (const account of this.others) this.#listen(account);
    const seen = new Map<string, Seen>();
    for (const place of await places.all()) {
      const key = `${place.account.id} ${place.mailbox.id}`;
      const generation = place.account.mail.generation();
      const { unseen, modseq } = await this.#countsOf(place, this.#places.get(key), generation);
      seen.set(key, { place, unseen, modseq, generation });
    }
    this.#places = seen;
    const needed = this.#others.some(({ filter, events }) => filter.kind === 'subscribed' || events.size > 0);
    if (needed) this.#subscribed = new Set(await places.subscriptions());
  }

  /** The counts of somebody else's mailbox cost a look: only where they may be told, and something was committed there. */
  async #countsOf(
    place: Place,
    before: Seen | undefined,
    generation: number,
  ): Promise<{ unseen: number; modseq: number }> {
    if (place.reader === undefined) return place.mailbox;
    if (before?.generation === generation) return before;
    const told = mayUse(place.rights, 'status') && this.#eventsOf(place).has('MessageNew');
    return told ? await countsOf(place) : place.mailbox;
  }

  #listen(account: ImapAccount): void {
    if (this.#listening.has(account)) return;
    this.#listening.add(account);
    this.#wakes.use(account.mail.subscribe(this.#wake));
  }

  /** What is to be told of a mailbox. */
  #eventsOf(place: Place): ReadonlySet<NotifyEvent> {
    return this.#eventsWhere(({ filter }) => covers(filter, place, this.#subscribed));
  }

  /** Under which name changes of an account's mailbox (0: of the account) are told, and of which entries; null: not at all. */
  #metadataOf(session: Session): Wanted {
    return (account, mailbox) => {
      if (mailbox === 0) {
        const wanted = this.#eventsWhere(() => true).has('ServerMetadataChange');
        return account === session.owner && wanted ? { path: '', entries: '/' } : null;
      }
      const place = this.#places.get(`${account.id} ${mailbox}`)?.place;
      if (place === undefined || !this.#eventsOf(place).has('MailboxMetadataChange')) return null;
      // What is private of somebody else's mailbox is his.
      if (account === session.owner) return { path: place.mailbox.path, entries: '/' };
      return mayUse(place.rights, 'metadata') ? { path: place.mailbox.path, entries: '/shared/' } : null;
    };
  }

  #eventsOfName(path: string): ReadonlySet<NotifyEvent> {
    return this.#eventsWhere(({ filter }) => coversName(filter, path, this.#subscribed));
  }

  #eventsWhere(meant: (group: EventGroup) => boolean): ReadonlySet<NotifyEvent> {
    const events = new Set<NotifyEvent>();
    for (const group of this.#others) if (meant(group)) for (const event of group.events) events.add(event);
    return events;
  }

  /** RFC 5465 5.1 to 5.3: by a STATUS of what has changed. */
  async #tellMessages(session: Session, seen: Seen, earlier: Seen | undefined): Promise<void> {
    const now = seen.place.mailbox;
    const before = earlier?.place.mailbox;
    if (earlier?.modseq === seen.modseq && before?.uidvalidity === now.uidvalidity) return;
    const events = this.#eventsOf(seen.place);
    if (!events.has('MessageNew')) return;
    const condstore = session.enabled.has('CONDSTORE');
    const counted = before === undefined ? now.total > 0 : before.uidnext !== now.uidnext || before.total !== now.total;
    const unseen = earlier !== undefined && earlier.unseen !== seen.unseen;
    if (counted) await this.#tellStatus(session, seen, ['UIDNEXT', 'MESSAGES', ...(unseen ? ['UNSEEN'] : [])]);
    else if (before !== undefined && before.uidvalidity !== now.uidvalidity)
      await this.#tellStatus(session, seen, ['UIDVALIDITY']);
    else if (before === undefined || !(events.has('FlagChange') || events.has('AnnotationChange'))) return;
    else if (unseen) await this.#tellStatus(session, seen, ['UIDVALIDITY', 'UNSEEN']);
    else if (condstore) await this.#tellStatus(session, seen, ['UIDVALIDITY']);
  }

  /** With HIGHESTMODSEQ for those who know what it is (RFC 5465 5.2, 5.3). */
  async #tellStatus(session: Session, { place }: Seen, items: readonly string[]): Promise<void> {
    const all = session.enabled.has('CONDSTORE') ? [...items, 'HIGHESTMODSEQ'] : items;
    await tellStatus(session, place, place.mailbox.path, new Set(all));
  }

  /** RFC 5465 5.4: of what was made, renamed and deleted, and of the parents of what was made and deleted. */
  #tellNames(session: Session, before: ReadonlyMap<string, Seen>): void {
    const affected = new Map<string, string>();
    const note = (path: string, old = '') => {
      const wanted = [path, old].some((name) => name !== '' && this.#eventsOfName(name).has('MailboxName'));
      if (wanted) affected.set(path, old);
    };
    const withParent = (path: string) => {
      note(path);
      const parent = path.split(SEPARATOR).slice(0, -1).join(SEPARATOR);
      if (parent !== '') note(parent);
    };
    for (const [key, { place }] of this.#places) {
      const { mailbox } = place;
      const old = before.get(key)?.place.mailbox;
      if (old === undefined) withParent(mailbox.path);
      else if (old.path !== mailbox.path && !isMovedAlong(old, mailbox)) note(mailbox.path, old.path);
    }
    for (const [key, { place }] of before) if (!this.#places.has(key)) withParent(place.mailbox.path);
    for (const [path, old] of affected) this.#tellList(session, path, old);
  }

  /** RFC 5465 5.5 */
  #tellSubscriptions(session: Session, before: ReadonlySet<string>): void {
    const changed = this.#subscribed.symmetricDifference(before);
    for (const path of changed)
      if (this.#eventsOfName(path).has('SubscriptionChange')) this.#tellList(session, path, '');
  }

  #tellList({ connection, utf8 }: Session, path: string, old: string): void {
    const all = [...this.#places.values()].map(({ place }) => place.mailbox);
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

/** A mailbox as it was when it was last looked at. */
interface Seen {
  readonly place: Place;
  readonly unseen: number;
  readonly modseq: number;
  /** The account's. */
  readonly generation: number;
}

function isSelected({ selected }: Session, { place }: Seen): boolean {
  return selected?.is(place) === true;
}

/** It has another path only because a mailbox above it was renamed: of that one is told (RFC 5465 5.4). */
function isMovedAlong(before: Mailbox, now: Mailbox): boolean {
  const last = (path: string) => path.slice(path.lastIndexOf(SEPARATOR) + 1);
  return before.parent === now.parent && last(before.path) === last(now.path);
}
