// Where mail for an address goes, and who a login name means.

import { all, type Op, one } from '../operation.ts';
import type { Credential, Resolution } from '../ports.ts';
import { type Address, canonicalDomain, canonicalLocal, parseAddress, splitSuffix } from './addresses.ts';
import { ALIAS_DEPTH, FORWARDS, LOGIN_LENGTH, RECIPIENTS } from './limits.ts';
import {
  ACCOUNT_COLUMNS,
  type AccountRow,
  accountAt,
  aliasRow,
  defaultDomain,
  domainRow,
  presentAccount,
  readSettings,
  targetsOf,
} from './rows.ts';

/**
 * Account, alias, +suffix, catch-all, in this order. `postmaster` alone is the default domain's (RFC 5321 4.5.1). Where
 * a domain has no abuse or postmaster of its own, its postmaster and then the default domain's reads that mail.
 */
export function* resolve(text: string): Op<Resolution> {
  const address = parseAddress(text.toLowerCase() === 'postmaster' ? `postmaster@${yield* defaultDomain()}` : text);
  if (address === undefined) return yield* unparsed(text);
  if ((yield* domainRow(address.domain)) === undefined) return { kind: 'foreign' };
  const found: Found = { accounts: new Map(), forwards: new Set(), onwards: new Set() };
  const { suffix, caught } = yield* follow(address, found, new Set(), 0);
  for (const stead of isNobody(found) ? yield* steadsOf(address) : []) {
    if (isNobody(found)) yield* follow(stead, found, new Set(), 0);
  }
  if (isNobody(found)) return { kind: 'unknown' };
  const { accounts, forwards, onwards } = found;
  return {
    ...{ kind: 'local', accounts: [...accounts.values()].map(presentAccount), suffix, caught },
    ...(forwards.size > 0 && { forwards: [...forwards] }),
    ...(onwards.size > 0 && { onwards: [...onwards] }),
  };
}

/** Who reads the mail of a role that every domain has (RFC 5321 4.5.1, RFC 2142), where nobody was named. */
function* steadsOf({ local, domain }: Address): Op<Address[]> {
  if (local !== 'postmaster' && local !== 'abuse') return [];
  return [
    { local: 'postmaster', domain },
    { local: 'postmaster', domain: yield* defaultDomain() },
  ];
}

/** Whom an address leads to. */
interface Found {
  readonly accounts: Map<string, AccountRow>;
  /** Addresses elsewhere. */
  readonly forwards: Set<string>;
  /** Accounts that keep no copy of what they forward. */
  readonly onwards: Set<string>;
}

function isNobody({ accounts, forwards }: Found): boolean {
  return accounts.size === 0 && forwards.size === 0;
}

interface Followed {
  readonly suffix: string;
  /** Only the catch-all was left. */
  readonly caught: boolean;
}

/** An address that nobody can have: unknown in a domain of ours. */
function* unparsed(text: string): Op<Resolution> {
  const domain = canonicalDomain(text.slice(text.lastIndexOf('@') + 1));
  const ours = text.includes('@') && domain !== '' ? yield* domainRow(domain) : undefined;
  return { kind: ours === undefined ? 'foreign' : 'unknown' };
}

/** Adds the accounts that an address leads to; the suffix it was written with. */
function* follow(address: Address, found: Found, seen: Set<string>, depth: number): Op<Followed> {
  const { domain } = address;
  const { base, suffix } = splitSuffix(address.local);
  if (yield* arrive(address, found, seen, depth)) return { suffix: '', caught: false };
  if (base !== address.local && (yield* arrive({ local: base, domain }, found, seen, depth))) {
    return { suffix, caught: false };
  }
  return { suffix, caught: yield* arrive({ local: '', domain }, found, seen, depth) };
}

