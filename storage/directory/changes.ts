// Changing the directory. Every change is logged in the class `directory`, so that what follows it (address lists,
// shares) follows it like mail.

import { begin, finish, takeId, type Unit } from '../account/unit.ts';
import { StoreError } from '../errors.ts';
import { all, type Op, one, run } from '../operation.ts';
import type { Account, ChangeKind } from '../ports.ts';
import { type Address, formatAddress, parseAddress } from './addresses.ts';
import { forgetDomainSettings } from './domain-settings.ts';
import { FORWARDS, SETTING_VALUES, TARGETS } from './limits.ts';
import { logThing } from './log.ts';
import { resolve } from './resolve.ts';
import {
  ACCOUNT_COLUMNS,
  type AccountRow,
  accountAt,
  accountById,
  aliasRow,
  DIRECTORY,
  domainRow,
  presentAccount,
  TENANT,
} from './rows.ts';

/** Adds a domain in its one spelling; the first one is the default. Errors: exists. */
export function* addDomain(name: string, now: number): Op<void> {
  const unit = yield* begin(DIRECTORY);
  if ((yield* domainRow(name)) !== undefined) throw new StoreError('exists', `domain ${name} exists`);
  const other = yield* one(`SELECT name FROM domain WHERE name > '' LIMIT 1`);
  const id = takeId(unit);
  yield* run(`INSERT INTO domain (name, tenant, id, is_default, created) VALUES ($1, $2, $3, $4, $5)`, [
    name,
    TENANT,
    id,
    other === undefined ? 1 : 0,
    now,
  ]);
  yield* logThing(unit, 'domain', 'add', id, name);
  yield* finish(unit);
}

/** Removes an empty domain; if it was the default, the oldest one left is. Errors: not-found, protected. */
export function* removeDomain(name: string): Op<void> {
  const unit = yield* begin(DIRECTORY);
  const row = yield* domainRow(name);
  if (row === undefined) throw new StoreError('not-found', `no domain ${name}`);
  const account = yield* one(`SELECT id FROM mail_account WHERE domain = $1 LIMIT 1`, [name]);
  const alias = yield* one(`SELECT id FROM alias WHERE domain = $1 LIMIT 1`, [name]);
  if (account !== undefined || alias !== undefined) {
    throw new StoreError('protected', `there are accounts or aliases in ${name}`);
  }
  const group = yield* one(`SELECT id FROM mail_group WHERE domain = $1 LIMIT 1`, [name]);
  if (group !== undefined) throw new StoreError('protected', `there are groups in ${name}`);
  yield* run('DELETE FROM signing_key WHERE domain = $1', [name]);
  yield* forgetDomainSettings(name);
  yield* run(`DELETE FROM domain WHERE name = $1`, [name]);
  if (row.is_default !== 0) {
    const next = yield* one<{ name: string }>(`SELECT name FROM domain WHERE name > '' ORDER BY created, name LIMIT 1`);
    if (next !== undefined) yield* run(`UPDATE domain SET is_default = 1 WHERE name = $1`, [next.name]);
  }
  yield* logThing(unit, 'domain', 'remove', row.id, name);
  yield* finish(unit);
}

export interface NewAccount {
  readonly id: string;
  readonly address: Address;
  /** Null: nobody logs in to it, it is there to be shared. */
  readonly hash: string | null;
  /** Sealed SCRAM keys, or null. */
  readonly scram: string | null;
  readonly quota: number | null;
  readonly now: number;
}

/** Refuses an address that can't be given to an account or an alias. Errors: not-found (its domain), exists. */
export function* refuseTaken(address: Address): Op<void> {
  if ((yield* domainRow(address.domain)) === undefined) {
    throw new StoreError('not-found', `${address.domain} is not a domain of ours`);
  }
  const account = address.local === '' ? undefined : yield* accountAt(address);
  if (account !== undefined || (yield* aliasRow(address)) !== undefined) {
    throw new StoreError('exists', `${formatAddress(address)} exists`);
  }
}

