// The criteria of SORT (RFC 5256 3, RFC 5957 4): which stored columns each is made of, and how.

import { collationKey } from '#storage/message/casemap.ts';
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

/** Criteria that are texts are made of ENVELOPE, and compared by the collation. */
export const TEXTS: Readonly<Record<TextName, (envelope: string) => Marked>> = {
  subject: (envelope) => {
    const { base, reply } = baseSubject(subjectOf(envelope));
    return { text: collationKey(base), mark: reply };
  },
  from: (envelope) => unmarked(mailboxOf(envelope, Field.from)),
  to: (envelope) => unmarked(mailboxOf(envelope, Field.to)),
  cc: (envelope) => unmarked(mailboxOf(envelope, Field.cc)),
  displayfrom: (envelope) => unmarked(displayOf(envelope, Field.from)),
  displayto: (envelope) => unmarked(displayOf(envelope, Field.to)),
};

function unmarked(text: string): Marked {
  return { text: collationKey(text), mark: false };
}
