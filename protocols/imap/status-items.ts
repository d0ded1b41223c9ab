// The items of STATUS (RFC 3501 6.3.10) and of LIST's RETURN (STATUS ...) (RFC 5819): from a mailbox's counters.

import { Pace } from '#protocols/net/pace.ts';
import { Flag } from '#storage/ports.ts';
import { BadCommand } from './grammar/errors.ts';
import { mailboxReply } from './grammar/mailbox-name.ts';
import type { Scanner } from './grammar/scanner.ts';
import { ALL_UIDS } from './index/account.ts';
import { objectId } from './object-id.ts';
import { type Counts, countsOf, type Place } from './places.ts';
import { countRecent } from './recent-from.ts';
import type { Session } from './session.ts';

type Value = (place: Place, session: Session) => number | string | Promise<number | string>;

const ITEMS: ReadonlyMap<string, Value> = new Map<string, Value>([
  ['MAILBOXID', ({ account, mailbox }) => `(${objectId('F', account.id, mailbox.id)})`], // RFC 8474 4.3
  ['MESSAGES', ({ mailbox }) => mailbox.total],
  ['RECENT', ({ account, mailbox }, session) => countRecent(account, mailbox, session.server.recent)],
  ['HIGHESTMODSEQ', (place) => counter(countsOf(place), 'modseq')],
  ['UIDNEXT', ({ mailbox }) => mailbox.uidnext],
  ['UIDVALIDITY', ({ mailbox }) => mailbox.uidvalidity],
  ['UNSEEN', (place) => counter(countsOf(place), 'unseen')],
  ['APPENDLIMIT', (_, session) => session.context.messageSize], // RFC 7889 3
  ['DELETED', async (place, session) => (await marked(place, session)).messages], // RFC 9208 4.1.4
  ['DELETED-STORAGE', async (place, session) => (await marked(place, session)).bytes],
  ['SIZE', ({ mailbox }) => mailbox.bytes], // RFC 8438: exact
]);

/** Items of extensions. */
const EXTENSIONS: Readonly<Record<string, string>> = {
  MAILBOXID: 'OBJECTID',
  HIGHESTMODSEQ: 'CONDSTORE',
  APPENDLIMIT: 'APPENDLIMIT',
  'DELETED-STORAGE': 'QUOTA=RES-STORAGE',
  SIZE: 'STATUS=SIZE',
};

function counter(counts: Counts | Promise<Counts>, name: keyof Counts): number | Promise<number> {
  return counts instanceof Promise ? counts.then((those) => those[name]) : counts[name];
}

/** How many messages are marked \Deleted, and their sizes: EXPUNGE would free that. */
async function marked(
  { account, mailbox }: Place,
  { connection }: Session,
): Promise<{ messages: number; bytes: number }> {
  const sum = { messages: 0, bytes: 0 };
  if (mailbox.total === 0) return sum;
  const pace = new Pace(connection);
  for await (const page of account.mail.listing(mailbox.id, ALL_UIDS, ['flags', 'size'])) {
    for (const { flags, size } of page) {
      if ((flags & Flag.deleted) === 0) continue;
      sum.messages++;
      sum.bytes += size;
    }
    if (pace.late) await pace.rest();
  }
  return sum;
}

/** "(" status-att *(SP status-att) ")": names in upper case, each once. */
export function statusItems(scanner: Scanner): ReadonlySet<string> {
  const wanted = new Set<string>();
  scanner.list(ITEMS.size * 2, () => {
    const name = scanner.atom().toUpperCase();
    const extension = EXTENSIONS[name];
    if (extension !== undefined) scanner.needs(extension);
    if (!ITEMS.has(name)) throw new BadCommand('Unknown STATUS item');
    wanted.add(name);
  });
  if (wanted.size === 0) throw new BadCommand('STATUS without items');
  return wanted;
}

/** Writes the STATUS reply of a mailbox under the name that it was asked by. */
export async function tellStatus(
  session: Session,
  place: Place,
  path: string,
  items: ReadonlySet<string>,
): Promise<void> {
  const values: string[] = [];
  for (const name of items) {
    const value = ITEMS.get(name)?.(place, session);
    values.push(`${name} ${value instanceof Promise ? await value : value}`);
  }
  session.connection.out.text(`* STATUS ${mailboxReply(path, session.utf8)} (${values.join(' ')})\r\n`);
}