/** Adds an account whose store is there already. Errors: not-found, exists. */
export function* addAccount(account: NewAccount): Op<Account> {
  const { id, address, quota, now } = account;
  const unit = yield* begin(DIRECTORY);
  yield* refuseTaken(address);
  const row = { id, number: takeId(unit), ...address, quota, enabled: 1, shared: account.hash === null ? 1 : 0 };
  yield* run(
    `INSERT INTO mail_account (id, tenant, number, local, domain, quota, enabled, created, shared)
     VALUES ($1, $2, $3, $4, $5, $6, 1, $7, $8)`,
    [id, TENANT, row.number, address.local, address.domain, quota, now, row.shared],
  );
  if (account.hash !== null) {
    yield* run(`INSERT INTO credential (owner, kind, hash, version) VALUES ($1, 'password', $2, $3)`, [
      id,
      account.hash,
      unit.modseq,
    ]);
    yield* putScram(id, unit.modseq, account.scram);
  }
  yield* logThing(unit, 'account', 'add', row.number, formatAddress(address), id);
  yield* finish(unit);
  return presentAccount(row);
}

/** Removes an account's rows; its store is destroyed after this is durable. Errors: not-found. */
export function* removeAccount(id: string): Op<void> {
  const unit = yield* begin(DIRECTORY);
  const row = yield* theAccount(id);
  yield* run(`DELETE FROM credential WHERE owner = $1`, [id]);
  yield* run(`DELETE FROM setting WHERE owner = $1`, [id]);
  yield* run(`DELETE FROM route_credential WHERE owner = $1`, [id]);
  yield* run(`DELETE FROM device WHERE owner = $1`, [id]);
  yield* run(`DELETE FROM group_member WHERE member = $1`, [id]);
  yield* run(`DELETE FROM acl WHERE owner = $1`, [id]);
  yield* run(`DELETE FROM acl WHERE kind = 'account' AND subject = $1`, [id]);
  yield* run(`DELETE FROM mail_account WHERE id = $1`, [id]);
  yield* logAccount(unit, 'remove', row);
  yield* finish(unit);
}

/** Gives an account another password hash, and the credential a new version. Errors: not-found. */
export function* setPassword(id: string, hash: string, scram: string | null): Op<void> {
  const unit = yield* begin(DIRECTORY);
  const row = yield* theAccount(id);
  if (row.shared !== 0) throw new StoreError('protected', `${formatAddress(row)} is shared: nobody logs in to it`);
  yield* run(
    `INSERT INTO credential (owner, kind, hash, version) VALUES ($1, 'password', $2, $3)
     ON CONFLICT (owner, kind) DO UPDATE SET hash = $2, version = $3`,
    [id, hash, unit.modseq],
  );
  yield* putScram(id, unit.modseq, scram);
  yield* logAccount(unit, 'set', row);
  yield* finish(unit);
}

/** Adds sealed SCRAM keys to a password of this version; nothing if there is another by now. Errors: not-found. */
export function* setScram(id: string, version: number, scram: string): Op<void> {
  const unit = yield* begin(DIRECTORY);
  const row = yield* theAccount(id);
  const password = yield* one<{ version: number }>(
    `SELECT version FROM credential WHERE owner = $1 AND kind = 'password'`,
    [id],
  );
  if (password?.version !== version) return;
  yield* putScram(id, version, scram);
  yield* logAccount(unit, 'set', row);
  yield* finish(unit);
}

/** The keys belong to the password of the same version. */
function* putScram(id: string, version: number, scram: string | null): Op<void> {
  if (scram === null) {
    yield* run(`DELETE FROM credential WHERE owner = $1 AND kind = 'scram-sha-256'`, [id]);
    return;
  }
  yield* run(
    `INSERT INTO credential (owner, kind, hash, version) VALUES ($1, 'scram-sha-256', $2, $3)
     ON CONFLICT (owner, kind) DO UPDATE SET hash = $2, version = $3`,
    [id, scram, version],
  );
}

/** Errors: not-found. */
export function* setQuota(id: string, quota: number | null): Op<void> {
  const unit = yield* begin(DIRECTORY);
  const row = yield* theAccount(id);
  yield* run(`UPDATE mail_account SET quota = $2 WHERE id = $1`, [id, quota]);
  yield* logAccount(unit, 'set', row);
  yield* finish(unit);
}

