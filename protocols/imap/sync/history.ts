// What happened in the selected mailbox after a modseq that a client knows (RFC 7162).

import { StoreError } from '#storage/errors.ts';
import type { Cursor, UidRange } from '#storage/ports.ts';
import { CHANGE_ROWS } from '../limits.ts';
import { intersectRanges, mergeRanges, subtractRanges, writeRanges } from '../ranges.ts';
import type { Session } from '../session.ts';
import { uidRanges } from '../view/uid-ranges.ts';
import type { Member, View } from '../view/view.ts';

/** A modseq that a client brought, made safe. */
export interface History {
  /** Messages with a greater one have changed: 0 where what was seen at the client's modseq may be lost. */
  readonly since: number;
  /** Where the change log goes on; null where it is not known what has been expunged. */
  readonly cursor: Cursor | null;
}

/** What is known of the time after a modseq. */
export async function historyAfter({ current }: Session, modseq: number): Promise<History> {
  const cursor = await current.account.mail.cursorAfter('mail', modseq);
  return { since: cursor === null ? 0 : modseq, cursor };
}

/** Those of messages that have changed since. */
export function* changedSince(view: View, members: Iterable<Member>, { since }: History): Generator<Member> {
  for (const member of members) if (view.rows.modseq(member.slot) > since) yield member;
}

/**
 * Tells which UIDs among those asked for have been expunged since: `* VANISHED (EARLIER)` (RFC 7162 3.2.10.1). Where the
 * change log does not reach back, all that are not there.
 */
export async function tellVanished(session: Session, history: History, asked: readonly UidRange[]): Promise<void> {
  const { current, connection } = session;
  const removed = (await expungedSince(session, history)) ?? (await givenOut(session));
  const candidates = intersectRanges(removed, asked);
  // What the client still counts is told by a VANISHED without EARLIER.
  const { view } = current;
  const vanished = subtractRanges(candidates, uidRanges(view, view.byUid(candidates)));
  if (vanished.length === 0) return;
  connection.out.text('* VANISHED (EARLIER) ');
  writeRanges(connection.out, vanished);
  connection.out.text('\r\n');
}

/** All UIDs that the mailbox has given. */
async function givenOut({ current }: Session): Promise<UidRange[]> {
  const { uidnext } = (await current.account.mail.mailbox(current.mailbox.id)) ?? current.mailbox;
  return uidnext > 1 ? [[1, uidnext - 1]] : [];
}

/** The UIDs that the change log says were removed since; null where it does not reach back. */
async function expungedSince({ current }: Session, { cursor }: History): Promise<UidRange[] | null> {
  const removed: UidRange[] = [];
  try {
    for (let at = cursor; at !== null; ) {
      const page = await current.account.mail.changes('mail', at, CHANGE_ROWS, { collection: current.mailbox.id });
      for (const { kind, uid, last } of page.rows) if (kind === 'remove' && uid > 0) removed.push([uid, last]);
      at = page.more ? page.cursor : null;
    }
    return cursor === null ? null : mergeRanges(removed);
  } catch (error) {
    if (error instanceof StoreError && error.code === 'stale-cursor') return null;
    throw error;
  }
}