/** Adds the account of exactly this address, or those of the alias; false if there is neither. */
function* arrive(address: Address, found: Found, seen: Set<string>, depth: number): Op<boolean> {
  const account = address.local === '' ? undefined : yield* accountAt(address);
  if (account !== undefined) {
    if (found.accounts.has(account.id) || found.accounts.size >= RECIPIENTS) return true;
    found.accounts.set(account.id, account);
    const set = yield* readSettings(account.id);
    const forwards = set.get('forward') ?? [];
    if (forwards.length === 0) return true;
    if (set.get('forward-copy')?.[0] === 'no') found.onwards.add(account.id);
    if (depth < ALIAS_DEPTH) for (const text of forwards) yield* goOn(text, found, seen, depth);
    return true;
  }
  if ((yield* aliasRow(address)) === undefined) return false;
  const name = `${address.local}@${address.domain}`;
  // Each alias is followed once, so that circles end, and nests of them cost no more than their number.
  if (seen.has(name) || depth >= ALIAS_DEPTH) return true;
  seen.add(name);
  for (const text of yield* targetsOf(address)) yield* goOn(text, found, seen, depth);
  return true;
}

/** To a target of an alias or a forwarding: here, or elsewhere. */
function* goOn(text: string, found: Found, seen: Set<string>, depth: number): Op<void> {
  const target = parseAddress(text);
  if (target === undefined) return;
  if ((yield* domainRow(target.domain)) !== undefined) yield* follow(target, found, seen, depth + 1);
  else if (found.forwards.size < FORWARDS) found.forwards.add(text);
}

/** A credential whose SCRAM keys are sealed. */
export type StoredCredential = Omit<Credential, 'scram'> & { readonly scram: string | null };

/** `user`, `user@domain`, `DOMAIN\user`, `domain/user`, in any case (F170, F205). Disabled accounts have no login. */
export function* login(name: string): Op<StoredCredential | undefined> {
  if (name.length > LOGIN_LENGTH) return undefined;
  const account = yield* accountOfLogin(name.trim());
  if (account === undefined || account.enabled === 0) return undefined;
  const row = yield* one<{ hash: string; version: number; scram: string | null }>(
    `SELECT p.hash, p.version, s.hash AS scram FROM credential p
     LEFT JOIN credential s ON s.owner = p.owner AND s.kind = 'scram-sha-256' AND s.version = p.version
     WHERE p.owner = $1 AND p.kind = 'password'`,
    [account.id],
  );
  return row === undefined ? undefined : { account: presentAccount(account), ...row };
}

function* accountOfLogin(name: string): Op<AccountRow | undefined> {
  const address = parseAddress(name);
  const exact = address === undefined ? undefined : yield* accountAt(address);
  if (exact !== undefined) return exact;
  const separator = /^([^\\/]*)[\\/](.+)$/s.exec(name);
  if (separator === null) return name.includes('@') ? undefined : yield* accountOfLocal(canonicalLocal(name));
  const [, domain = '', user = ''] = separator;
  // Outlook puts a domain in front of whole addresses too.
  if (user.includes('@')) return yield* accountOfLogin(user);
  return yield* accountInDomain(domain, canonicalLocal(user));
}

/** The default domain's account of this name, else the only one. */
function* accountOfLocal(local: string): Op<AccountRow | undefined> {
  if (local === '') return undefined;
  const first = yield* accountAt({ local, domain: yield* defaultDomain() });
  if (first !== undefined) return first;
  const rows = yield* all<AccountRow>(`SELECT ${ACCOUNT_COLUMNS} FROM mail_account WHERE local = $1 LIMIT 2`, [local]);
  return rows.length === 1 ? rows[0] : undefined;
}

/** The account of this name in a domain, which may be called by its first label as Windows domains are. */
function* accountInDomain(domain: string, local: string): Op<AccountRow | undefined> {
  if (local === '') return undefined;
  const name = canonicalDomain(domain);
  if (name === '') return undefined;
  const exact = yield* accountAt({ local, domain: name });
  if (exact !== undefined || name.includes('.')) return exact;
  const rows = yield* all<AccountRow>(
    `SELECT ${ACCOUNT_COLUMNS} FROM mail_account WHERE local = $1 AND substr(domain, 1, $2) = $3 LIMIT 2`,
    [local, name.length + 1, `${name}.`],
  );
  return rows.length === 1 ? rows[0] : undefined;
}
