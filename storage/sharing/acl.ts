// Access control lists as operations on the directory.

import { begin, finish, type Unit } from '../account/unit.ts';
import { formatAddress } from '../directory/addresses.ts';
import { logThing } from '../directory/log.ts';
import { type AccountRow, accountById, DIRECTORY, presentAccount } from '../directory/rows.ts';
import { StoreError } from '../errors.ts';
import { all, MAX_ROWS, type Op, one, run } from '../operation.ts';
import { groupsOf } from './groups.ts';
import { nameOf, type Subject, splitNegative, subjectOf } from './identifiers.ts';
import { ACL_ENTRIES, ACL_ENTRIES_OF_OWNER, ACL_ENTRIES_OF_READER } from './limits.ts';
import type { Access, AclEntry, SharedAccount } from './port.ts';
import { ALL_RIGHTS, NO_RIGHTS, OWNER_RIGHTS, type Rights } from './rights.ts';

interface AclRow extends Subject {
  readonly negative: number;
  readonly rights: Rights;
}

/** A mailbox's list. */
export function* readAcl(owner: string, mailbox: number): Op<AclEntry[]> {
  const rows = yield* rowsOf(owner, mailbox);
  const entries: AclEntry[] = [];
  for (const { negative, rights, ...subject } of rows) {
    const identifier = yield* nameOf(subject);
    if (identifier !== undefined) entries.push({ identifier, negative: negative !== 0, rights });
  }
  const own = yield* accountById(owner);
  const first = own === undefined ? '' : formatAddress(own);
  const rank = ({ identifier, negative }: AclEntry) => `${identifier === first ? 0 : 1}${identifier} ${negative}`;
  return entries.sort((a, b) => (rank(a) < rank(b) ? -1 : 1));
}

function* rowsOf(owner: string, mailbox: number): Op<AclRow[]> {
  return yield* all<AclRow>(
    `SELECT kind, subject, negative, rights FROM acl WHERE owner = $1 AND mailbox = $2
     ORDER BY kind, subject, negative LIMIT ${ACL_ENTRIES}`,
    [owner, mailbox],
  );
}

export interface AclChange {
  readonly owner: string;
  readonly mailbox: number;
  readonly identifier: string;
  readonly action: 'set' | 'add' | 'remove';
  readonly rights: Rights;
}

/** Changes an entry. Errors: invalid, not-found, limit. */
export function* changeAcl({ owner, mailbox, identifier, action, rights }: AclChange): Op<void> {
  const unit = yield* begin(DIRECTORY);
  const { name, negative } = splitNegative(identifier);
  const subject = yield* subjectOf(name);
  const account = yield* theOwner(owner);
  const key = [owner, mailbox, subject.kind, subject.subject, negative ? 1 : 0];
  const row = yield* one<{ rights: Rights }>(
    `SELECT rights FROM acl WHERE owner = $1 AND mailbox = $2 AND kind = $3 AND subject = $4 AND negative = $5`,
    key,
  );
  const isOwner = subject.kind === 'account' && subject.subject === owner && !negative;
  const before = row?.rights ?? (isOwner ? ALL_RIGHTS : NO_RIGHTS);
  const wanted = action === 'set' ? rights : action === 'add' ? before | rights : before & ~rights;
  const after = isOwner ? wanted | OWNER_RIGHTS : wanted;
  // The owner has all rights where nothing is said of him.
  if (after === (isOwner ? ALL_RIGHTS : NO_RIGHTS)) {
    if (row === undefined) return;
    yield* remove(key);
  } else {
    if (row?.rights === after) return;
    if (row === undefined) yield* refuseTooMany(owner, mailbox, 1);
    yield* put(key, after);
  }
  yield* logShare(unit, account, mailbox);
  yield* finish(unit);
}

/** Removes an entry, if it is there. Errors: invalid. */
export function* deleteAcl(owner: string, mailbox: number, identifier: string): Op<void> {
  const unit = yield* begin(DIRECTORY);
  const { name, negative } = splitNegative(identifier);
  const { kind, subject } = yield* subjectOf(name);
  if ((yield* remove([owner, mailbox, kind, subject, negative ? 1 : 0])) === 0) return;
  yield* logShare(unit, yield* theOwner(owner), mailbox);
  yield* finish(unit);
}

/** Gives new mailboxes the list of another, or of the top. Errors: limit. */
export function* inheritAcl(owner: string, from: number, mailboxes: readonly number[]): Op<void> {
  const rows = yield* rowsOf(owner, from);
  if (rows.length === 0) return;
  const unit = yield* begin(DIRECTORY);
  const account = yield* theOwner(owner);
  for (const mailbox of mailboxes) {
    yield* refuseTooMany(owner, mailbox, rows.length);
    for (const { kind, subject, negative, rights } of rows)
      yield* put([owner, mailbox, kind, subject, negative], rights);
    yield* logShare(unit, account, mailbox);
  }
  yield* finish(unit);
}

/** Removes the lists of mailboxes that are gone. */
export function* forgetAcl(owner: string, mailboxes: readonly number[]): Op<void> {
  const unit = yield* begin(DIRECTORY);
  for (const mailbox of mailboxes) {
    const removed = yield* run(`DELETE FROM acl WHERE owner = $1 AND mailbox = $2`, [owner, mailbox]);
    if (removed > 0) yield* logShare(unit, yield* theOwner(owner), mailbox);
  }
  yield* finish(unit);
}

function* put(key: (string | number)[], rights: Rights): Op<void> {
  yield* run(
    `INSERT INTO acl (owner, mailbox, kind, subject, negative, rights) VALUES ($1, $2, $3, $4, $5, $6)
     ON CONFLICT (owner, mailbox, kind, subject, negative) DO UPDATE SET rights = $6`,
    [...key, rights],
  );
}

