// Reading placements: a page is one short read transaction over as many UID ranges as fit into it.

import { lookAtHeader } from '../blobs/content.ts';
import type { Packer } from '../blobs/packer.ts';
import { trustedModseq } from '../changes/feed.ts';
import { StoreError } from '../errors.ts';
import { all, type Op, one } from '../operation.ts';
import type { Listed, ListingColumn, MessageBody, MessageContent, OfHeader, Placement, UidRange } from '../ports.ts';
import { CONTENT_PAGE_ROWS, HEADER_PAGE_ROWS, PAGE_ROWS, RANGES, WALK_ROWS } from './limits.ts';
import { checkSettled } from './owed-flags.ts';
import { BODY, HEADER } from './single-instance.ts';
import { after, bounded } from './uid-sets.ts';

/** A page, and the ranges that are still to be read. */
export interface Page<R> {
  readonly rows: R[];
  readonly rest: readonly UidRange[];
}

// A text costs more to hand over than all the numbers of a row, and most messages have no keywords: null, until the row
// is in memory.
const COLUMNS = `uid, message, item, size, flags, nullif(keywords, '') AS keywords, modseq`;

const PLACEMENTS = `SELECT ${COLUMNS} FROM placement
  WHERE account = $1 AND mailbox = $2 AND uid BETWEEN $3 AND $4 ORDER BY uid LIMIT $5`;

const CHANGED = `SELECT ${COLUMNS} FROM placement
  WHERE account = $1 AND mailbox = $2 AND uid BETWEEN $3 AND $4 AND modseq > $5 ORDER BY uid LIMIT $6`;

/** A row as it is handed over. */
type Bare<R> = Omit<R, 'keywords'> & { keywords: string | null };

/** The rows themselves, with their keywords put right. */
function withKeywords<R extends Placement>(rows: Bare<R>[]): R[] {
  for (const row of rows) row.keywords ??= '';
  return rows as R[];
}

/** A page of placements. */
export function* placementsPage(account: string, mailbox: number, uids: readonly UidRange[]): Op<Page<Placement>> {
  yield* checkSettled(account, mailbox);
  const read = function* (range: UidRange, limit: number): Op<Placement[]> {
    return withKeywords(yield* all<Bare<Placement>>(PLACEMENTS, [account, mailbox, range[0], range[1], limit]));
  };
  return yield* page(uids, PAGE_ROWS, read);
}

/** A page of placements with a greater modseq (all, if that one was lost); it looks at a bounded number of rows, so it may be short or empty. */
export function* changedPage(
  account: string,
  mailbox: number,
  uids: readonly UidRange[],
  since: number,
): Op<Page<Placement>> {
  yield* checkSettled(account, mailbox);
  const known = yield* trustedModseq(account, since);
  const rows: Placement[] = [];
  let walk = WALK_ROWS;
  for (const [index, range] of uids.entries()) {
    if (index === RANGES || walk <= 0 || rows.length === PAGE_ROWS) return { rows, rest: uids.slice(index) };
    const last = yield* bounded(account, mailbox, range, walk);
    walk -= last - range[0] + 1;
    const limit = PAGE_ROWS - rows.length;
    const found = withKeywords(yield* all<Bare<Placement>>(CHANGED, [account, mailbox, range[0], last, known, limit]));
    for (const row of found) rows.push(row);
    const done = found.length === limit ? (found.at(-1)?.uid ?? last) : last;
    if (done < range[1]) return { rows, rest: after(uids.slice(index), done) };
  }
  return { rows, rest: [] };
}

/** A row as the statement gives it. */
interface StoredRow {
  readonly uid: number;
  keywords?: string | null;
  prefix?: Uint8Array | null | undefined;
  header?: Uint8Array | null;
  /** What makes the message's content, and then that. */
  readonly contentOf?: number;
  readonly contentSize?: number;
  /** Null if the body is here. */
  readonly contentBlob?: string | null;
  contentPrefix?: Uint8Array | null | undefined;
  contentHeader?: Uint8Array | null | undefined;
  contentBody?: Uint8Array | null | undefined;
  content?: MessageContent;
  /** The packed body, and then what reads it. */
  body?: Uint8Array | MessageBody | null;
}

/** How a listing reads headers and contents. */
interface Bytes {
  readonly packer: Packer;
  readonly ofHeader: OfHeader;
  readonly content: (message: number, row: ContentRow) => MessageContent;
  readonly body: (packed: Uint8Array | null) => MessageBody;
}

/** What a listing reads. */
export interface Listing<C extends ListingColumn> {
  readonly account: string;
  readonly mailbox: number;
  readonly columns: ReadonlySet<C>;
  readonly sql: string;
  readonly bytes: Bytes;
}

