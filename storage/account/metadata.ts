// Annotations of mailboxes and of the account (RFC 5464). A tag's colour (F119) is an annotation of the account by name,
// and is kept with the keyword.

import { log } from '../changes/log.ts';
import { StoreError } from '../errors.ts';
import { all, type Op, one, run } from '../operation.ts';
import { keywordIds } from './keywords.ts';
import { KEYWORDS, METADATA_ENTRIES } from './limits.ts';
import { theMailbox } from './mailbox-row.ts';
import { begin, finish, type Unit } from './unit.ts';

/** What the annotations of the account itself are kept under. */
export const OF_ACCOUNT = 0;

const TAGS = '/private/vendor/posthuis/tags/';
const COLOUR = /^\/private\/vendor\/posthuis\/tags\/([^/]+)\/color$/;

/** The annotations of a mailbox, or of the account. Errors: not-found. */
export function* readMetadata(account: string, mailbox: number): Op<Map<string, Uint8Array>> {
  if (mailbox !== OF_ACCOUNT) yield* theMailbox(account, mailbox);
  const rows = yield* all<{ name: string; value: Uint8Array }>(
    `SELECT name, value FROM metadata WHERE account = $1 AND mailbox = $2 ORDER BY name LIMIT ${METADATA_ENTRIES}`,
    [account, mailbox],
  );
  const found = new Map(rows.map(({ name, value }) => [name, value]));
  if (mailbox !== OF_ACCOUNT) return found;
  const tags = yield* all<{ name: string; colour: string }>(
    `SELECT name, colour FROM keyword WHERE account = $1 AND id > 0 ORDER BY id LIMIT ${KEYWORDS}`,
    [account],
  );
  for (const { name, colour } of tags) {
    if (colour !== '' && !name.includes('/'))
      found.set(`${TAGS}${name.toLowerCase()}/color`, Buffer.from(colour, 'utf8'));
  }
  return found;
}

export interface MetadataJob {
  readonly account: string;
  readonly mailbox: number;
  /** Names in lower case; null takes one away. */
  readonly entries: readonly (readonly [name: string, value: Uint8Array | null])[];
}

/** Sets all of them, or none. Errors: not-found, limit, invalid. */
export function* writeMetadata({ account, mailbox, entries }: MetadataJob): Op<void> {
  const unit = yield* begin(account);
  if (mailbox !== OF_ACCOUNT) yield* theMailbox(account, mailbox);
  for (const [name, value] of entries) {
    const tag = mailbox === OF_ACCOUNT ? COLOUR.exec(name)?.[1] : undefined;
    if (tag !== undefined) yield* setColour(unit, tag, Buffer.from(value ?? []).toString('utf8'));
    else yield* put(account, mailbox, name, value);
  }
  const row = yield* one<{ n: number }>(`SELECT count(*) AS n FROM metadata WHERE account = $1 AND mailbox = $2`, [
    account,
    mailbox,
  ]);
  if ((row?.n ?? 0) > METADATA_ENTRIES) throw new StoreError('limit', `more than ${METADATA_ENTRIES} annotations`);
  // What has no path is the server's own.
  const names = entries.map(([name]) => name).filter((name) => name.startsWith('/'));
  if (names.length > 0) {
    yield* log(unit, 'mail', {
      kind: 'set',
      reason: 'metadata',
      collection: mailbox,
      object: mailbox,
      name: names.join('\n'),
    });
  }
  yield* finish(unit);
}

function* put(account: string, mailbox: number, name: string, value: Uint8Array | null): Op<void> {
  if (value === null) {
    yield* run(`DELETE FROM metadata WHERE account = $1 AND mailbox = $2 AND name = $3`, [account, mailbox, name]);
    return;
  }
  yield* run(
    `INSERT INTO metadata (account, mailbox, name, value) VALUES ($1, $2, $3, $4)
     ON CONFLICT (account, mailbox, name) DO UPDATE SET value = $4`,
    [account, mailbox, name, value],
  );
}

function* setColour(unit: Unit, tag: string, colour: string): Op<void> {
  const [id = 0] = yield* keywordIds(unit, [tag]);
  yield* run(`UPDATE keyword SET colour = $3 WHERE account = $1 AND id = $2`, [unit.account, id, colour]);
}
