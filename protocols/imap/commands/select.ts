// SELECT and EXAMINE (RFC 3501 6.3.1, 6.3.2, RFC 9051 6.3.2, 6.3.3), with CONDSTORE and QRESYNC (RFC 7162 3.1.8, 3.2.5).

import type { Mailbox } from '#storage/ports.ts';
import { Flag } from '#storage/ports.ts';
import { Right } from '#storage/sharing/rights.ts';
import { BadCommand } from '../grammar/errors.ts';
import { mailboxAsWritten, mailboxReply, SEPARATOR } from '../grammar/mailbox-name.ts';
import { selectParameters } from '../grammar/mod-sequence.ts';
import { ANNOTATION_BYTES, SEARCHED_FROM } from '../limits.ts';
import { objectId } from '../object-id.ts';
import type { Place } from '../places.ts';
import { recentFrom } from '../recent-from.ts';
import type { Session } from '../session.ts';
import { resync } from '../sync/resync.ts';
import { Selected } from '../view/selected.ts';
import type { Reply, Verb } from './verb.ts';

export const select: Verb = opening(false);
export const examine: Verb = opening(true);

function opening(readOnly: boolean): Verb {
  return {
    state: 'authenticated',
    // What is expunged meanwhile is told when the client has heard that the mailbox is selected.
    expunges: false,
    async run(session, { scanner }) {
      scanner.space();
      const { path, written } = mailboxAsWritten(scanner);
      const { annotate, condstore, qresync } = selectParameters(scanner);
      scanner.end();
      // RFC 7162 3.2.5
      if (qresync !== null && !session.enabled.has('QRESYNC')) throw new BadCommand('QRESYNC is not enabled');
      // RFC 3501 6.3.1: the one before is left even when this fails.
      if (session.selected !== null) session.connection.out.text('* OK [CLOSED] Left\r\n'); // RFC 7162 3.2.11
      session.deselect();
      if (condstore) session.enable('CONDSTORE');
      const place = await session.places.need(path, 'select');
      const reply = await open(session, place, written, { readOnly, annotate });
      if (qresync !== null) await resync(session, qresync);
      return reply;
    },
  };
}

async function open(
  session: Session,
  place: Place,
  name: string,
  { readOnly, annotate }: { readonly readOnly: boolean; readonly annotate: boolean },
): Promise<Reply> {
  const { account, mailbox, rights, reader } = place;
  if (mailbox.total >= SEARCHED_FROM) account.mail.expectSearch();
  const index = await account.open(mailbox.id, reader);
  let selected: Selected;
  try {
    const from = await recentFrom(account, mailbox, session.server.recent);
    selected = new Selected(
      { account, mailbox, index, readOnly, annotate, rights, enabled: session.enabled },
      session.server.recent,
      from,
    );
  } catch (error) {
    account.release(index);
    throw error;
  }
  session.select(selected);
  report(session, selected, mailbox, name);
  // RFC 4314 5.2: \Seen alone changes nothing for others.
  const writes = !readOnly && (rights & WRITING) !== 0;
  return { code: writes ? 'READ-WRITE' : 'READ-ONLY', text: 'Selected' };
}

/** Rights to change what others see too. */
const WRITING = Right.insert | Right.expunge | Right.write | Right.delete;

function report(session: Session, selected: Selected, mailbox: Mailbox, name: string): void {
  const { out } = session.connection;
  const { view } = selected;
  selected.tellKeywords(out);
  out.text(`* ${view.exists} EXISTS\r\n`);
  if (session.rev2) {
    // RFC 9051 6.3.2: the name under which it is known, and the one by which it was asked for, if that is another.
    const old = name === mailbox.path ? '' : ` ("OLDNAME" (${mailboxReply(name, true)}))`;
    out.text(`* LIST () "${SEPARATOR}" ${mailboxReply(mailbox.path, true)}${old}\r\n`);
  } else {
    out.text(`* ${selected.recentCount} RECENT\r\n`);
    const unseen = firstUnseen(selected);
    if (unseen > 0) out.text(`* OK [UNSEEN ${unseen}] First unseen\r\n`);
  }
  out.text(`* OK [MAILBOXID (${objectId('F', selected.account.id, mailbox.id)})] Ok\r\n`); // RFC 8474 4.2
  out.text(`* OK [UIDVALIDITY ${mailbox.uidvalidity}] UIDs are valid\r\n`);
  // The row was read before the index, which may have newer messages.
  out.text(`* OK [UIDNEXT ${Math.max(mailbox.uidnext, view.lastUid + 1)}] Predicted next UID\r\n`);
  out.text(`* OK [HIGHESTMODSEQ ${selected.synced}] Highest\r\n`);
  // RFC 5257 4.1, RFC 4467 8
  if (session.offers('ANNOTATE-EXPERIMENT-1')) out.text(`* OK [ANNOTATIONS ${ANNOTATION_BYTES}] Bytes of one\r\n`);
  if (session.offers('URLAUTH')) out.text('* OK [URLMECH INTERNAL] URLs can be authorized\r\n');
}

/** The sequence number of the first message without \Seen, or 0. */
function firstUnseen({ view }: Selected): number {
  for (const { slot, seq } of view.all()) if ((view.rows.flags(slot) & Flag.seen) === 0) return seq;
  return 0;
}
