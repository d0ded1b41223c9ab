// The rows of the table mailbox: reading one, and keeping its counters.

import { log } from '../changes/log.ts';
import { StoreError } from '../errors.ts';
import { type Op, one, run } from '../operation.ts';
import type { SpecialUse } from '../ports.ts';
import type { Unit } from './unit.ts';

/** The `special` of a row that is no mailbox any more: its name stays, for the mailboxes below it (RFC 3501 6.3.5). */
export const NAME_ONLY = 'name-only';

/** A row of the table; `parent` is 0 at the root. */
export interface MailboxRow {
  readonly id: number;
  readonly parent: number;
  readonly name: string;
  readonly special: SpecialUse | typeof NAME_ONLY;
  readonly uidvalidity: number;
  readonly uidnext: number;
  readonly modseq: number;
  readonly counted: number;
  readonly total: number;
  readonly unseen: number;
  readonly bytes: number;
  /** The modseq of a change of flags that the rows of its messages do not all have (owed-flags.ts); 0: none. */
  readonly owed: number;
}

/** The columns of a MailboxRow. */
export const MAILBOX_COLUMNS =
  'id, parent, name, special, uidvalidity, uidnext, modseq, counted, total, unseen, bytes, owed';

/** The row of a mailbox; no path is made. */
export function* mailboxRow(account: string, id: number): Op<MailboxRow | undefined> {
  const row = yield* anyRow(account, id);
  return row?.special === NAME_ONLY ? undefined : row;
}

/** The same, also if it is only a name. */
export function* anyRow(account: string, id: number): Op<MailboxRow | undefined> {
  return yield* one<MailboxRow>(`SELECT ${MAILBOX_COLUMNS} FROM mailbox WHERE account = $1 AND id = $2`, [account, id]);
}

/** The row of a mailbox that must be there. Errors: not-found. */
export function* theMailbox(account: string, id: number): Op<MailboxRow> {
  const row = yield* anyRow(account, id);
  if (row === undefined || row.special === NAME_ONLY) throw new StoreError('not-found', `no mailbox ${id}`);
  return row;
}

/** What has a name in its parent (0: the root): a mailbox, or only the name. */
export function* child(account: string, parent: number, name: string): Op<MailboxRow | undefined> {
  return yield* one<MailboxRow>(
    `SELECT ${MAILBOX_COLUMNS} FROM mailbox WHERE account = $1 AND parent = $2 AND name = $3`,
    [account, parent, name],
  );
}

/** The path of a mailbox: its own name after those of all above it. */
export function* pathOf(account: string, row: MailboxRow): Op<string> {
  let path = row.name;
  for (let parent = row.parent; parent !== 0; ) {
    const above = yield* anyRow(account, parent);
    if (above === undefined) throw new StoreError('corrupt', `mailbox ${row.id} is in ${parent}, which is not there`);
    path = `${above.name}/${path}`;
    parent = above.parent;
  }
  return path;
}

/** What a transaction added to a mailbox or took from it. */
export interface MailboxDelta {
  readonly total: number;
  readonly unseen: number;
  readonly bytes: number;
  /** UIDs given. */
  readonly uids: number;
}

/** Brings a mailbox's counters up to date; `counted` moves only when total or unseen may have. */
export function* touchMailbox(unit: Unit, id: number, delta: MailboxDelta): Op<void> {
  const recount = delta.total !== 0 || delta.unseen !== 0 || delta.uids !== 0 ? 1 : 0;
  yield* run(
    `UPDATE mailbox SET uidnext = uidnext + $3, modseq = $4, counted = CASE WHEN $5 = 1 THEN $4 ELSE counted END,
      total = total + $6, unseen = unseen + $7, bytes = bytes + $8 WHERE account = $1 AND id = $2`,
    [unit.account, id, delta.uids, unit.modseq, recount, delta.total, delta.unseen, delta.bytes],
  );
}

/** Logs what happened to a mailbox itself. */
export function* logMailbox(unit: Unit, id: number, reason: string, path: string, reader = ''): Op<void> {
  yield* log(unit, 'mail', { kind: 'set', reason, collection: id, object: id, name: path, reader });
}
