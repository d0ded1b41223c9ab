// The sweeper's operations: expunged messages whose time has come, threads that nothing is left of. Steps of bounded
// size for the maintenance thread; none is seen by a client, so none raises the modseq.

import { all, type Op, one, run } from '../operation.ts';
import { SWEEP_ROWS } from './limits.ts';
import { deleteContent } from './single-instance.ts';
import { begin } from './unit.ts';

interface DueRow {
  readonly item: number;
  readonly mailbox: number;
  readonly uid: number;
  readonly message: number;
}

export interface SweepStep {
  /** Messages that are gone for good. */
  readonly messages: number;
  /** Whether some of them may have left a blob that nothing names any more. */
  readonly blobs: boolean;
  readonly more: boolean;
}

/** Takes the next expunged placements that are due and not held, and the messages that nothing names any more. */
export function* sweepExpunged(account: string, now: number): Op<SweepStep> {
  yield* begin(account);
  const due = yield* all<DueRow>(
    `SELECT item, mailbox, uid, message FROM expunged WHERE account = $1 AND retain_until <= $2 AND hold = 0
     ORDER BY retain_until LIMIT ${SWEEP_ROWS}`,
    [account, now],
  );
  for (const row of due) {
    yield* run(`DELETE FROM expunged WHERE account = $1 AND item = $2 AND mailbox = $3 AND uid = $4`, [
      account,
      row.item,
      row.mailbox,
      row.uid,
    ]);
  }
  let messages = 0;
  let blobs = false;
  for (const message of new Set(due.map((row) => row.message))) {
    const row = yield* one<{ blob: string; thread: number }>(
      `SELECT blob, thread FROM message WHERE account = $1 AND id = $2`,
      [account, message],
    );
    if (row === undefined || (yield* isNamed(account, row.thread, message))) continue;
    blobs ||= row.blob !== '';
    messages += 1;
    yield* deleteContent(account, message);
    yield* run(`DELETE FROM annotation WHERE account = $1 AND message = $2`, [account, message]);
    yield* run(`DELETE FROM message WHERE account = $1 AND id = $2`, [account, message]);
  }
  return { messages, blobs, more: due.length === SWEEP_ROWS };
}

/** Which of these blobs a message of the account still names. */
export function* referencedBlobs(account: string, names: readonly string[]): Op<Set<string>> {
  const referenced = new Set<string>();
  for (const name of names) {
    const row = yield* one(`SELECT id FROM message WHERE account = $1 AND blob = $2 AND blob <> '' LIMIT 1`, [
      account,
      name,
    ]);
    if (row !== undefined) referenced.add(name);
  }
  return referenced;
}

/**
 * Forgets the Message-IDs of threads that have no message left, a page after the hash `after`; where to go on, or
 * undefined at the end.
 */
export function* sweepReferences(account: string, after: number): Op<number | undefined> {
  yield* begin(account);
  const rows = yield* all<{ hash: number; live: number }>(
    `SELECT r.hash, CASE WHEN EXISTS (SELECT 1 FROM placement p WHERE p.account = r.account AND p.thread = r.thread)
         OR EXISTS (SELECT 1 FROM expunged e WHERE e.account = r.account AND e.thread = r.thread)
       THEN 1 ELSE 0 END AS live
     FROM reference r WHERE r.account = $1 AND r.hash > $2 ORDER BY r.hash LIMIT ${SWEEP_ROWS}`,
    [account, after],
  );
  for (const row of rows) {
    if (row.live === 0) yield* run(`DELETE FROM reference WHERE account = $1 AND hash = $2`, [account, row.hash]);
  }
  return rows.length === SWEEP_ROWS ? rows.at(-1)?.hash : undefined;
}

function* isNamed(account: string, thread: number, message: number): Op<boolean> {
  for (const table of ['placement', 'expunged']) {
    const sql = `SELECT uid FROM ${table} WHERE account = $1 AND thread = $2 AND message = $3 LIMIT 1`;
    if ((yield* one(sql, [account, thread, message])) !== undefined) return true;
  }
  return false;
}
