// Looking into many messages in two threads: the session's own takes them from the front, the search thread from the end,
// until they meet, so each does as much as it gets time for.

import type { LookQuery, MailAccount, MailboxId } from '#storage/ports.ts';
import { bitOf, LOOK_TEXTS } from '#storage/search/port.ts';
import { appendUid } from '../view/uid-ranges.ts';
import type { Found } from './evaluate.ts';

/** With fewer messages they are looked at before the other thread has answered for the first time. */
export const TOGETHER_FROM = 1_000;
/** Messages of one share: some tens of milliseconds, which is how long one of the two may wait for the other at the end. */
const SHARE = 256;
/** Shares that the other thread has at a time: one waits there while the answer to the other is on its way. */
const AHEAD = 2;

/** What is looked for: the texts of the keys, none of them empty. */
export type LookedFor = Pick<LookQuery, 'texts' | 'bodies'>;

/** Can the other thread be asked for these? */
export function canAsk({ texts, bodies }: LookedFor): boolean {
  const count = texts.length + bodies.length;
  return count > 0 && count <= LOOK_TEXTS;
}

/** What was found in each message, by UID; null if nobody looks. */
export async function askToLook(
  mail: MailAccount,
  mailbox: MailboxId,
  lookedFor: LookedFor,
  uids: Iterable<number>,
): Promise<ReadonlyMap<number, Found> | null> {
  const ranges: [number, number][] = [];
  for (const uid of uids) appendUid(ranges, uid);
  const looked = await mail.lookInto(mailbox, { ...lookedFor, uids: ranges });
  if (looked === null) return null;
  const { texts, bodies } = lookedFor;
  const bits = new Map<string, number>();
  for (const [place, text] of texts.entries()) bits.set(`text ${text}`, bitOf(place));
  for (const [place, text] of bodies.entries()) bits.set(`body ${text}`, bitOf(texts.length + place));
  const found = new Map<number, Found>();
  for (const [at, uid] of looked.uids.entries()) {
    const mask = looked.found[at] ?? 0;
    // An empty text has no bit: every message has it.
    found.set(uid, ({ kind, text }) => (((bits.get(`${kind} ${text}`) ?? mask) & mask) !== 0 || text === '' ? 1 : 0));
  }
  return found;
}

/** Divides `all`: `own` works on shares from the front, `other` from the end until it gives up what it could not do. */
export async function divided<T>(
  all: readonly T[],
  own: (share: readonly T[]) => Promise<void>,
  /** What is left of the share; null if it was not looked at, and no other will be. */
  other: (share: readonly T[]) => Promise<readonly T[] | null>,
): Promise<void> {
  let [from, until] = [0, all.length];
  const left: T[] = [];
  const others = async () => {
    while (until - from > SHARE) {
      const share = all.slice(until - SHARE, until);
      until -= SHARE;
      const rest = await other(share);
      left.push(...(rest ?? share));
      if (rest === null) return;
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
  if (left.length > 0) await own(left);
}
