// COPY (RFC 9051 6.4.7), MOVE (RFC 6851) and their UID forms, with COPYUID (RFC 4315 3).

import type { Transferred } from '#storage/ports.ts';
import { copyAcross } from '../copy-across.ts';
import { Refusal } from '../grammar/errors.ts';
import { mailboxName } from '../grammar/mailbox-name.ts';
import { formatSet, sequenceSet } from '../grammar/sequence-set.ts';
import type { Place } from '../places.ts';
import { mayUse } from '../rights.ts';
import type { Session } from '../session.ts';
import { flagsOf } from '../view/selected.ts';
import { appendUid, membersOf, uidRanges } from '../view/uid-ranges.ts';
import type { Member } from '../view/view.ts';
import { insertable } from './append.ts';
import type { Verb } from './verb.ts';

export const copy: Verb = transferring('copy', false);
export const uidCopy: Verb = transferring('copy', true);
export const move: Verb = transferring('move', false);
export const uidMove: Verb = transferring('move', true);

function transferring(kind: 'copy' | 'move', byUid: boolean): Verb {
  return {
    state: 'selected',
    expunges: true,
    adds: true,
    async run(session, { scanner }) {
      const { current, places } = session;
      scanner.space();
      const set = sequenceSet(scanner);
      scanner.space();
      const path = mailboxName(scanner);
      scanner.end();
      if (kind === 'move' && current.readOnly) throw new Refusal('', 'The mailbox is read-only');
      if (kind === 'move') session.demand('take');
      const target = insertable(path, await places.find(path, 'insert'));
      const members = [...membersOf(current, set, byUid)];
      // Messages that are not there (any more) are no error: a client that is told NO keeps ghosts of them.
      if (members.length === 0) return undefined;
      const done = await transfer(session, kind, members, target);
      if (done.source.length === 0) return undefined;
      // RFC 9051 6.4.7: nothing of a mailbox that may not be selected.
      const told = mayUse(target.rights, 'select');
      if (kind === 'copy') return told ? { code: copyUid(done) } : undefined;
      // RFC 6851 4.3: before the EXPUNGE replies, in an untagged OK.
      if (told) session.connection.out.text(`* OK [${copyUid(done)}] Moved\r\n`);
      return { expunged: true };
    },
  };
}

async function transfer(
  session: Session,
  kind: 'copy' | 'move',
  members: readonly Member[],
  target: Place,
): Promise<Transferred> {
  const { view, mailbox, account, reader } = session.current;
  if (target.account.id === account.id) {
    const options = { keep: flagsOf(target.rights), ...(reader === undefined ? {} : { reader }) };
    return await account.mail[kind](mailbox.id, uidRanges(view, members), target.mailbox.id, options);
  }
  const done = await copyAcross(session, members, target);
  if (kind === 'move' && done.source.length > 0) {
    const uids: [number, number][] = [];
    for (const uid of done.source) appendUid(uids, uid);
    await account.mail.expunge(mailbox.id, uids, { onlyDeleted: false });
  }
  return done;
}

function copyUid({ uidvalidity, source, target }: Transferred): string {
  return `COPYUID ${uidvalidity} ${formatSet(source)} ${formatSet(target)}`;
}
