// Mailboxes: reading them, making, renaming and deleting them. A row holds one level of the name, so that a rename with
// all inferiors is one row. Of a mailbox that is deleted while others are below it the row stays, as a name only: it is
// no mailbox to anybody, and goes with the last of those others.

import { StoreError } from '../errors.ts';
import { all, MAX_ROWS, type Op, one, run } from '../operation.ts';
import type { Mailbox, SpecialUse } from '../ports.ts';
import { type Expunging, expungeAll } from './expunge.ts';
import { DEPTH, MAILBOXES } from './limits.ts';
import {
  anyRow,
  child,
  logMailbox,
  MAILBOX_COLUMNS,
  type MailboxRow,
  mailboxRow,
  NAME_ONLY,
  pathOf,
  theMailbox,
} from './mailbox-row.ts';
import { levelsOf, newLevels } from './names.ts';
import { theSettledMailbox } from './owed-flags.ts';
import { renameSubscriptions } from './subscriptions.ts';
import { transfer } from './transfer.ts';
import { begin, finish, takeId, takeUidvalidity, type Unit } from './unit.ts';

/** All mailboxes with their paths, in the order they were made. */
export function* listMailboxes(account: string): Op<Mailbox[]> {
  const rows: MailboxRow[] = [];
  for (let after = 0; ; ) {
    const page = yield* all<MailboxRow>(
      `SELECT ${MAILBOX_COLUMNS} FROM mailbox WHERE account = $1 AND id > $2 ORDER BY id LIMIT ${MAX_ROWS}`,
      [account, after],
    );
    rows.push(...page);
    if (page.length < MAX_ROWS) break;
    after = page.at(-1)?.id ?? after;
  }
  const byId = new Map(rows.map((row) => [row.id, row]));
  const paths = new Map<number, string>();
  const pathOf = (row: MailboxRow): string => {
    const known = paths.get(row.id);
    if (known !== undefined) return known;
    const parent = byId.get(row.parent);
    const path = parent === undefined ? row.name : `${pathOf(parent)}/${row.name}`;
    paths.set(row.id, path);
    return path;
  };
  return rows.filter(isMailbox).map((row) => present(row, byId.get(row.parent), pathOf(row)));
}

/** One mailbox by its id. */
export function* getMailbox(account: string, id: number): Op<Mailbox | undefined> {
  const row = yield* mailboxRow(account, id);
  if (row === undefined || !isMailbox(row)) return undefined;
  return present(row, yield* anyRow(account, row.parent), yield* pathOf(account, row));
}

/** One mailbox by its path; INBOX in any case. */
export function* getMailboxByPath(account: string, path: string): Op<Mailbox | undefined> {
  const levels = levelsOf(path);
  if (levels.length > DEPTH) return undefined;
  let above: MailboxRow | undefined;
  let row: MailboxRow | undefined;
  for (const name of levels) {
    const found: MailboxRow | undefined = yield* child(account, row?.id ?? 0, name);
    if (found === undefined) return undefined;
    above = row;
    row = found;
  }
  return row === undefined || !isMailbox(row) ? undefined : present(row, above, levels.join('/'));
}

export interface NewMailbox {
  readonly account: string;
  readonly path: string;
  readonly special: SpecialUse;
  /** Unix ms. */
  readonly now: number;
}

/** Makes a mailbox and its missing parents. Errors: exists, invalid, limit. */
export function* createMailbox(wanted: NewMailbox): Op<Mailbox> {
  const levels = newLevels(wanted.path);
  const unit = yield* begin(wanted.account);
  if (wanted.special !== '') yield* refuseSecond(unit, wanted.special);
  const row = yield* makePath(unit, levels, wanted.special, wanted.now);
  yield* finish(unit);
  return present(row, yield* anyRow(wanted.account, row.parent), levels.join('/'));
}

