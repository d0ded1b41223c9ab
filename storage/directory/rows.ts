// The directory's tables as the operations read them.

import { all, MAX_ROWS, type Op, one } from '../operation.ts';
import type { Account } from '../ports.ts';
import { type Address, formatAddress } from './addresses.ts';

/** The account of the directory's own counters and log. */
export const DIRECTORY = 'directory';

/** The tenant of everything until there are several. */
export const TENANT = 0;

/** What the change log calls the things of the directory: `collection` of its rows. */
export const Collection = { domain: 1, account: 2, alias: 3, group: 4, share: 5 } as const;

export interface AccountRow {
  readonly id: string;
  readonly number: number;
  readonly local: string;
  readonly domain: string;
  readonly quota: number | null;
  readonly enabled: number;
  /** Nobody logs in to it. */
  readonly shared: number;
}

export const ACCOUNT_COLUMNS = 'id, number, local, domain, quota, enabled, shared';

/** An account as the port gives it. */
export function presentAccount(row: AccountRow): Account {
  const account = { id: row.id, address: formatAddress(row), quota: row.quota, enabled: row.enabled !== 0 };
  return row.shared === 0 ? account : { ...account, shared: true };
}

export function* accountById(id: string): Op<AccountRow | undefined> {
  return yield* one<AccountRow>(`SELECT ${ACCOUNT_COLUMNS} FROM mail_account WHERE id = $1`, [id]);
}

export function* accountAt({ local, domain }: Address): Op<AccountRow | undefined> {
  return yield* one<AccountRow>(`SELECT ${ACCOUNT_COLUMNS} FROM mail_account WHERE domain = $1 AND local = $2`, [
    domain,
    local,
  ]);
}

export interface DomainRow {
  readonly name: string;
  readonly id: number;
  readonly is_default: number;
}

export function* domainRow(name: string): Op<DomainRow | undefined> {
  return yield* one<DomainRow>(`SELECT name, id, is_default FROM domain WHERE name = $1`, [name]);
}

/** The domain of a login without one, or '' before there is any. */
export function* defaultDomain(): Op<string> {
  const row = yield* one<{ name: string }>(`SELECT name FROM domain WHERE name > '' AND is_default = 1 LIMIT 1`);
  return row?.name ?? '';
}

export interface AliasRow {
  readonly id: number;
}

export function* aliasRow({ local, domain }: Address): Op<AliasRow | undefined> {
  return yield* one<AliasRow>(`SELECT id FROM alias WHERE domain = $1 AND local = $2`, [domain, local]);
}

/** What an alias leads to, in order; empty if there is no such alias. */
export function* targetsOf({ local, domain }: Address): Op<string[]> {
  const rows = yield* all<{ address: string }>(
    `SELECT address FROM alias_target WHERE domain = $1 AND local = $2 ORDER BY seq LIMIT ${MAX_ROWS}`,
    [domain, local],
  );
  return rows.map((row) => row.address);
}

/** What is set for an account: values by name, both in order. */
export function* readSettings(owner: string): Op<ReadonlyMap<string, readonly string[]>> {
  const rows = yield* all<{ name: string; value: string }>(
    `SELECT name, value FROM setting WHERE owner = $1 ORDER BY name, value LIMIT ${MAX_ROWS}`,
    [owner],
  );
  const found = new Map<string, string[]>();
  for (const { name, value } of rows) found.set(name, [...(found.get(name) ?? []), value]);
  return found;
}