function* remove(key: (string | number)[]): Op<number> {
  return yield* run(
    `DELETE FROM acl WHERE owner = $1 AND mailbox = $2 AND kind = $3 AND subject = $4 AND negative = $5`,
    key,
  );
}

function* refuseTooMany(owner: string, mailbox: number, more: number): Op<void> {
  const there = yield* one<{ n: number }>(`SELECT count(*) AS n FROM acl WHERE owner = $1 AND mailbox = $2`, [
    owner,
    mailbox,
  ]);
  if ((there?.n ?? 0) + more > ACL_ENTRIES) throw new StoreError('limit', `more than ${ACL_ENTRIES} entries`);
  const all = yield* one<{ n: number }>(`SELECT count(*) AS n FROM acl WHERE owner = $1`, [owner]);
  if ((all?.n ?? 0) + more > ACL_ENTRIES_OF_OWNER) {
    throw new StoreError('limit', `more than ${ACL_ENTRIES_OF_OWNER} entries of an account`);
  }
}

function* theOwner(id: string): Op<AccountRow> {
  const row = yield* accountById(id);
  if (row === undefined) throw new StoreError('not-found', `no account ${id}`);
  return row;
}

function* logShare(unit: Unit, owner: AccountRow, mailbox: number): Op<void> {
  yield* logThing(unit, 'share', 'set', mailbox, formatAddress(owner), owner.id);
}

// ----------------------------------------------------------------------------------------------------------- access

interface GrantRow {
  readonly owner: string;
  readonly mailbox: number;
  readonly negative: number;
  readonly rights: Rights;
}

const GRANTS = `SELECT owner, mailbox, negative, rights FROM acl
  WHERE kind = $1 AND subject = $2 AND (owner, mailbox, negative) > ($3, $4, $5)
  ORDER BY owner, mailbox, negative LIMIT ${MAX_ROWS}`;

/** What is granted and taken, by owner and mailbox. */
class Grants {
  readonly byOwner = new Map<string, Map<number, { given: Rights; taken: Rights }>>();
  #rows = 0;

  get full(): boolean {
    return this.#rows >= ACL_ENTRIES_OF_READER;
  }

  add({ owner, mailbox, negative, rights }: GrantRow): void {
    this.#rows++;
    const mailboxes = this.byOwner.get(owner) ?? new Map<number, { given: Rights; taken: Rights }>();
    this.byOwner.set(owner, mailboxes);
    const grant = mailboxes.get(mailbox) ?? { given: NO_RIGHTS, taken: NO_RIGHTS };
    mailboxes.set(mailbox, grant);
    if (negative === 0) grant.given |= rights;
    else grant.taken |= rights;
  }
}

/** All that an account may use (RFC 4314 2): what all identifiers that mean it give, without what any of them takes. */
export function* readAccess(id: string): Op<Access> {
  const me = yield* accountById(id);
  if (me === undefined) throw new StoreError('not-found', `no account ${id}`);
  const grants = new Grants();
  yield* collect(grants, { kind: 'account', subject: id });
  const own = ownRights(grants.byOwner.get(id));
  grants.byOwner.delete(id);
  for (const group of yield* groupsOf(id)) yield* collect(grants, { kind: 'group', subject: String(group) });
  yield* collect(grants, { kind: 'anyone', subject: '' }, me.domain);
  grants.byOwner.delete(id);
  const others: SharedAccount[] = [];
  for (const [owner, mailboxes] of grants.byOwner) {
    const account = yield* accountById(owner);
    const rights = new Map<number, Rights>();
    for (const [mailbox, { given, taken }] of mailboxes) {
      if ((given & ~taken) !== NO_RIGHTS) rights.set(mailbox, given & ~taken);
    }
    if (account !== undefined && rights.size > 0) others.push({ account: presentAccount(account), rights });
  }
  return { own, others: others.sort((a, b) => (a.account.address < b.account.address ? -1 : 1)) };
}

/** Of the owner counts only what is said of him by name. */
function ownRights(
  mailboxes: ReadonlyMap<number, { readonly given: Rights; readonly taken: Rights }> = new Map(),
): Map<number, Rights> {
  const own = new Map<number, Rights>();
  for (const [mailbox, { given, taken }] of mailboxes) {
    const rights = ((given === NO_RIGHTS ? ALL_RIGHTS : given) & ~taken) | OWNER_RIGHTS;
    if (rights !== ALL_RIGHTS) own.set(mailbox, rights);
  }
  return own;
}

/** Adds what a subject is given; `domain`: only by owners in it. */
function* collect(grants: Grants, { kind, subject }: Subject, domain?: string): Op<void> {
  const inDomain = new Map<string, boolean>();
  let [owner, mailbox, negative] = ['', 0, -1];
  while (!grants.full) {
    const rows = yield* all<GrantRow>(GRANTS, [kind, subject, owner, mailbox, negative]);
    for (const row of rows) {
      if (domain !== undefined && !inDomain.has(row.owner)) {
        inDomain.set(row.owner, (yield* accountById(row.owner))?.domain === domain);
      }
      if (inDomain.get(row.owner) !== false) grants.add(row);
    }
    const last = rows.at(-1);
    if (last === undefined || rows.length < MAX_ROWS) return;
    ({ owner, mailbox, negative } = last);
  }
}

/** An identifier in its one spelling. Errors: invalid, not-found. */
export function* identify(identifier: string): Op<string> {
  const { name, negative } = splitNegative(identifier);
  const canonical = (yield* nameOf(yield* subjectOf(name))) ?? name;
  return negative ? `-${canonical}` : canonical;
}
