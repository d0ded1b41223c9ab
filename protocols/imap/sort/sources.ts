// The criteria of SORT (RFC 5256 3, RFC 5957 4): which stored columns each is made of, and how.

import { collationKey } from '#storage/message/casemap.ts';
import { decodeWords } from '#storage/message/words.ts';
import type { ListingColumn, ListingRow } from '#storage/ports.ts';
import { baseSubject } from './base-subject.ts';
import { displayOf, Field, mailboxOf, subjectOf } from './envelope-fields.ts';

export type NumberName = 'arrival' | 'date' | 'size';
export type TextName = 'subject' | 'from' | 'to' | 'cc' | 'displayfrom' | 'displayto';

/** A criterion that is a number. */
export interface NumberSource {
  readonly columns: readonly ListingColumn[];
  of(row: ListingRow): number;
}

export const NUMBERS: Readonly<Record<NumberName, NumberSource>> = {
  arrival: { columns: ['received'], of: (row) => row.received },
  // RFC 5256 2.2: without a date that can be read, INTERNALDATE.
  date: { columns: ['sent', 'received'], of: (row) => row.sent ?? row.received },
  size: { columns: ['size'], of: (row) => row.size },
};

/** A text and a mark on it: of a subject, that it is a reply's or a forward's. */
export interface Marked {
  readonly text: string;
  readonly mark: boolean;
}

/** A criterion that is a text: what of ENVELOPE it is made of, and how, which many messages share. */
export interface TextSource {
  raw(envelope: string): string;
  of(raw: string): Marked;
}

/** Criteria that are texts are made of ENVELOPE, and compared by the collation. */
export const TEXTS: Readonly<Record<TextName, TextSource>> = {
  subject: {
    raw: subjectOf,
    of: (raw) => {
      const { base, reply } = baseSubject(decodeWords(raw));
      return { text: collationKey(base), mark: reply };
    },
  },
  from: { raw: (envelope) => mailboxOf(envelope, Field.from), of: decoded },
  to: { raw: (envelope) => mailboxOf(envelope, Field.to), of: decoded },
  cc: { raw: (envelope) => mailboxOf(envelope, Field.cc), of: decoded },
  displayfrom: { raw: (envelope) => displayOf(envelope, Field.from), of: unmarked },
  displayto: { raw: (envelope) => displayOf(envelope, Field.to), of: unmarked },
};

function decoded(raw: string): Marked {
  return unmarked(decodeWords(raw));
}

function unmarked(text: string): Marked {
  return { text: collationKey(text), mark: false };
}
