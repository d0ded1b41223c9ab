// What a FETCH needs to read for each message: as little as its items allow.

import type { ListingColumn } from '#storage/ports.ts';
import type { AnnotationRequest } from '../grammar/annotation.ts';
import type { FetchItem } from '../grammar/fetch-att.ts';
import { SectionReader } from './section.ts';

/** An item, with its section prepared. */
export type PlannedItem =
  | { readonly kind: Exclude<FetchItem['kind'], 'section' | 'uid' | 'annotation'> }
  | { readonly kind: 'annotation'; readonly request: AnnotationRequest }
  | { readonly kind: 'section'; readonly reader: SectionReader };

export interface FetchPlan {
  /** In the order asked for; UID, which comes first, is apart. */
  readonly items: readonly PlannedItem[];
  readonly uid: boolean;
  /** Columns of a listing, or null when memory is enough. */
  readonly columns: readonly ListingColumn[] | null;
  /** The one section of the message's header, when there is one and no more: a listing then gives it and nothing else. */
  readonly headerSection: SectionReader | null;
  /** Nothing but the message's header is read. */
  readonly headersOnly: boolean;
  /** What is to be told with the UTF-8 of headers, for those who want that; null: nothing. */
  readonly utf8: 'envelope' | 'structure' | null;
  /** What is noted on the messages is needed. */
  readonly annotations: boolean;
  /** The message's bytes are needed. */
  readonly content: boolean;
  /** The one section, when there is one and no more: it can be sent from where it is read. */
  readonly onlySection: SectionReader | null;
  /** Nothing but bytes of the whole message is read. */
  readonly ofBytes: boolean;
  /** Sets \Seen. */
  readonly seen: boolean;
  /** FLAGS is among the items. */
  readonly flags: boolean;
  /** RFC822.SIZE is among the items. */
  readonly size: boolean;
  /** MODSEQ is among the items. */
  readonly modseq: boolean;
  /** Names what its lines say, FLAGS and MODSEQ apart; null if lines are not to be kept (see lines.ts). */
  readonly key: string | null;
  /** Where FLAGS and MODSEQ stand among the items. */
  readonly changing: readonly number[];
}

/** `utf8`: the client takes UTF-8 in quoted strings (RFC 9755 3). */
export function planFetch(items: readonly FetchItem[], byUid: boolean, utf8: boolean): FetchPlan {
  const planned = items.flatMap(({ ...item }): PlannedItem[] => {
    if (item.kind === 'uid') return [];
    if (item.kind === 'section') return [{ kind: 'section', reader: new SectionReader(item) }];
    return [item.kind === 'annotation' ? item : { kind: item.kind }];
  });
  const has = (kind: FetchItem['kind']) => items.some((item) => item.kind === kind);
  const readers = planned.flatMap((item) => (item.kind === 'section' ? [item.reader] : []));
  const content = readers.some((reader) => !reader.ofHeader);
  const columns: ListingColumn[] = [];
  if (has('envelope')) columns.push('envelope');
  const described = has('body') || has('bodystructure');
  const inUtf8 = utf8 && (described || has('envelope'));
  if (inUtf8) columns.push('traits', 'message');
  const parts = readers.some((reader) => !reader.ofHeader && !reader.ofWhole);
  if (described || parts) columns.push('structure');
  const ofHeader = readers.filter((reader) => reader.ofHeader);
  if (ofHeader.length > 0) columns.push('header');
  if (has('internaldate')) columns.push('received', 'receivedOffset');
  if (has('emailid') && !inUtf8) columns.push('message');
  if (has('threadid')) columns.push('thread');
  if (has('savedate')) columns.push('saved');
  if (has('preview')) columns.push('preview');
  if (content) columns.push('content');
  const annotations = has('annotation');
  if (annotations && columns.length === 0) columns.push('message');
  return {
    items: planned,
    uid: byUid || has('uid'),
    columns: columns.length > 0 ? columns : null,
    headerSection: ofHeader.length === 1 ? (ofHeader[0] ?? null) : null,
    headersOnly: ofHeader.length > 0 && columns.length === 1 && !annotations,
    utf8: inUtf8 ? (described ? 'structure' : 'envelope') : null,
    annotations,
    content,
    onlySection: readers.length === 1 ? (readers[0] ?? null) : null,
    ofBytes: readers.length === 1 && readers[0]?.ofBytes === true && columns.length === 1 && !annotations,
    seen: readers.some((reader) => !reader.item.peek),
    flags: has('flags'),
    size: has('size'),
    modseq: has('modseq'),
    key:
      columns.length > 0 && !content && !annotations && readers.every(isKept)
        ? keyOf(planned, byUid || has('uid'), inUtf8)
        : null,
    changing: planned.flatMap((item, at) => (isChanging(item) ? [at] : [])),
  };
}

function isChanging({ kind }: PlannedItem): boolean {
  return kind === 'flags' || kind === 'modseq';
}

/** What sets \Seen is asked for once, and pieces of a header for what they begin with. */
function isKept({ item }: SectionReader): boolean {
  return item.peek && item.partial === null;
}

function keyOf(items: readonly PlannedItem[], uid: boolean, utf8: boolean): string {
  const names = items.map((item) => {
    if (isChanging(item)) return '*';
    return item.kind === 'section' ? item.reader.item.label : item.kind;
  });
  return `${uid ? 'uid ' : ''}${utf8 ? 'utf8 ' : ''}${names.join(' ')}`;
}