/** Makes the mailbox of these levels inside a running transaction, with its missing parents. Errors: exists, limit. */
export function* makePath(unit: Unit, levels: readonly string[], special: SpecialUse, now: number): Op<MailboxRow> {
  let row: MailboxRow | undefined;
  let made = false;
  for (const [depth, name] of levels.entries()) {
    const parent: number = row?.id ?? 0;
    const found: MailboxRow | undefined = made ? undefined : yield* child(unit.account, parent, name);
    const isLast = depth === levels.length - 1;
    if (found !== undefined && isLast) {
      if (isMailbox(found)) throw new StoreError('exists', 'a mailbox of that name exists');
      return yield* remake(unit, found, special, levels.join('/'), now);
    }
    if (found === undefined && !made) yield* refuseTooMany(unit, levels.length - depth);
    made ||= found === undefined;
    const path = levels.slice(0, depth + 1).join('/');
    row = found ?? (yield* insert(unit, parent, name, isLast ? special : '', path, now));
  }
  if (row === undefined) throw new StoreError('invalid', 'an empty name');
  return row;
}

/** Makes a mailbox of what was only a name: another one than was deleted, above the same mailboxes. */
function* remake(unit: Unit, name: MailboxRow, special: SpecialUse, path: string, now: number): Op<MailboxRow> {
  const { account } = unit;
  yield* removeRow(account, name.id);
  const row = yield* insert(unit, name.parent, name.name, special, path, now);
  yield* run(`UPDATE mailbox SET parent = $3 WHERE account = $1 AND parent = $2`, [account, name.id, row.id]);
  yield* logBelow(unit, row.id, path);
  return row;
}

export interface RenameJob {
  readonly account: string;
  readonly id: number;
  readonly path: string;
  /** Unix ms. */
  readonly now: number;
}

/** Renames a mailbox with all its inferiors; INBOX gives up its messages instead (RFC 9051 6.3.6). */
export function* renameMailbox(job: RenameJob): Op<void> {
  const { account, id, now } = job;
  const levels = newLevels(job.path);
  const unit = yield* begin(account);
  const row = yield* theMailbox(account, id);
  if (row.special === 'inbox') {
    const target = yield* makePath(unit, levels, '', now);
    const uids = [[1, row.uidnext] as const];
    yield* transfer(unit, { kind: 'move', from: row.id, uids, to: target.id, now, quota: null });
  } else {
    yield* moveRow(unit, row, levels, now);
  }
  yield* finish(unit);
}

function* moveRow(unit: Unit, row: MailboxRow, levels: readonly string[], now: number): Op<void> {
  const { account } = unit;
  if (row.special !== '') throw new StoreError('protected', `${row.name} is a system mailbox`); // F114
  const before = yield* pathOf(account, row);
  const after = levels.join('/');
  if (after === before) throw new StoreError('exists', 'that is its name already');
  if (after.startsWith(`${before}/`)) throw new StoreError('invalid', 'a mailbox can not be moved below itself');
  const height = yield* heightOf(account, row.id);
  if (levels.length + height > DEPTH) throw new StoreError('limit', `inferiors of more than ${DEPTH} levels`);
  let parent = 0;
  for (const [depth, name] of levels.slice(0, -1).entries()) {
    const found = yield* child(account, parent, name);
    // RFC 9051 6.3.6: missing superiors are made.
    parent = (found ?? (yield* makePath(unit, levels.slice(0, depth + 1), '', now))).id;
  }
  const name = levels.at(-1) ?? '';
  if ((yield* child(account, parent, name)) !== undefined)
    throw new StoreError('exists', 'a mailbox of that name exists');
  yield* run(`UPDATE mailbox SET parent = $3, name = $4 WHERE account = $1 AND id = $2`, [
    account,
    row.id,
    parent,
    name,
  ]);
  yield* removeNames(account, row.parent);
  yield* renameSubscriptions(unit, row.id, before, after);
  yield* logMailbox(unit, row.id, 'renamed', after);
}

export interface DeleteJob extends Expunging {
  readonly account: string;
  readonly id: number;
}

/**
 * Deletes a mailbox; its messages are kept as expunged ones. Where others are below it they stay as they are, and its
 * name is left to lead to them (RFC 3501 6.3.5). Errors: protected, not-found.
 */
export function* deleteMailbox(job: DeleteJob): Op<void> {
  const { account, id } = job;
  const unit = yield* begin(account);
  const row = yield* theSettledMailbox(account, id);
  if (row.special !== '') throw new StoreError('protected', `${row.name} is a system mailbox`); // F114
  const path = yield* pathOf(account, row);
  yield* expungeAll(unit, row, job);
  yield* run(`DELETE FROM reader_seen WHERE account = $1 AND mailbox = $2`, [account, id]);
  yield* run(`DELETE FROM metadata WHERE account = $1 AND mailbox = $2`, [account, id]);
  yield* run(`UPDATE mailbox SET special = '${NAME_ONLY}' WHERE account = $1 AND id = $2`, [account, id]);
  yield* logMailbox(unit, id, 'deleted', path);
  yield* logBelow(unit, id, path);
  yield* removeNames(account, id);
  yield* finish(unit);
}

