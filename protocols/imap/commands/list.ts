// LIST (RFC 3501 6.3.8), extended (RFC 5258), with CHILDREN (RFC 3348), SPECIAL-USE (RFC 6154) and STATUS (RFC 5819). The
// attributes are always there, since macOS Mail reads them and never asks.

import { Pace } from '#protocols/net/pace.ts';
import { ListPattern } from '../grammar/list-pattern.ts';
import { type ListRequest, listRequest } from '../grammar/list-request.ts';
import { decodedName, mailboxReply, SEPARATOR, superiors } from '../grammar/mailbox-name.ts';
import type { NamesReply } from '../index/account.ts';
import { KEPT_LIST_CHARS } from '../limits.ts';
import type { Place } from '../places.ts';
import { mayUse } from '../rights.ts';
import type { Session } from '../session.ts';
import { USE_ATTRIBUTE } from '../special-use.ts';
import { tellStatus } from '../status-items.ts';
import { tellMetadata } from '../tell-metadata.ts';
import { tellMyRights } from '../tell-my-rights.ts';
import type { Verb } from './verb.ts';

export const list: Verb = {
  state: 'authenticated',
  expunges: true,
  async run(session, { scanner }) {
    const { rest } = scanner;
    const asked = `${session.utf8 ? 'UTF-8' : ''}${rest}`;
    const names = rest === null ? null : namesOf(session);
    if (names?.asked === asked) {
      session.connection.out.text(names.text);
      return undefined;
    }
    const request = listRequest(scanner);
    if (request.status?.has('HIGHESTMODSEQ')) session.enable('CONDSTORE'); // RFC 7162 3.1
    // RFC 9051 6.3.9: an empty pattern asks for the separator and the root.
    if (!request.extended && request.patterns[0] === '') {
      session.connection.out.text(`* LIST (\\Noselect) "${SEPARATOR}" ""\r\n`);
      return undefined;
    }
    const text = await tellAll(session, request);
    // Only where nothing has changed meanwhile, and so from the second time on.
    if (names !== null && names === namesOf(session) && isOfNames(request) && text.length <= KEPT_LIST_CHARS)
      Object.assign(names, { asked, text });
    await tellAlias(session, request);
    return undefined;
  },
};

/** Where a reply of the account's own names may be kept; null where others share theirs. */
function namesOf({ owner, places }: Session): NamesReply | null {
  return places.others.length === 0 ? owner.names : null;
}

/** Nothing is told but names that there are. */
function isOfNames({ extended, patterns }: ListRequest): boolean {
  return !extended && /[%*]/.test(patterns[0] ?? '');
}

/** Tells what is asked for. The lines of LIST. */
async function tellAll(session: Session, request: ListRequest): Promise<string> {
  const patterns = ListPattern.all(request.reference, request.patterns, session.utf8);
  const pace = new Pace(session.connection);
  const matches = ({ path }: Entry) => patterns.some((pattern) => pattern.matches(path));
  let text = '';
  for (const entry of await entries(session, request, matches)) {
    if ((!wanted(entry, request) && !entry.parent) || !matches(entry)) continue;
    const told = tell(session, entry, request);
    text += typeof told === 'string' ? told : await told;
    if (pace.due) await pace.rest();
  }
  return text;
}

/** A name that may be listed. */
interface Entry {
  readonly path: string;
  /** Undefined for one that is only subscribed to, or only a parent. */
  readonly place: Place | undefined;
  readonly children: boolean;
  subscribed: boolean;
  /** RECURSIVEMATCH: something below it is wanted, and the patterns leave it out. */
  parent: boolean;
}

