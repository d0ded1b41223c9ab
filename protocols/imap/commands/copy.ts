// COPY (RFC 9051 6.4.7), MOVE (RFC 6851) and their UID forms, with COPYUID (RFC 4315 3).

import type { Transferred } from '#storage/ports.ts';
import { Refusal } from '../grammar/errors.ts';
import { mailboxName } from '../grammar/mailbox-name.ts';
import { formatSet, sequenceSet } from '../grammar/sequence-set.ts';
import { membersOf, uidRanges } from '../view/uid-ranges.ts';
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
      const { current, owner } = session;
      scanner.space();
      const set = sequenceSet(scanner);
      scanner.space();
      const path = mailboxName(scanner);
      scanner.end();
      if (kind === 'move' && current.readOnly) throw new Refusal('', 'The mailbox is read-only');
      const target = await owner.find(path);
      if (target === undefined) throw new Refusal('TRYCREATE', 'No such mailbox');
      const uids = uidRanges(current.view, membersOf(current, set, byUid));
      // Messages that are not there (any more) are no error: a client that is told NO keeps ghosts of them.
      if (uids.length === 0) return undefined;
      const done = await owner.mail[kind](current.mailbox.id, uids, target.id);
      if (done.source.length === 0) return undefined;
      if (kind === 'copy') return { code: copyUid(done) };
      // RFC 6851 4.3: before the EXPUNGE replies, in an untagged OK.
      session.connection.out.text(`* OK [${copyUid(done)}] Moved\r\n`);
      return { expunged: true };
    },
  };
}

function copyUid({ uidvalidity, source, target }: Transferred): string {
  return `COPYUID ${uidvalidity} ${formatSet(source)} ${formatSet(target)}`;
}
