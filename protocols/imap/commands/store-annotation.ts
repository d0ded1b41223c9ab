// STORE and UID STORE of ANNOTATION (RFC 5257 4.3). The client knows what it has set; others are told which entries.

import type { AnnotationChange } from '#storage/account/annotation-port.ts';
import { StoreError } from '#storage/errors.ts';
import { Refusal } from '../grammar/errors.ts';
import { formatSet } from '../grammar/sequence-set.ts';
import { readerOf } from '../reader.ts';
import type { Session } from '../session.ts';
import { spanRanges } from '../view/uid-ranges.ts';
import type { Member } from '../view/view.ts';
import type { Reply } from './verb.ts';

export interface AnnotationOptions {
  readonly byUid: boolean;
  /** UNCHANGEDSINCE */
  readonly since: number | undefined;
}

export async function storeAnnotations(
  session: Session,
  members: readonly Member[],
  changes: readonly AnnotationChange[],
  { byUid, since }: AnnotationOptions,
): Promise<Reply | undefined> {
  const { current, connection } = session;
  const { view, mailbox, account } = current;
  if (changes.some(({ shared }) => shared)) session.demand('annotate');
  const untold = current.untold();
  const options = { reader: readerOf(session), ...(since !== undefined && { unchangedSince: since }) };
  const { modified } = await account.mail
    .annotate(mailbox.id, spanRanges(view, members), changes, options)
    .catch(annotationRefusal);
  await account.catchUp();
  const failed = new Set(modified);
  const numbers: number[] = [];
  for (const member of members) {
    if (failed.has(view.rows.uid(member.slot))) numbers.push(member.seq);
    else if (untold.has(member.slot)) continue;
    else if (session.enabled.has('CONDSTORE')) current.tellModseq(connection.out, member);
    else current.markTold(member.slot);
  }
  if (failed.size === 0) return undefined;
  return { code: `MODIFIED ${formatSet(byUid ? modified : numbers)}`, text: 'Some were changed by others' };
}

/** RFC 5257 5: as many as there may be. */
function annotationRefusal(error: unknown): never {
  if (error instanceof StoreError && error.code === 'limit') throw new Refusal('ANNOTATE TOOMANY', 'Too many');
  throw error;
}