/** Sets a name to these values, in place of what it had. Errors: not-found, limit. */
export function* setSetting(id: string, name: string, values: readonly string[]): Op<void> {
  const unit = yield* begin(DIRECTORY);
  const row = yield* theAccount(id);
  if (values.length > SETTING_VALUES) throw new StoreError('limit', `more than ${SETTING_VALUES} values`);
  yield* run(`DELETE FROM setting WHERE owner = $1 AND name = $2`, [id, name]);
  for (const value of new Set(values)) {
    yield* run(`INSERT INTO setting (owner, name, value) VALUES ($1, $2, $3)`, [id, name, value]);
  }
  yield* logAccount(unit, 'set', row);
  yield* finish(unit);
}

/** Adds an alias of addresses that somebody has. Errors: not-found, exists, invalid, limit. */
export function* addAlias(address: Address, targets: readonly string[], now: number): Op<void> {
  const unit = yield* begin(DIRECTORY);
  yield* refuseTaken(address);
  const names = yield* localTargets(targets);
  const id = takeId(unit);
  yield* run(`INSERT INTO alias (domain, local, tenant, id, created) VALUES ($1, $2, $3, $4, $5)`, [
    address.domain,
    address.local,
    TENANT,
    id,
    now,
  ]);
  for (const [seq, name] of names.entries()) {
    yield* run(`INSERT INTO alias_target (domain, local, seq, address) VALUES ($1, $2, $3, $4)`, [
      address.domain,
      address.local,
      seq,
      name,
    ]);
  }
  yield* logThing(unit, 'alias', 'add', id, formatAddress(address));
  yield* finish(unit);
}

/** Errors: not-found. */
export function* removeAlias(address: Address): Op<void> {
  const unit = yield* begin(DIRECTORY);
  const row = yield* aliasRow(address);
  if (row === undefined) throw new StoreError('not-found', `no alias ${formatAddress(address)}`);
  yield* run(`DELETE FROM alias_target WHERE domain = $1 AND local = $2`, [address.domain, address.local]);
  yield* run(`DELETE FROM alias WHERE domain = $1 AND local = $2`, [address.domain, address.local]);
  yield* logThing(unit, 'alias', 'remove', row.id, formatAddress(address));
  yield* finish(unit);
}

/** The targets in their one spelling, without doubles; those elsewhere as they are written. */
function* localTargets(targets: readonly string[]): Op<string[]> {
  const names = new Set<string>();
  let forwards = 0;
  for (const text of targets) {
    const target = parseAddress(text);
    if (target === undefined) throw new StoreError('invalid', `${JSON.stringify(text)} is not an address`);
    const { kind } = yield* resolve(text);
    if (kind === 'unknown') throw new StoreError('not-found', `there is nobody at ${formatAddress(target)}`);
    if (kind === 'foreign') forwards++;
    names.add(kind === 'foreign' ? text : formatAddress(target));
  }
  if (names.size === 0) throw new StoreError('invalid', 'an alias without targets');
  if (forwards > FORWARDS) throw new StoreError('limit', `more than ${FORWARDS} targets elsewhere`);
  if (names.size > TARGETS) throw new StoreError('limit', `more than ${TARGETS} targets`);
  return [...names];
}

function* theAccount(id: string): Op<AccountRow> {
  const row = yield* accountById(id);
  if (row === undefined) throw new StoreError('not-found', `no account ${id}`);
  return row;
}

function* logAccount(unit: Unit, kind: ChangeKind, row: AccountRow): Op<void> {
  yield* logThing(unit, 'account', kind, row.number, `${row.local}@${row.domain}`, row.id);
}

/** A page of accounts in the order of their ids. */
export function* accountsPage(after: string, limit: number): Op<AccountRow[]> {
  return yield* all<AccountRow>(`SELECT ${ACCOUNT_COLUMNS} FROM mail_account WHERE id > $1 ORDER BY id LIMIT $2`, [
    after,
    limit,
  ]);
}

/** The names of accounts in the order of their ids; this reads a backup of any release too. */
export function* accountNames(
  after: string,
  limit: number,
): Op<Pick<AccountRow, 'id' | 'local' | 'domain' | 'quota'>[]> {
  return yield* all(`SELECT id, local, domain, quota FROM mail_account WHERE id > $1 ORDER BY id LIMIT $2`, [
    after,
    limit,
  ]);
}