/** Removes what is only a name if nothing is below it any more, and so on upwards. */
function* removeNames(account: string, id: number): Op<void> {
  for (let at = id; at !== 0; ) {
    const row = yield* anyRow(account, at);
    if (row === undefined || isMailbox(row)) return;
    const below = yield* one(`SELECT id FROM mailbox WHERE account = $1 AND parent = $2 LIMIT 1`, [account, at]);
    if (below !== undefined) return;
    yield* removeRow(account, at);
    at = row.parent;
  }
}

function* removeRow(account: string, id: number): Op<void> {
  yield* run(`DELETE FROM mailbox WHERE account = $1 AND id = $2`, [account, id]);
}

/** The mailboxes right below one that was deleted or made have another parent now, or none. */
function* logBelow(unit: Unit, id: number, path: string): Op<void> {
  const sql = `SELECT id, name FROM mailbox
    WHERE account = $1 AND parent = $2 AND special <> '${NAME_ONLY}' AND name > $3 ORDER BY name LIMIT ${MAX_ROWS}`;
  for (let after = ''; ; ) {
    const page = yield* all<{ id: number; name: string }>(sql, [unit.account, id, after]);
    for (const below of page) yield* logMailbox(unit, below.id, 'renamed', `${path}/${below.name}`);
    if (page.length < MAX_ROWS) return;
    after = page.at(-1)?.name ?? after;
  }
}

function* insert(
  unit: Unit,
  parent: number,
  name: string,
  special: SpecialUse,
  path: string,
  now: number,
): Op<MailboxRow> {
  const { modseq } = unit;
  const uidvalidity = takeUidvalidity(unit, now);
  const empty = { uidvalidity, uidnext: 1, modseq, counted: modseq, total: 0, unseen: 0, bytes: 0, owed: 0 };
  const row = { id: takeId(unit), parent, name, special, ...empty };
  yield* run(
    `INSERT INTO mailbox (account, ${MAILBOX_COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, 1, $7, $7, 0, 0, 0, 0)`,
    [unit.account, row.id, parent, name, special, uidvalidity, modseq],
  );
  yield* logMailbox(unit, row.id, 'created', path);
  return row;
}

function* refuseTooMany(unit: Unit, wanted: number): Op<void> {
  const row = yield* one<{ n: number }>(`SELECT count(*) AS n FROM mailbox WHERE account = $1 AND id > 0`, [
    unit.account,
  ]);
  if ((row?.n ?? 0) + wanted > MAILBOXES) throw new StoreError('limit', `more than ${MAILBOXES} mailboxes`);
}

function* refuseSecond(unit: Unit, special: SpecialUse): Op<void> {
  const second = yield* one(`SELECT id FROM mailbox WHERE account = $1 AND id > 0 AND special = $2 LIMIT 1`, [
    unit.account,
    special,
  ]);
  if (second !== undefined) throw new StoreError('invalid', `there is a mailbox for ${special} already`);
}

/** Levels below a mailbox. */
function* heightOf(account: string, id: number): Op<number> {
  const row = yield* one<{ height: number }>(
    `WITH RECURSIVE below (id, depth) AS (
       SELECT m.id, 1 FROM mailbox m WHERE m.account = $1 AND m.parent = $2
       UNION ALL
       SELECT m.id, b.depth + 1 FROM below b JOIN mailbox m ON m.account = $1 AND m.parent = b.id)
     SELECT coalesce(max(depth), 0) AS height FROM below`,
    [account, id],
  );
  return row?.height ?? 0;
}

/** A row that is more than a name. */
function isMailbox(row: MailboxRow): row is MailboxRow & { readonly special: SpecialUse } {
  return row.special !== NAME_ONLY;
}

function present(row: MailboxRow, above: MailboxRow | undefined, path: string): Mailbox {
  const { name: _, owed: __, parent, special, ...rest } = row;
  const isBelow = above !== undefined && isMailbox(above);
  return { ...rest, special: special === NAME_ONLY ? '' : special, parent: isBelow ? parent : null, path };
}
