// What is asked of a search index: for texts, the messages that can hold them. It may be behind; it is never wrong.

import type { AccountId, MailboxId, MessageId, UidSet } from '../ports.ts';

/** Header fields of which the index knows by themselves what is in them: those that programs have a search field for. */
export const INDEXED_FIELDS = ['cc', 'from', 'subject', 'to'] as const;
export type IndexedField = (typeof INDEXED_FIELDS)[number];

export function isIndexedField(name: string): name is IndexedField {
  return INDEXED_FIELDS.some((field) => field === name);
}

/** A folded text (message/fold.ts), and where it is looked for. */
export interface TextQuery {
  /** text: header fields and bodies (SEARCH TEXT). body: bodies (BODY). header: any header field. Or one field. */
  readonly where: 'text' | 'body' | 'header' | IndexedField;
  readonly text: string;
  /** One word without case and accents (message/fuzzy.ts), which is found whatever its accents are; not in one field. */
  readonly fuzzy?: boolean;
}

/** What the index knows of one query. Ids ascend. */
export interface TextFinding {
  /** Messages that hold the text for certain. */
  readonly sure: Float64Array;
  /** Messages that may hold it: they must be looked at. */
  readonly maybe: Float64Array;
  /** Of a fuzzy query for text or body: how well. */
  readonly fuzzy?: FuzzyFinding;
}

export interface FuzzyFinding {
  /** How strongly each of the messages in `sure` has the word (message/fuzzy.ts). */
  readonly strengths: Float64Array;
  /** How much it says that a message has the word. */
  readonly rarity: number;
}

export interface TextFindings {
  /** Nothing is said of messages after this one. */
  readonly upTo: MessageId;
  /** For each query, in order; null where the index can't tell. */
  readonly findings: readonly (TextFinding | null)[];
}

/** Texts to look for in messages themselves, folded and not empty: at most LOOK_TEXTS in all. */
export interface LookQuery {
  readonly uids: UidSet;
  /** In header fields and bodies (SEARCH TEXT). */
  readonly texts: readonly string[];
  /** In bodies (BODY). */
  readonly bodies: readonly string[];
}

export const LOOK_TEXTS = 31;

/** What was found; of a message that is not named nothing is said. */
export interface Looked {
  readonly uids: Uint32Array;
  /** Of each of these messages, which texts it has: `bitOf` their places in `texts` and, behind those, in `bodies`. */
  readonly found: Uint32Array;
}

export function bitOf(place: number): number {
  return 1 << place;
}

export interface SearchIndex {
  /** Asks the account's index; null if there is none (yet). Aborted, it rejects with the signal's reason. */
  find(account: AccountId, queries: readonly TextQuery[], signal: AbortSignal): Promise<TextFindings | null>;
  /** Something may be searched soon: what answers is started, if it is not there. */
  expect(): void;
  /** Looks into messages in place of the one that asks; null if nobody does. */
  look(account: AccountId, mailbox: MailboxId, query: LookQuery): Promise<Looked | null>;
}
