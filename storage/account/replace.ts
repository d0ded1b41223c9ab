// Replace: new content under the same item, so that a draft that is saved again stays one item on every device (F5).

import { StoreError } from '../errors.ts';
import { type Op, one } from '../operation.ts';
import { type Appended, Flag } from '../ports.ts';
import { place } from './append.ts';
import { type Expunging, expungeRange, subtract } from './expunge.ts';
import type { Incoming } from './incoming.ts';
import { theMailbox, touchMailbox } from './mailbox-row.ts';
import { theSettledMailbox } from './owed-flags.ts';
import { checkRoom } from './quota.ts';
import { changeSeen } from './reader-seen.ts';
import { lookUpReferences } from './threads.ts';
import { begin, count, finish } from './unit.ts';

export interface ReplaceJob extends Expunging {
  readonly account: string;
  readonly mailbox: number;
  readonly uid: number;
  readonly entry: Incoming;
  readonly to: number;
  readonly quota: number | null;
  /** Who replaces in somebody else's mailbox: \Seen is his alone. */
  readonly reader: string | undefined;
}

/** Appends the new content and expunges the old. Errors: not-found, over-quota, limit. */
export function* replace(job: ReplaceJob): Op<Appended> {
  const { account, uid: old, now, reader } = job;
  const flags = reader === undefined ? job.entry.flags : job.entry.flags & ~Flag.seen;
  const entry = { ...job.entry, flags };
  const unit = yield* begin(account);
  const from = yield* theSettledMailbox(account, job.mailbox);
  const mailbox = yield* theMailbox(account, job.to);
  const row = yield* one<{ item: number }>(
    `SELECT item FROM placement WHERE account = $1 AND mailbox = $2 AND uid = $3`,
    [account, from.id, old],
  );
  if (row === undefined) throw new StoreError('not-found', `no UID ${old} in mailbox ${from.id}`);
  const tally = { total: 0, unseen: 0, bytes: 0 };
  // First the old one, since an item is never there twice.
  const gone = { ...job, mailbox: from.id, range: [old, old] as const, mask: 0, reason: 'replaced', limit: 1 };
  yield* expungeRange(unit, gone, tally);
  yield* subtract(unit, from.id, tally);
  checkRoom(unit, entry.size, job.quota);
  const known = yield* lookUpReferences(account, entry.references.length === 0 ? [0] : entry.references);
  const uid = mailbox.uidnext;
  const appended = yield* place(unit, { mailbox, uid, entry, known, now, reason: 'replaced', item: row.item });
  count(unit, 1, entry.size);
  yield* touchMailbox(unit, mailbox.id, { total: 1, unseen: 1 - (entry.flags & 1), bytes: entry.size, uids: 1 });
  if (reader !== undefined && flags !== job.entry.flags) {
    yield* changeSeen(unit, { mailbox: mailbox.id, reader }, [[uid, uid]], true);
  }
  yield* finish(unit);
  return appended;
}
