// The arguments of NOTIFY (RFC 5465 8).

import { FILTERS, NOTIFY_EVENTS } from '../limits.ts';
import { BadCommand, Refusal } from './errors.ts';
import { type FetchItem, fetchItems } from './fetch-att.ts';
import { type MailboxFilter, mailboxFilter } from './mailbox-filter.ts';
import type { Scanner } from './scanner.ts';

/** The events that we tell of, as BADEVENT lists them. */
const EVENTS = [
  ...(['MessageNew', 'MessageExpunge', 'FlagChange', 'AnnotationChange'] as const),
  ...(['MailboxName', 'SubscriptionChange', 'MailboxMetadataChange', 'ServerMetadataChange'] as const),
] as const;
const OF_MESSAGES: ReadonlySet<NotifyEvent> = new Set(EVENTS.slice(0, 4));
export type NotifyEvent = (typeof EVENTS)[number];
const BY_NAME: ReadonlyMap<string, NotifyEvent> = new Map(EVENTS.map((name) => [name.toUpperCase(), name]));

/** Mailboxes, and what is to be told of them. */
export interface EventGroup {
  readonly filter: MailboxFilter;
  readonly events: ReadonlySet<NotifyEvent>;
  /** Of new messages in the selected mailbox; empty: nothing. */
  readonly items: readonly FetchItem[];
}

export interface NotifySet {
  /** STATUS of what is watched comes first. */
  readonly status: boolean;
  readonly groups: readonly EventGroup[];
}

/** ("SET" [SP "STATUS"] SP event-groups) / "NONE" */
export function notifyArguments(scanner: Scanner): NotifySet {
  if (scanner.takeWord('NONE')) return { status: false, groups: [] };
  if (!scanner.takeWord('SET')) throw new BadCommand('Expected SET or NONE');
  scanner.space();
  const status = scanner.takeWord('STATUS');
  if (status) scanner.space();
  const groups: EventGroup[] = [];
  do {
    if (groups.length >= FILTERS) throw new BadCommand('Too many event groups');
    groups.push(eventGroup(scanner));
  } while (scanner.take(' '));
  if (groups.filter(({ filter }) => isOfSelected(filter)).length > 1) throw new BadCommand('SELECTED twice'); // 6.1
  return { status, groups };
}

export function isOfSelected({ kind }: MailboxFilter): boolean {
  return kind === 'selected' || kind === 'selected-delayed';
}

/** "(" filter-mailboxes SP events ")" */
function eventGroup(scanner: Scanner): EventGroup {
  scanner.expect('(');
  const filter = mailboxFilter(scanner);
  if (filter.kind === 'subtree-one') throw new BadCommand('subtree-one is for ESEARCH');
  scanner.space();
  const events = new Set<NotifyEvent>();
  const items: FetchItem[] = [];
  if (!scanner.takeWord('NONE')) {
    scanner.list(NOTIFY_EVENTS, () => {
      const event = BY_NAME.get(scanner.atom().toUpperCase());
      // RFC 5465 3.1
      if (event === undefined) throw new Refusal(`BADEVENT (${EVENTS.join(' ')})`, 'That event is not told of');
      events.add(event);
      if (event !== 'MessageNew' || !scanner.take(' ')) return;
      // A list of items, or the next event.
      if (scanner.peek() === '(') items.push(...fetchItems(scanner));
      else events.add(nextEvent(scanner));
    });
    if (events.size === 0) throw new BadCommand('Empty list of events');
  }
  scanner.expect(')');
  check(filter, events, items);
  return { filter, events, items };
}

/** The event behind `MessageNew`, which could have been followed by its items. */
function nextEvent(scanner: Scanner): NotifyEvent {
  const event = BY_NAME.get(scanner.atom().toUpperCase());
  if (event === undefined) throw new Refusal(`BADEVENT (${EVENTS.join(' ')})`, 'That event is not told of');
  return event;
}

/** RFC 5465 5, 6.1, 8: which events may stand together, and where. */
function check(filter: MailboxFilter, events: ReadonlySet<NotifyEvent>, items: readonly FetchItem[]): void {
  if (events.has('MessageNew') !== events.has('MessageExpunge'))
    throw new BadCommand('MessageNew goes with MessageExpunge');
  for (const event of ['FlagChange', 'AnnotationChange'] as const)
    if (events.has(event) && !events.has('MessageNew')) throw new BadCommand(`${event} goes with MessageNew`);
  if (isOfSelected(filter) && !events.isSubsetOf(OF_MESSAGES))
    throw new BadCommand('Only events of messages for the selected mailbox');
  if (!isOfSelected(filter) && items.length > 0) throw new BadCommand('Items are for the selected mailbox');
}
