// Groups: accounts that mailboxes are shared with together.

import { begin, finish, takeId } from '../account/unit.ts';
import { type Address, formatAddress } from '../directory/addresses.ts';
import { logThing } from '../directory/log.ts';
import { type AccountRow, accountAt, DIRECTORY, domainRow, TENANT } from '../directory/rows.ts';
import { StoreError } from '../errors.ts';
import { all, MAX_ROWS, type Op, one, run } from '../operation.ts';
import { GROUP_MEMBERS, GROUPS, GROUPS_OF_ACCOUNT } from './limits.ts';

export interface GroupRow extends Address {
  readonly id: number;
}

export function* groupAt({ local, domain }: Address): Op<GroupRow | undefined> {
  return yield* one<GroupRow>(`SELECT id, local, domain FROM mail_group WHERE domain = $1 AND local = $2`, [
    domain,
    local,
  ]);
}

export function* groupById(id: number): Op<GroupRow | undefined> {
  return yield* one<GroupRow>(`SELECT id, local, domain FROM mail_group WHERE id = $1`, [id]);
}

/** A page of groups after a name. */
export function* groupsPage(domain: string, local: string): Op<GroupRow[]> {
  return yield* all<GroupRow>(
    `SELECT id, local, domain FROM mail_group WHERE (domain, local) > ($1, $2) ORDER BY domain, local LIMIT ${MAX_ROWS}`,
    [domain, local],
  );
}

/** The addresses of a group's members, in order. */
export function* membersOf(group: number): Op<string[]> {
  const rows = yield* all<Address>(
    `SELECT a.local, a.domain FROM group_member m JOIN mail_account a ON a.id = m.member
     WHERE m.member_of = $1 LIMIT ${GROUP_MEMBERS}`,
    [group],
  );
  return rows.map(formatAddress).sort();
}

/** The numbers of the groups that an account is in. */
export function* groupsOf(account: string): Op<number[]> {
  const rows = yield* all<{ member_of: number }>(
    `SELECT member_of FROM group_member WHERE member = $1 ORDER BY member_of LIMIT ${GROUPS_OF_ACCOUNT}`,
    [account],
  );
  return rows.map((row) => row.member_of);
}

/** Errors: not-found (its domain), exists, limit. */
export function* addGroup(name: Address, now: number): Op<void> {
  const unit = yield* begin(DIRECTORY);
  if ((yield* domainRow(name.domain)) === undefined) {
    throw new StoreError('not-found', `${name.domain} is not a domain of ours`);
  }
  if ((yield* groupAt(name)) !== undefined) throw new StoreError('exists', `group ${formatAddress(name)} exists`);
  const many = yield* one<{ n: number }>(`SELECT count(*) AS n FROM mail_group WHERE domain > ''`);
  if ((many?.n ?? 0) >= GROUPS) throw new StoreError('limit', `more than ${GROUPS} groups`);
  const id = takeId(unit);
  yield* run(`INSERT INTO mail_group (domain, local, tenant, id, created) VALUES ($1, $2, $3, $4, $5)`, [
    name.domain,
    name.local,
    TENANT,
    id,
    now,
  ]);
  yield* logThing(unit, 'group', 'add', id, formatAddress(name));
  yield* finish(unit);
}

/** Removes a group, its memberships and what was shared with it. Errors: not-found. */
export function* removeGroup(name: Address): Op<void> {
  const unit = yield* begin(DIRECTORY);
  const { id } = yield* theGroup(name);
  yield* run(`DELETE FROM group_member WHERE member_of = $1`, [id]);
  yield* run(`DELETE FROM acl WHERE kind = 'group' AND subject = $1`, [String(id)]);
  yield* run(`DELETE FROM mail_group WHERE domain = $1 AND local = $2`, [name.domain, name.local]);
  yield* logThing(unit, 'group', 'remove', id, formatAddress(name));
  yield* finish(unit);
}

/** Errors: not-found, exists, limit. */
export function* addMember(name: Address, member: Address): Op<void> {
  const unit = yield* begin(DIRECTORY);
  const { id } = yield* theGroup(name);
  const account = yield* theMember(member);
  const members = yield* one<{ n: number }>(`SELECT count(*) AS n FROM group_member WHERE member_of = $1`, [id]);
  if ((members?.n ?? 0) >= GROUP_MEMBERS) throw new StoreError('limit', `more than ${GROUP_MEMBERS} members`);
  const groups = yield* groupsOf(account.id);
  if (groups.includes(id)) throw new StoreError('exists', `${formatAddress(member)} is in ${formatAddress(name)}`);
  if (groups.length >= GROUPS_OF_ACCOUNT) throw new StoreError('limit', `in more than ${GROUPS_OF_ACCOUNT} groups`);
  yield* run(`INSERT INTO group_member (member_of, member) VALUES ($1, $2)`, [id, account.id]);
  yield* logThing(unit, 'group', 'set', id, formatAddress(name), account.id);
  yield* finish(unit);
}

/** Errors: not-found. */
export function* removeMember(name: Address, member: Address): Op<void> {
  const unit = yield* begin(DIRECTORY);
  const { id } = yield* theGroup(name);
  const account = yield* theMember(member);
  const removed = yield* run(`DELETE FROM group_member WHERE member_of = $1 AND member = $2`, [id, account.id]);
  if (removed === 0) throw new StoreError('not-found', `${formatAddress(member)} is not in ${formatAddress(name)}`);
  yield* logThing(unit, 'group', 'set', id, formatAddress(name), account.id);
  yield* finish(unit);
}

function* theGroup(name: Address): Op<GroupRow> {
  const group = yield* groupAt(name);
  if (group === undefined) throw new StoreError('not-found', `no group ${formatAddress(name)}`);
  return group;
}

function* theMember(address: Address): Op<AccountRow> {
  const account = yield* accountAt(address);
  if (account === undefined) throw new StoreError('not-found', `no account ${formatAddress(address)}`);
  return account;
}
