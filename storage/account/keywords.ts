// Keywords: an id and a spelling each, per account; matched without case, never reused. Rows hold ids.

import { StoreError } from '../errors.ts';
import { all, type Op, one, run } from '../operation.ts';
import type { Keyword } from '../ports.ts';
import { KEYWORD_LENGTH, KEYWORDS, KEYWORDS_PER_MESSAGE } from './limits.ts';
import { takeId, type Unit } from './unit.ts';

interface KeywordRow {
  readonly id: number;
  readonly name: string;
}

/** What IMAP and JMAP both can say: RFC 9051's atom, without `]` (RFC 8621 4.1.1). */
const FORM = /^[!#$&'+,\-./0-9:;<=>?@A-Z[^_`a-z|}~]+$/;

/** All keywords of an account by id. */
export function* readKeywords(account: string): Op<Map<number, Keyword>> {
  const rows = yield* all<KeywordRow>(
    `SELECT id, name FROM keyword WHERE account = $1 AND id > 0 ORDER BY id LIMIT ${KEYWORDS}`,
    [account],
  );
  return new Map(rows.map((row) => [row.id, row.name]));
}

/** The ids of keywords, ascending; those not known yet are made. Errors: invalid, limit. */
export function* keywordIds(unit: Unit, names: readonly Keyword[]): Op<number[]> {
  const ids = new Set<number>();
  for (const name of names) {
    const known = yield* keywordId(unit.account, name);
    ids.add(known ?? (yield* addKeyword(unit, name)));
  }
  return [...ids].sort((a, b) => a - b);
}

/** The ids of those keywords that are known, ascending: for taking them away. */
export function* knownKeywordIds(account: string, names: readonly Keyword[]): Op<number[]> {
  const ids = new Set<number>();
  for (const name of names) {
    const known = yield* keywordId(account, name);
    if (known !== undefined) ids.add(known);
  }
  return [...ids].sort((a, b) => a - b);
}

/** A row's keywords. Errors: limit. */
export function formatKeywords(ids: readonly number[]): string {
  if (ids.length > KEYWORDS_PER_MESSAGE) throw new StoreError('limit', `more than ${KEYWORDS_PER_MESSAGE} keywords`);
  return ids.join(' ');
}

/** The ids in a row's keywords. */
export function parseKeywords(text: string): number[] {
  return text === '' ? [] : text.split(' ').map(Number);
}

/** A row's keywords after a change. Errors: limit. */
export function changeKeywords(text: string, action: 'add' | 'remove' | 'replace', ids: readonly number[]): string {
  if (action === 'replace') return formatKeywords(ids);
  if (ids.length === 0) return text;
  const before = parseKeywords(text);
  if (action === 'remove') return before.filter((id) => !ids.includes(id)).join(' ');
  const missing = ids.filter((id) => !before.includes(id));
  return missing.length === 0 ? text : formatKeywords([...before, ...missing].sort((a, b) => a - b));
}

function* keywordId(account: string, name: Keyword): Op<number | undefined> {
  if (name.length > KEYWORD_LENGTH || !FORM.test(name)) throw new StoreError('invalid', 'not a keyword');
  const row = yield* one<{ id: number }>(`SELECT id FROM keyword WHERE account = $1 AND lower(name) = $2`, [
    account,
    name.toLowerCase(),
  ]);
  return row?.id;
}

function* addKeyword(unit: Unit, name: Keyword): Op<number> {
  const row = yield* one<{ n: number }>(`SELECT count(*) AS n FROM keyword WHERE account = $1 AND id > 0`, [
    unit.account,
  ]);
  if ((row?.n ?? 0) >= KEYWORDS) throw new StoreError('limit', `more than ${KEYWORDS} keywords`);
  const id = takeId(unit);
  yield* run(`INSERT INTO keyword (account, id, name, label, colour) VALUES ($1, $2, $3, $3, '')`, [
    unit.account,
    id,
    name,
  ]);
  return id;
}