/** All names that there are to choose from, INBOX first, then by name. */
async function entries(
  { places }: Session,
  request: ListRequest,
  matches: (entry: Entry) => boolean,
): Promise<Entry[]> {
  const all = await places.all(request.status !== null);
  // All above a name is there to lead to it, whether or not it is a mailbox, and may be seen.
  const parents = new Set(all.flatMap(({ mailbox }) => superiors(mailbox.path)));
  const byPath = new Map<string, Entry>();
  const add = (path: string, place: Place | undefined): Entry => {
    const entry = { path, place, children: parents.has(path), subscribed: false, parent: false };
    byPath.set(path, entry);
    return entry;
  };
  for (const place of all) if (!byPath.has(place.mailbox.path)) add(place.mailbox.path, place);
  // RFC 3501 6.3.8: names that lead to others are listed by level.
  if (request.byLevel) for (const path of parents) if (!byPath.has(path)) add(path, undefined);
  const subscribed = request.subscribed ? await places.subscriptions() : [];
  for (const path of subscribed) {
    const entry = byPath.get(path) ?? (request.select.subscribed ? add(path, undefined) : undefined);
    if (entry !== undefined) entry.subscribed = true;
  }
  if (request.select.recursive) {
    for (const entry of [...byPath.values()]) {
      // RFC 5258 4: what is listed itself tells of nothing above it.
      if (!wanted(entry, request) || matches(entry)) continue;
      for (const path of superiors(entry.path)) (byPath.get(path) ?? add(path, undefined)).parent = true;
    }
  }
  return [...byPath.values()].sort(inOrder);
}

/** Does it meet every selection option? */
function wanted({ place, subscribed }: Entry, { select }: ListRequest): boolean {
  if (select.subscribed && !subscribed) return false;
  return !select.special || (place !== undefined && USE_ATTRIBUTE[place.mailbox.special] !== '');
}

/** Tells one, and what is asked for besides. Its line. */
function tell(session: Session, entry: Entry, request: ListRequest): string | Promise<string> {
  const { path, place } = entry;
  const attributes = place === undefined ? ['\\NonExistent'] : [];
  // A name that only leads to others; who does not know the one attribute knows the other.
  if (place === undefined && !request.select.subscribed) attributes.push('\\Noselect');
  attributes.push(entry.children ? '\\HasChildren' : '\\HasNoChildren');
  const use = USE_ATTRIBUTE[place?.mailbox.special ?? ''];
  if (use !== '') attributes.push(use);
  if (entry.subscribed) attributes.push('\\Subscribed');
  const info = entry.parent ? ` ("CHILDINFO" (${criteria(request)}))` : '';
  const name = mailboxReply(path, session.utf8);
  const line = `* LIST (${attributes.join(' ')}) "${SEPARATOR}" ${name}${info}\r\n`;
  session.connection.out.text(line);
  // RFC 5819 2: each STATUS after its LIST, and none for what can't be selected.
  if (place === undefined || !request.extended) return line;
  return tellMore(session, place, path, request).then(() => line);
}

/** What is asked for besides, of a mailbox that there is. */
async function tellMore(session: Session, place: Place, name: string, request: ListRequest): Promise<void> {
  const { status, metadata, myRights } = request;
  const { rights } = place;
  if (status !== null && mayUse(rights, 'status')) await tellStatus(session, place, name, status);
  if (myRights) tellMyRights(session, name, rights); // RFC 8440
  if (metadata.length > 0 && mayUse(rights, 'metadata'))
    await tellMetadata(session, place, name, metadata, { maxSize: null, depth: '0' });
}

/** The selection options that something below a parent meets (RFC 5258 4). */
function criteria({ select }: ListRequest): string {
  return [...(select.subscribed ? ['"SUBSCRIBED"'] : []), ...(select.special ? ['"SPECIAL-USE"'] : [])].join(' ');
}

/** A program's own name for a special mailbox is there for who asks for just that name (F175, RFC 9051 6.3.9.7). */
async function tellAlias(session: Session, request: ListRequest): Promise<void> {
  const [pattern = ''] = request.patterns;
  const { select } = request;
  if (request.patterns.length > 1 || /[%*]/.test(pattern) || select.subscribed || select.special) return;
  const path = decodedName(request.reference + pattern, session.utf8);
  const mailbox = path === null ? undefined : await session.owner.alias(path);
  if (path === null || mailbox === undefined) return;
  const [name, old] = request.extended
    ? [mailbox.path, ` ("OLDNAME" (${mailboxReply(path, session.utf8)}))`]
    : [path, ''];
  session.connection.out.text(`* LIST (\\HasNoChildren) "${SEPARATOR}" ${mailboxReply(name, session.utf8)}${old}\r\n`);
  const rights = session.places.rightsIn(session.owner, mailbox.id);
  await tellMore(session, { account: session.owner, mailbox, local: mailbox.path, rights }, name, request);
}

function inOrder(a: Entry, b: Entry): number {
  if (a.path === 'INBOX' || b.path === 'INBOX') return a.path === 'INBOX' ? -1 : 1;
  return a.path < b.path ? -1 : 1;
}
