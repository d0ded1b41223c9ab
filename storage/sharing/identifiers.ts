// Whom an entry of an access control list names: how it is written, and how it is kept.

import { formatAddress, parseAddress } from '../directory/addresses.ts';
import { accountAt, accountById } from '../directory/rows.ts';
import { StoreError } from '../errors.ts';
import type { Op } from '../operation.ts';
import { groupAt, groupById } from './groups.ts';
import { IDENTIFIER_CHARS } from './limits.ts';

/** Whom an entry means, as it is kept: by what is never given to another. */
export interface Subject {
  readonly kind: 'account' | 'group' | 'anyone';
  /** An account's id, a group's number, or ''. */
  readonly subject: string;
}

const GROUP = 'group:';

/** The identifier behind its `-`, and whether it had one. */
export function splitNegative(identifier: string): { readonly name: string; readonly negative: boolean } {
  const negative = identifier.startsWith('-');
  return { name: negative ? identifier.slice(1) : identifier, negative };
}

/** Whom a name means. Errors: invalid, not-found. */
export function* subjectOf(name: string): Op<Subject> {
  if (name.length > IDENTIFIER_CHARS) throw new StoreError('invalid', 'an identifier that is too long');
  const lower = name.toLowerCase();
  if (lower === 'anyone') return { kind: 'anyone', subject: '' };
  const isGroup = lower.startsWith(GROUP);
  const address = parseAddress(isGroup ? name.slice(GROUP.length) : name);
  if (address === undefined) throw new StoreError('invalid', `${JSON.stringify(name)} is no identifier`);
  if (isGroup) {
    const group = yield* groupAt(address);
    if (group === undefined) throw new StoreError('not-found', `no group ${formatAddress(address)}`);
    return { kind: 'group', subject: String(group.id) };
  }
  const account = yield* accountAt(address);
  if (account === undefined) throw new StoreError('not-found', `no account ${formatAddress(address)}`);
  return { kind: 'account', subject: account.id };
}

/** How a subject is written; undefined if it is gone. */
export function* nameOf({ kind, subject }: Subject): Op<string | undefined> {
  if (kind === 'anyone') return 'anyone';
  const row = kind === 'group' ? yield* groupById(Number(subject)) : yield* accountById(subject);
  if (row === undefined) return undefined;
  return (kind === 'group' ? GROUP : '') + formatAddress(row);
}
