// STORE and UID STORE (RFC 9051 6.4.6).

import { Pace } from '#protocols/net/pace.ts';
import type { FlagChange, UidRange } from '#storage/ports.ts';
import { BadCommand, Refusal } from '../grammar/errors.ts';
import { storeFlags } from '../grammar/flags.ts';
import type { Scanner } from '../grammar/scanner.ts';
import { sequenceSet } from '../grammar/sequence-set.ts';
import type { Session } from '../session.ts';
import { appendUid, membersOf } from '../view/uid-ranges.ts';
import type { Member } from '../view/view.ts';
import type { Verb } from './verb.ts';

export const store: Verb = storing(false);
export const uidStore: Verb = storing(true);

const ITEM = /([+-]?)FLAGS(\.SILENT)?/iy;

function storing(byUid: boolean): Verb {
  return {
    state: 'selected',
    expunges: byUid,
    async run(session, { scanner }) {
      scanner.space();
      const set = sequenceSet(scanner);
      scanner.space();
      const { change, silent } = storeArguments(scanner);
      scanner.end();
      const { current } = session;
      if (current.readOnly) throw new Refusal('', 'The mailbox is read-only');
      const members = [...membersOf(current.view, set, byUid)];
      if (members.length > 0) await apply(session, members, change, { silent, byUid });
      return undefined;
    },
  };
}

function storeArguments(scanner: Scanner): { change: FlagChange; silent: boolean } {
  const item = scanner.match(ITEM);
  if (item === null) throw new BadCommand('Expected FLAGS, +FLAGS or -FLAGS');
  scanner.space();
  const { flags, keywords } = storeFlags(scanner);
  const action = item[1] === '+' ? 'add' : item[1] === '-' ? 'remove' : 'replace';
  return { change: { action, flags, keywords }, silent: item[2] !== undefined };
}

/** Changes the flags and tells what they are now; silently, only those that are not what the client can expect. */
async function apply(
  session: Session,
  members: readonly Member[],
  change: FlagChange,
  options: { silent: boolean; byUid: boolean },
): Promise<void> {
  const { current, owner, connection } = session;
  const { view } = current;
  const { rows } = view;
  const untold = current.untold();
  const before = members.map(({ slot }) => ({ flags: rows.flags(slot), keywords: rows.keywords(slot) }));
  const uids: [number, number][] = [];
  for (const { slot } of members) appendUid(uids, rows.uid(slot));
  await owner.mail.setFlags(current.mailbox.id, uids as UidRange[], change);
  await owner.catchUp();
  const { index } = current;
  const pace = new Pace(connection);
  for (const [at, { slot, seq }] of members.entries()) {
    const old = before[at] ?? { flags: 0, keywords: 0 };
    const flags = changedFlags(old.flags, change);
    const keywords = owner.keywords.changed(old.keywords, change.action, change.keywords);
    // A message that another session has expunged is still the client's: its flags change for it alone.
    if (index.view.slotOfUid(rows.uid(slot)) === -1) rows.set(slot, flags, keywords, rows.modseq(slot));
    if (options.silent) {
      const expected = flags === rows.flags(slot) && keywords === rows.keywords(slot);
      if (expected && !untold.has(slot)) current.markTold(slot);
      continue;
    }
    current.tellFlags(connection.out, { slot, seq }, options.byUid);
    if (pace.due) await pace.rest();
  }
}

function changedFlags(flags: number, change: FlagChange): number {
  if (change.action === 'replace') return change.flags;
  return change.action === 'add' ? flags | change.flags : flags & ~change.flags;
}
