// Reading placements: a page is one short read transaction over as many UID ranges as fit into it.

import { trustedModseq } from '../changes/feed.ts';
import { all, type Op, one } from '../operation.ts';
import type { ListingColumns, Placement, UidRange } from '../ports.ts';
import { PAGE_ROWS, RANGES, WALK_ROWS } from './limits.ts';
import { after, bounded } from './uid-sets.ts';

/** A page, and the ranges that are still to be read. */
export interface Page<R> {
  readonly rows: R[];
  readonly rest: readonly UidRange[];
}

const PLACEMENTS = `SELECT uid, message, item, flags, keywords, modseq FROM placement
  WHERE account = $1 AND mailbox = $2 AND uid BETWEEN $3 AND $4 ORDER BY uid LIMIT $5`;

const CHANGED = `SELECT uid, message, item, flags, keywords, modseq FROM placement
  WHERE account = $1 AND mailbox = $2 AND uid BETWEEN $3 AND $4 AND modseq > $5 ORDER BY uid LIMIT $6`;

/** A page of placements. */
export function* placementsPage(account: string, mailbox: number, uids: readonly UidRange[]): Op<Page<Placement>> {
  return yield* page(uids, PAGE_ROWS, (range, limit) => all(PLACEMENTS, [account, mailbox, range[0], range[1], limit]));
}

/** A page of placements with a greater modseq (all, if that one was lost); it looks at a bounded number of rows, so it may be short or empty. */
export function* changedPage(
  account: string,
  mailbox: number,
  uids: readonly UidRange[],
  since: number,
): Op<Page<Placement>> {
  const known = yield* trustedModseq(account, since);
  const rows: Placement[] = [];
  let walk = WALK_ROWS;
  for (const [index, range] of uids.entries()) {
    if (index === RANGES || walk <= 0 || rows.length === PAGE_ROWS) return { rows, rest: uids.slice(index) };
    const last = yield* bounded(account, mailbox, range, walk);
    walk -= last - range[0] + 1;
    const limit = PAGE_ROWS - rows.length;
    const found = yield* all<Placement>(CHANGED, [account, mailbox, range[0], last, known, limit]);
    for (const row of found) rows.push(row);
    const done = found.length === limit ? (found.at(-1)?.uid ?? last) : last;
    if (done < range[1]) return { rows, rest: after(uids.slice(index), done) };
  }
  return { rows, rest: [] };
}

/** A row of a listing as it is read; prefix and header are there only when the header is asked for. */
export interface StoredRow extends Placement {
  readonly size: number;
  readonly received: number;
  readonly receivedOffset: number;
  readonly sent: number | null;
  readonly thread: number;
  readonly saved: number;
  readonly traits: number;
  readonly envelope: string;
  readonly structure: string;
  readonly preview: string;
  readonly prefix: Uint8Array | null;
  /** zstd. */
  readonly header: Uint8Array | null;
}

/** The statement of a listing with these columns: 16 texts at most, each prepared once. */
export function listingSql(columns: ListingColumns): string {
  const text = (wanted: boolean | undefined, name: string) => (wanted === true ? `m.${name}` : `'' AS ${name}`);
  const header = columns.header === true;
  return `SELECT p.uid, p.message, p.item, p.flags, p.keywords, p.modseq, m.size, p.received,
    m.received_offset AS "receivedOffset", m.sent, m.thread, p.saved, m.traits, ${text(columns.envelope, 'envelope')},
    ${text(columns.structure, 'structure')}, ${text(columns.preview, 'preview')},
    ${header ? 'c.prefix, c.header' : 'NULL AS prefix, NULL AS header'}
    FROM placement p JOIN message m ON m.account = p.account AND m.id = p.message
    ${header ? 'LEFT JOIN content c ON c.account = p.account AND c.message = p.message' : ''}
    WHERE p.account = $1 AND p.mailbox = $2 AND p.uid BETWEEN $3 AND $4 ORDER BY p.uid LIMIT $5`;
}

/** A page of a listing; `sql` is made by listingSql. */
export function* listingPage(
  sql: string,
  where: { readonly account: string; readonly mailbox: number; readonly rows: number },
  uids: readonly UidRange[],
): Op<Page<StoredRow>> {
  return yield* page(uids, where.rows, (range, limit) => {
    return all(sql, [where.account, where.mailbox, range[0], range[1], limit]);
  });
}

/** Fills a page from one range after the other. */
function* page<R extends { readonly uid: number }>(
  uids: readonly UidRange[],
  size: number,
  read: (range: UidRange, limit: number) => Op<R[]>,
): Op<Page<R>> {
  let rows: R[] = [];
  for (const [index, range] of uids.entries()) {
    if (index === RANGES || rows.length === size) return { rows, rest: uids.slice(index) };
    const limit = size - rows.length;
    const found = yield* read(range, limit);
    if (rows.length === 0) rows = found;
    else for (const row of found) rows.push(row);
    const last = found.at(-1)?.uid ?? range[1];
    if (found.length === limit && last < range[1]) return { rows, rest: after(uids.slice(index), last) };
  }
  return { rows, rest: [] };
}

export interface ContentRow {
  readonly size: number;
  readonly blob: string;
  readonly prefix: Uint8Array | null;
  readonly header: Uint8Array | null;
  readonly body: Uint8Array | null;
}

/** Where a message's bytes are; undefined if there is no such message. */
export function* contentRow(account: string, message: number): Op<ContentRow | undefined> {
  return yield* one<ContentRow>(
    `SELECT m.size, m.blob, c.prefix, c.header, c.body FROM message m
     LEFT JOIN content c ON c.account = m.account AND c.message = m.id WHERE m.account = $1 AND m.id = $2`,
    [account, message],
  );
}
