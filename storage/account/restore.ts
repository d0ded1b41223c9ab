// Restore: undelete. Expunged placements come back under the item that devices knew, unless that item lives again.

import { log } from '../changes/log.ts';
import { StoreError } from '../errors.ts';
import { type Op, one, run } from '../operation.ts';
import { Flag, type Transferred } from '../ports.ts';
import { type MailboxRow, mailboxRow, theMailbox, touchMailbox } from './mailbox-row.ts';
import { getMailboxByPath } from './mailboxes.ts';
import { checkRoom } from './quota.ts';
import { begin, count, finish, takeId, type Unit } from './unit.ts';

export interface RestoreJob {
  readonly account: string;
  readonly items: readonly number[];
  /** Absent: where they were, or INBOX if that is gone. */
  readonly to: number | undefined;
  readonly now: number;
  readonly quota: number | null;
}

interface ExpungedRow {
  readonly mailbox: number;
  readonly uid: number;
  readonly message: number;
  readonly flags: number;
  readonly keywords: string;
  readonly received: number;
  readonly size: number;
  readonly thread: number;
}

// An item may have been expunged more than once (replaced, restored and deleted again): the latest comes back.
const LATEST = `SELECT e.mailbox, e.uid, e.message, e.flags, e.keywords, e.received, m.size, e.thread
  FROM expunged e JOIN message m ON m.account = e.account AND m.id = e.message
  WHERE e.account = $1 AND e.item = $2 ORDER BY e.modseq DESC, e.uid DESC LIMIT 1`;

/** A target mailbox and what has come into it. */
interface Target {
  readonly mailbox: MailboxRow;
  total: number;
  unseen: number;
  bytes: number;
  uids: number;
}

/**
 * Brings back the items that are still kept; others are left out. `uidvalidity` is that of the target, or 0 if they went
 * to several. Errors: not-found (the target), over-quota.
 */
export function* restore(job: RestoreJob): Op<Transferred> {
  const unit = yield* begin(job.account);
  const wanted = job.to === undefined ? undefined : yield* theMailbox(job.account, job.to);
  const targets = new Map<number, Target>();
  const source: number[] = [];
  const target: number[] = [];
  for (const item of new Set(job.items)) {
    const row = yield* one<ExpungedRow>(LATEST, [job.account, item]);
    if (row === undefined) continue;
    const mailbox = wanted ?? (yield* whereItWas(job.account, row.mailbox));
    const into = targets.get(mailbox.id) ?? { mailbox, total: 0, unseen: 0, bytes: 0, uids: 0 };
    targets.set(mailbox.id, into);
    checkRoom(unit, row.size, job.quota);
    const uid = mailbox.uidnext + into.uids;
    yield* bringBack(unit, item, row, { mailbox: mailbox.id, uid, now: job.now });
    into.total += 1;
    into.uids += 1;
    into.unseen += 1 - (row.flags & 1);
    into.bytes += row.size;
    source.push(row.uid);
    target.push(uid);
  }
  for (const { mailbox, ...delta } of targets.values()) yield* touchMailbox(unit, mailbox.id, delta);
  yield* finish(unit);
  const [only] = targets.values();
  const uidvalidity = targets.size > 1 ? 0 : ((only?.mailbox ?? wanted)?.uidvalidity ?? 0);
  return { uidvalidity, source, target, modseq: source.length > 0 ? unit.modseq : unit.modseq - 1 };
}

function* bringBack(
  unit: Unit,
  item: number,
  row: ExpungedRow,
  to: { readonly mailbox: number; readonly uid: number; readonly now: number },
): Op<void> {
  const { account, modseq } = unit;
  const { uid, message, thread } = row;
  yield* run(`DELETE FROM expunged WHERE account = $1 AND item = $2 AND mailbox = $3 AND uid = $4`, [
    account,
    item,
    row.mailbox,
    uid,
  ]);
  // An older version of an item that lives comes back beside it, as another item.
  const again = (yield* isLive(account, item)) ? takeId(unit) : item;
  const flags = row.flags & ~Flag.deleted;
  yield* run(
    `INSERT INTO placement (account, mailbox, uid, message, thread, item, size, flags, keywords, received, modseq,
      saved, origin) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`,
    [
      ...[account, to.mailbox, to.uid, message, thread, again, row.size, flags, row.keywords, row.received, modseq],
      ...[to.now, row.mailbox],
    ],
  );
  const change = { collection: to.mailbox, other: row.mailbox, uid: to.uid, item: again, object: message, thread };
  yield* log(unit, 'mail', { kind: 'add', reason: 'restored', ...change });
  count(unit, 1, row.size);
}

/** Is there a placement of this item? Most items are their message's id; the others have an index of their own. */
function* isLive(account: string, item: number): Op<boolean> {
  const own = yield* one(
    `SELECT p.uid FROM message m JOIN placement p ON p.account = m.account AND p.thread = m.thread AND p.message = m.id
     WHERE m.account = $1 AND m.id = $2 AND p.item = $2 LIMIT 1`,
    [account, item],
  );
  if (own !== undefined) return true;
  const other = yield* one(`SELECT uid FROM placement WHERE account = $1 AND item = $2 AND item <> message LIMIT 1`, [
    account,
    item,
  ]);
  return other !== undefined;
}

function* whereItWas(account: string, id: number): Op<MailboxRow> {
  const mailbox = yield* mailboxRow(account, id);
  if (mailbox !== undefined) return mailbox;
  const inbox = yield* getMailboxByPath(account, 'INBOX');
  if (inbox === undefined) throw new StoreError('corrupt', `account ${account} has no INBOX`);
  return yield* theMailbox(account, inbox.id);
}
