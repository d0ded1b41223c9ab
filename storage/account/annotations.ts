// Annotations of messages: rows by message, so that a copy has them too and a move takes them along. A change is told as
// one of the message's placements.

import { trustedModseq } from '../changes/feed.ts';
import { log } from '../changes/log.ts';
import { StoreError } from '../errors.ts';
import { all, type Op, one, run } from '../operation.ts';
import type { UidRange, UidSet } from '../ports.ts';
import type { AnnotationChange, MessageAnnotation } from './annotation-port.ts';
import { ANNOTATED_ROWS, ANNOTATIONS, PAGE_ROWS } from './limits.ts';
import type { Page } from './listing.ts';
import { touchMailbox } from './mailbox-row.ts';
import { theSettledMailbox } from './owed-flags.ts';
import { after, clip } from './uid-sets.ts';
import { begin, finish, type Unit } from './unit.ts';

/** Whose a note is that all see. */
const ALL_READERS = '';

interface Place {
  readonly account: string;
  readonly mailbox: number;
  readonly reader: string;
}

/** What is noted on the messages of a set, for all and for one reader. */
export function* annotationsPage({ account, mailbox, reader }: Place, uids: UidSet): Op<Page<MessageAnnotation>> {
  const [range] = uids;
  if (range === undefined) return { rows: [], rest: [] };
  const found = yield* all<{ uid: number; name: string; reader: string; value: string }>(
    `SELECT p.uid, a.name, a.reader, a.value FROM placement p
     JOIN annotation a ON a.account = p.account AND a.message = p.message AND a.reader IN ('${ALL_READERS}', $5)
     WHERE p.account = $1 AND p.mailbox = $2 AND p.uid BETWEEN $3 AND $4
     ORDER BY p.uid, a.reader, a.name LIMIT ${PAGE_ROWS}`,
    [account, mailbox, range[0], range[1], reader],
  );
  const rows = found.map((row) => ({
    ...{ uid: row.uid, name: row.name, value: row.value },
    shared: row.reader === ALL_READERS,
  }));
  if (found.length < PAGE_ROWS) return { rows, rest: uids.slice(1) };
  // The last message may have more; one alone has never so many.
  const last = rows.at(-1)?.uid ?? 0;
  return { rows: rows.filter(({ uid }) => uid < last), rest: after(uids, last - 1) };
}

export interface AnnotateJob extends Place {
  readonly uids: UidSet;
  readonly changes: readonly AnnotationChange[];
  readonly unchangedSince: number | undefined;
}

export interface AnnotateStep {
  readonly modified: readonly number[];
  readonly rest: readonly UidRange[];
}

interface Annotated {
  readonly uid: number;
  readonly message: number;
  readonly thread: number;
  readonly modseq: number;
}

/** The first step of a change; the caller goes on with `rest`. Errors: not-found, limit. */
export function* annotate(job: AnnotateJob): Op<AnnotateStep> {
  const unit = yield* begin(job.account);
  const { unchangedSince } = job;
  const since =
    unchangedSince === undefined ? Number.MAX_SAFE_INTEGER : yield* trustedModseq(job.account, unchangedSince);
  const mailbox = yield* theSettledMailbox(job.account, job.mailbox);
  const uids = clip(job.uids, mailbox.uidnext);
  const [range] = uids;
  if (range === undefined) return { modified: [], rest: [] };
  const rows = yield* all<Annotated>(
    `SELECT uid, message, thread, modseq FROM placement WHERE account = $1 AND mailbox = $2 AND uid BETWEEN $3 AND $4
     ORDER BY uid LIMIT ${ANNOTATED_ROWS}`,
    [job.account, job.mailbox, range[0], range[1]],
  );
  const modified: number[] = [];
  const done = new Set<number>();
  const touched = new Set<number>();
  for (const row of rows) {
    // Two copies in the mailbox are one message.
    if (done.has(row.message)) continue;
    if (row.modseq > since) {
      modified.push(row.uid);
      continue;
    }
    done.add(row.message);
    if (!(yield* change(unit, row.message, job))) continue;
    for (const other of yield* touch(unit, row, job)) touched.add(other);
  }
  for (const id of touched) yield* touchMailbox(unit, id, { total: 0, unseen: 0, bytes: 0, uids: 0 });
  yield* finish(unit);
  const rest = rows.length < ANNOTATED_ROWS ? uids.slice(1) : after(uids, rows.at(-1)?.uid ?? range[1]);
  return { modified, rest };
}

/** What stands on a new message. */
export function* insertAnnotations(
  unit: Unit,
  message: number,
  noted: { readonly reader: string; readonly changes: readonly AnnotationChange[] },
): Op<void> {
  yield* change(unit, message, noted);
}

/** True if anything is other than it was. */
function* change(
  unit: Unit,
  message: number,
  { reader, changes }: { readonly reader: string; readonly changes: readonly AnnotationChange[] },
): Op<boolean> {
  let changed = 0;
  for (const { name, shared, value } of changes) {
    const key = [unit.account, message, shared ? ALL_READERS : reader, name];
    changed +=
      value === null
        ? yield* run(`DELETE FROM annotation WHERE account = $1 AND message = $2 AND reader = $3 AND name = $4`, key)
        : yield* run(
            `INSERT INTO annotation (account, message, reader, name, value, modseq) VALUES ($1, $2, $3, $4, $5, $6)
             ON CONFLICT (account, message, reader, name) DO UPDATE SET value = $5, modseq = $6
             WHERE annotation.value <> $5`,
            [...key, value, unit.modseq],
          );
  }
  if (changed === 0) return false;
  for (const owner of new Set(changes.map(({ shared }) => (shared ? ALL_READERS : reader)))) {
    const row = yield* one<{ n: number }>(
      `SELECT count(*) AS n FROM annotation WHERE account = $1 AND message = $2 AND reader = $3`,
      [unit.account, message, owner],
    );
    if ((row?.n ?? 0) > ANNOTATIONS) throw new StoreError('limit', `more than ${ANNOTATIONS} annotations`);
  }
  return true;
}

/** Every placement of the message has changed; the mailboxes that they are in. */
function* touch(
  unit: Unit,
  { message, thread }: Annotated,
  { changes, reader: who }: Pick<AnnotateJob, 'changes' | 'reader'>,
): Op<readonly number[]> {
  const { account, modseq } = unit;
  const places = yield* all<{ mailbox: number; uid: number }>(
    `SELECT mailbox, uid FROM placement WHERE account = $1 AND thread = $2 AND message = $3
     ORDER BY mailbox, uid LIMIT ${PAGE_ROWS}`,
    [account, thread, message],
  );
  const name = [...new Set(changes.map((one) => one.name))].join(' ');
  // What somebody notes for himself is told to him.
  const reader = changes.some(({ shared }) => shared) ? '' : who;
  for (const { mailbox, uid } of places) {
    yield* run(`UPDATE placement SET modseq = $4 WHERE account = $1 AND mailbox = $2 AND uid = $3`, [
      ...[account, mailbox, uid],
      modseq,
    ]);
    yield* log(unit, 'mail', { kind: 'set', reason: 'annotation', collection: mailbox, uid, name, reader });
  }
  return places.map(({ mailbox }) => mailbox);
}
