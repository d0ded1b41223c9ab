// The rows of the table mailbox: reading one, and keeping its counters.

import { log } from '../changes/log.ts';
import { StoreError } from '../errors.ts';
import { type Op, one, run } from '../operation.ts';
import type { SpecialUse } from '../ports.ts';
import { begin, type Unit, unitOf } from './unit.ts';

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
  if (row === undefined || row.special === NAME_ONLY) throw noMailbox(id);
  return row;
}

/** A transaction that has begun, and the one mailbox that it is about. */
export interface Entered {
  readonly unit: Unit;
  readonly mailbox: MailboxRow;
}

interface EnteredRow extends MailboxRow {
  readonly last_modseq: number;
  readonly next_id: number;
  readonly last_uidvalidity: number;
  readonly used: number;
  readonly messages: number;
}

// One statement costs less than two. Both rows are locked, so that neither is older than the lock.
const ENTER = `SELECT c.modseq AS last_modseq, c.next_id, c.uidvalidity AS last_uidvalidity, c.bytes AS used, c.messages,
    ${MAILBOX_COLUMNS.replaceAll(/\w+/g, 'b.$&')}
  FROM counter c JOIN mailbox b ON b.account = c.account WHERE c.account = $1 AND b.id = $2 /*FOR UPDATE*/`;

/** Begins a transaction about one mailbox that must be there: `begin` and `theMailbox` in one. Errors: not-found. */
export function* enter(account: string, id: number): Op<Entered> {
  const row = yield* one<EnteredRow>(ENTER, [account, id]);
  if (row === undefined) {
    const unit = yield* begin(account);
    return { unit, mailbox: yield* theMailbox(account, id) };
  }
  if (row.special === NAME_ONLY) throw noMailbox(id);
  const { last_modseq: modseq, next_id, last_uidvalidity: uidvalidity, used: bytes, messages } = row;
  return { unit: unitOf(account, { modseq, next_id, uidvalidity, bytes, messages }), mailbox: row };
}

function noMailbox(id: number): StoreError {
  return new StoreError('not-found', `no mailbox ${id}`);
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
  const { total, unseen, bytes, uids } = delta;
  const { account, modseq } = unit;
  if (total !== 0 || uids !== 0) {
    yield* run(
      `UPDATE mailbox SET uidnext = uidnext + $3, modseq = $4, counted = $4, total = total + $5, unseen = unseen + $6,
        bytes = bytes + $7 WHERE account = $1 AND id = $2`,
      [account, id, uids, modseq, total, unseen, bytes],
    );
  } else if (unseen !== 0) {
    yield* run(`UPDATE mailbox SET modseq = $3, counted = $3, unseen = unseen + $4 WHERE account = $1 AND id = $2`, [
      account,
      id,
      modseq,
      unseen,
    ]);
  } else {
    yield* run(`UPDATE mailbox SET modseq = $3 WHERE account = $1 AND id = $2`, [account, id, modseq]);
  }
}

/** Logs what happened to a mailbox itself. */
export function* logMailbox(unit: Unit, id: number, reason: string, path: string, reader = ''): Op<void> {
  yield* log(unit, 'mail', { kind: 'set', reason, collection: id, object: id, name: path, reader });
}