/** Where each column lies: p is the placement, m its message, c the message's content. */
const SOURCES: Readonly<Record<ListingColumn, string>> = {
  message: 'p.message',
  item: 'p.item',
  flags: 'p.flags',
  keywords: `nullif(p.keywords, '') AS keywords`,
  modseq: 'p.modseq',
  size: 'p.size',
  received: 'p.received',
  receivedOffset: 'm.received_offset AS "receivedOffset"',
  sent: 'm.sent',
  thread: 'p.thread',
  saved: 'p.saved',
  traits: 'm.traits',
  messageId: 'm.message_id_hash AS "messageId"',
  ancestors: 'm.ancestors',
  envelope: 'm.envelope',
  structure: 'm.structure',
  preview: 'm.preview',
  header: `${HEADER} AS header, CASE WHEN length(c.prefix) > 0 THEN c.prefix END AS prefix`,
  // Only a large body's message is looked at.
  content: `p.message AS "contentOf", p.size AS "contentSize", c.prefix AS "contentPrefix", ${HEADER} AS "contentHeader",
    ${BODY} AS "contentBody", CASE WHEN c.body IS NULL AND c.source IS NULL THEN
      (SELECT blob FROM message WHERE account = p.account AND id = p.message) END AS "contentBlob"`,
  body: `${BODY} AS body`,
};

/** A listing with its statement: each value costs, and each table that is joined costs more. */
export function listingOf<C extends ListingColumn>(place: {
  readonly account: string;
  readonly mailbox: number;
  readonly columns: readonly C[];
  readonly ofHeader: OfHeader | undefined;
  readonly packer: Packer;
  readonly content: Bytes['content'];
  readonly body: Bytes['body'];
}): Listing<C> {
  const { account, mailbox, packer, ofHeader = whole, content, body } = place;
  const columns: ReadonlySet<C> = new Set(place.columns);
  const chosen: ReadonlySet<ListingColumn> = columns;
  let sources = '';
  let joinsMessage = false;
  for (const column of columns) {
    sources += `, ${SOURCES[column]}`;
    joinsMessage ||= SOURCES[column].startsWith('m.');
  }
  const joinsContent = chosen.has('header') || chosen.has('content') || chosen.has('body');
  const sql = `SELECT p.uid${sources} FROM placement p
    ${joinsMessage ? 'JOIN message m ON m.account = p.account AND m.id = p.message' : ''}
    ${joinsContent ? 'LEFT JOIN content c ON c.account = p.account AND c.message = p.message' : ''}
    WHERE p.account = $1 AND p.mailbox = $2 AND p.uid BETWEEN $3 AND $4 ORDER BY p.uid LIMIT $5`;
  return { account, mailbox, columns, sql, bytes: { packer, ofHeader, content, body } };
}

/** A page of a listing. */
export function* listingPage<C extends ListingColumn>(
  listing: Listing<C>,
  uids: readonly UidRange[],
): Op<Page<Listed<C>>> {
  const { account, mailbox, sql, bytes } = listing;
  const columns: ReadonlySet<ListingColumn> = listing.columns;
  const [header, content, keywords] = [columns.has('header'), columns.has('content'), columns.has('keywords')];
  const body = columns.has('body');
  if (columns.has('flags') || columns.has('modseq')) yield* checkSettled(account, mailbox);
  const read = function* (range: UidRange, limit: number): Op<StoredRow[]> {
    const rows = yield* all<StoredRow>(sql, [account, mailbox, range[0], range[1], limit]);
    if (keywords) for (const row of rows) row.keywords ??= '';
    if (header) for (const row of rows) unpackHeader(row, bytes);
    if (body) for (const row of rows) row.body = bytes.body(row.body instanceof Uint8Array ? row.body : null);
    if (content) for (const row of rows) makeContent(row, bytes);
    return rows;
  };
  const size = content || body ? CONTENT_PAGE_ROWS : header ? HEADER_PAGE_ROWS : PAGE_ROWS;
  const { rows, rest } = yield* page(uids, size, read);
  return { rows: rows as unknown as Listed<C>[], rest };
}

const NO_BYTES = new Uint8Array(0);

/** The whole header. */
function whole(header: Uint8Array): Uint8Array {
  return header.slice();
}

/** Decompresses the row's header, behind what was put in front of it; in place, since rows are many. */
function unpackHeader(row: StoredRow, { packer, ofHeader }: Bytes): void {
  const { prefix, header } = row;
  row.prefix = undefined;
  if (header === null || header === undefined) {
    row.header = NO_BYTES;
    return;
  }
  const of =
    prefix === null || prefix === undefined
      ? ofHeader
      : (block: Uint8Array) => ofHeader(Buffer.concat([prefix, block]));
  try {
    row.header = lookAtHeader(packer, header, of);
  } catch (error) {
    // One damaged message takes no other out of a list; whoever reads the row says so.
    if (!(error instanceof StoreError)) throw error;
    row.header = null;
  }
}

/** Puts a row's content in place of what makes it; in place, as headers. */
function makeContent(row: StoredRow, bytes: Bytes): void {
  row.content = bytes.content(row.contentOf ?? 0, {
    size: row.contentSize ?? 0,
    blob: row.contentBlob ?? '',
    prefix: row.contentPrefix ?? null,
    header: row.contentHeader ?? null,
    body: row.contentBody ?? null,
  });
  row.contentPrefix = row.contentHeader = row.contentBody = undefined;
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
    `SELECT m.size, m.blob, c.prefix, ${HEADER} AS header, ${BODY} AS body FROM message m
     LEFT JOIN content c ON c.account = m.account AND c.message = m.id WHERE m.account = $1 AND m.id = $2`,
    [account, message],
  );
}
