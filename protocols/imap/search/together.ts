// Looking into many messages in two threads: the session's own takes them from the front, the search thread from the end,
// until they meet, so each does as much as it gets time for.

import type { Looked, LookQuery, MailAccount, MailboxId } from '#storage/ports.ts';
import { lookInto, type Turn } from '#storage/search/look.ts';
import { bitOf } from '#storage/search/port.ts';
import { appendUid } from '../view/uid-ranges.ts';
import type { Member, View } from '../view/view.ts';
import type { Found } from './evaluate.ts';

/** Messages of one share: some tens of milliseconds, which is how long one of the two may wait for the other at the end. */
const SHARE = 256;
/** Shares that the other thread has at a time: one waits there while the answer to the other is on its way. */
const AHEAD = 2;

/** What is looked for: the texts of the keys, none of them empty, LOOK_TEXTS at most. */
type LookedFor = Pick<LookQuery, 'texts' | 'bodies'>;

/** Who is told what. */
export interface Looking {
  readonly turn: Turn;
  /** Of each message that is still there, in no order. */
  readonly found: (member: Member, found: Found) => void;
  /** So many more have been looked at. */
  readonly done: (count: number) => void;
}

/** Looks into these messages of a mailbox. Errors: unavailable, if one can't be read; what `turn` throws. */
export async function lookTogether(
  { mail, mailbox, view }: { readonly mail: MailAccount; readonly mailbox: MailboxId; readonly view: View },
  members: readonly Member[],
  lookedFor: LookedFor,
  looking: Looking,
): Promise<void> {
  const foundIn = foundBy(lookedFor);
  const queryOf = (share: readonly Member[]): LookQuery => {
    const uids: [number, number][] = [];
    for (const { slot } of share) appendUid(uids, view.rows.uid(slot));
    return { ...lookedFor, uids };
  };
  const settle = (share: readonly Member[], { uids, found }: Looked) => {
    let at = 0;
    // One that is not named is gone.
    for (const member of share) {
      if (uids[at] === view.rows.uid(member.slot)) looking.found(member, foundIn(found[at++] ?? 0));
    }
    looking.done(share.length);
  };
  const own = async (share: readonly Member[]) =>
    settle(share, await lookInto(mail, mailbox, queryOf(share), looking.turn));
  const other = async (share: readonly Member[]) => {
    const looked = await mail.lookInto(mailbox, queryOf(share));
    if (looked !== null) settle(share, looked);
    return looked !== null;
  };
  await divided(members, own, other);
}

/** What a message has, from what was told of it (`Looked.found`). */
function foundBy({ texts, bodies }: LookedFor): (mask: number) => Found {
  const bits = new Map<string, number>();
  for (const [place, text] of texts.entries()) bits.set(`text ${text}`, bitOf(place));
  for (const [place, text] of bodies.entries()) bits.set(`body ${text}`, bitOf(texts.length + place));
  // An empty text has no bit: every message has it.
  return (mask) =>
    ({ kind, text }) =>
      text === '' || ((bits.get(`${kind} ${text}`) ?? 0) & mask) !== 0 ? 1 : 0;
}

/** Divides `all`: `own` works on shares from the front, `other` from the end until it says that it does not work. */
export async function divided<T>(
  all: readonly T[],
  own: (share: readonly T[]) => Promise<void>,
  other: (share: readonly T[]) => Promise<boolean>,
): Promise<void> {
  let [from, until] = [0, all.length];
  const left: (readonly T[])[] = [];
  const others = async () => {
    while (until - from > SHARE) {
      const share = all.slice(until - SHARE, until);
      until -= SHARE;
      if (await other(share)) continue;
      left.push(share);
      return;
    }
  };
  const helping = Promise.all(Array.from({ length: AHEAD }, others));
  // Told below, if this thread's own work does not fail first.
  helping.catch(() => {});
  try {
    while (from < until) {
      const share = all.slice(from, Math.min(from + SHARE, until));
      from += share.length;
      await own(share);
    }
  } finally {
    until = from;
  }
  await helping;
  for (const share of left) await own(share);
}
