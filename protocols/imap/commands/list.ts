// LIST (RFC 3501 6.3.8), extended (RFC 5258), with CHILDREN (RFC 3348), SPECIAL-USE (RFC 6154) and STATUS (RFC 5819). The
// attributes are always there, since macOS Mail reads them and never asks.

import { Pace } from '#protocols/net/pace.ts';
import type { Mailbox } from '#storage/ports.ts';
import { ListPattern } from '../grammar/list-pattern.ts';
import { type ListRequest, listRequest } from '../grammar/list-request.ts';
import { decodedName, mailboxReply, SEPARATOR, superiors } from '../grammar/mailbox-name.ts';
import type { Session } from '../session.ts';
import { USE_ATTRIBUTE } from '../special-use.ts';
import { tellStatus } from '../status-items.ts';
import { tellMetadata } from '../tell-metadata.ts';
import type { Verb } from './verb.ts';

export const list: Verb = {
  state: 'authenticated',
  expunges: true,
  async run(session, { scanner }) {
    const request = listRequest(scanner);
    if (request.status?.has('HIGHESTMODSEQ')) session.enable('CONDSTORE'); // RFC 7162 3.1
    // RFC 9051 6.3.9: an empty pattern asks for the separator and the root.
    if (!request.extended && request.patterns[0] === '') {
      session.connection.out.text(`* LIST (\\Noselect) "${SEPARATOR}" ""\r\n`);
      return undefined;
    }
    const patterns = ListPattern.all(request.reference, request.patterns, session.utf8);
    const pace = new Pace(session.connection);
    const matches = ({ path }: Entry) => patterns.some((pattern) => pattern.matches(path));
    for (const entry of await entries(session, request, matches)) {
      if ((!wanted(entry, request) && !entry.parent) || !matches(entry)) continue;
      await tell(session, entry, request);
      if (pace.due) await pace.rest();
    }
    await tellAlias(session, request);
    return undefined;
  },
};

/** A name that may be listed. */
interface Entry {
  readonly path: string;
  /** Undefined for one that is only subscribed to, or only a parent. */
  readonly mailbox: Mailbox | undefined;
  readonly children: boolean;
  subscribed: boolean;
  /** RECURSIVEMATCH: something below it is wanted, and the patterns leave it out. */
  parent: boolean;
}

/** All names that there are to choose from, INBOX first, then by name. */
async function entries({ owner }: Session, request: ListRequest, matches: (entry: Entry) => boolean): Promise<Entry[]> {
  const mailboxes = await owner.mailboxes();
  const parents = new Set(mailboxes.map(({ parent }) => parent));
  const byPath = new Map<string, Entry>();
  const add = (path: string, mailbox: Mailbox | undefined): Entry => {
    const children = mailbox !== undefined && parents.has(mailbox.id);
    const entry = { path, mailbox, children, subscribed: false, parent: false };
    byPath.set(path, entry);
    return entry;
  };
  for (const mailbox of mailboxes) add(mailbox.path, mailbox);
  const subscribed = request.subscribed ? await owner.mail.subscriptions(owner.id) : [];
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
function wanted({ mailbox, subscribed }: Entry, { select }: ListRequest): boolean {
  if (select.subscribed && !subscribed) return false;
  return !select.special || (mailbox !== undefined && USE_ATTRIBUTE[mailbox.special] !== '');
}

async function tell(session: Session, entry: Entry, request: ListRequest): Promise<void> {
  const { path, mailbox } = entry;
  const attributes = mailbox === undefined ? ['\\NonExistent'] : [];
  attributes.push(entry.children ? '\\HasChildren' : '\\HasNoChildren');
  const use = USE_ATTRIBUTE[mailbox?.special ?? ''];
  if (use !== '') attributes.push(use);
  if (entry.subscribed) attributes.push('\\Subscribed');
  const { out } = session.connection;
  out.text(`* LIST (${attributes.join(' ')}) "${SEPARATOR}" ${mailboxReply(path, session.utf8)}`);
  if (entry.parent) out.text(` ("CHILDINFO" (${criteria(request)}))`);
  out.text('\r\n');
  // RFC 5819 2: each STATUS after its LIST, and none for what can't be selected.
  if (mailbox !== undefined) await tellMore(session, mailbox, path, request);
}

/** What is asked for besides, of a mailbox that there is. */
async function tellMore(session: Session, mailbox: Mailbox, name: string, request: ListRequest): Promise<void> {
  const { status, metadata } = request;
  if (status !== null) await tellStatus(session, mailbox, name, status);
  if (metadata.length > 0) await tellMetadata(session, mailbox, name, metadata, { maxSize: null, depth: '0' });
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
  await tellMore(session, mailbox, name, request);
}

function inOrder(a: Entry, b: Entry): number {
  if (a.path === 'INBOX' || b.path === 'INBOX') return a.path === 'INBOX' ? -1 : 1;
  return a.path < b.path ? -1 : 1;
}
