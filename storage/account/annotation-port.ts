// What people have noted on messages (RFC 5257, F118): by entry, for themselves or for all who read them. A note is the
// message's: it is on all its copies, moves with it, and goes when the last of them is gone for good.

import type { AccountId, MailboxId, Uid, UidSet } from '../ports.ts';

export interface Annotation {
  /** In lower case: `/comment`. */
  readonly name: string;
  /** For all who read the message, or for one. */
  readonly shared: boolean;
  readonly value: string;
}

/** null takes it away. */
export type AnnotationChange = Omit<Annotation, 'value'> & { readonly value: string | null };

export interface MessageAnnotation extends Annotation {
  readonly uid: Uid;
}

/** A part of MailAccount. */
export interface Annotations {
  /** What is noted on messages for all and for `reader`, in UID order, a page at a time; all of one message together. */
  annotations(mailbox: MailboxId, uids: UidSet, reader: AccountId): AsyncIterable<MessageAnnotation[]>;
  /**
   * Makes these changes to each message; `unchangedSince`: those changed later are left alone and returned in `modified`.
   * What is on them gets the change's modseq, in every mailbox. Errors: not-found, limit.
   */
  annotate(
    mailbox: MailboxId,
    uids: UidSet,
    changes: readonly AnnotationChange[],
    options: { reader: AccountId; unchangedSince?: number },
  ): Promise<{ readonly modified: readonly Uid[] }>;
}
