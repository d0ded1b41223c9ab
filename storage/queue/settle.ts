// What became of recipients: written once, however often it is told. A message goes with its last recipient.

import { all, type Op, one, run } from '../operation.ts';
import type { AttemptResult, QueueId } from '../ports.ts';
import { add, type Outgoing, refresh } from './add.ts';
import { ATTEMPTS, REPLY_CHARACTERS, TRANSCRIPT_CHARACTERS } from './limits.ts';
import { laneOf } from './rows.ts';
import { noteOutcomes } from './standing.ts';
import { forgetBounces, noteBounce } from './suppression.ts';

export interface Settled {
  /** False if nothing of it was new. */
  readonly applied: boolean;
  /** A large body may have lost its last name. */
  readonly loose: boolean;
}

/** Writes results, and adds the reports about them if any of them was new. `now` in unix ms. */
export function* settle(results: readonly AttemptResult[], reports: readonly Outgoing[], now: number): Op<Settled> {
  // Locks the queue, as every writer does first.
  yield* run(`UPDATE counter SET modseq = modseq + 1 WHERE account = 'queue'`);
  const lanes = new Set<string>();
  const standings = new Map<QueueId, boolean[]>();
  const messages = new Set<QueueId>();
  for (const result of results) {
    const lane = yield* apply(result, now);
    if (lane === undefined) continue;
    lanes.add(lane);
    const { queued, standing } = result;
    if (standing !== undefined) standings.set(queued, [...(standings.get(queued) ?? []), standing === 'taken']);
    if (result.state !== 'waiting') messages.add(result.queued);
  }
  if (lanes.size > 0) for (const report of reports) yield* add(report, now);
  for (const lane of lanes) yield* refresh(lane);
  for (const [id, taken] of standings) {
    const row = yield* one<{ owner: string }>('SELECT owner FROM queued WHERE id = $1', [id]);
    if (row !== undefined && row.owner !== '') yield* noteOutcomes(row.owner, taken, now);
  }
  let loose = false;
  for (const id of messages) loose = (yield* dropIfDone(id)) || loose;
  return { applied: lanes.size > 0, loose };
}

/** One result; the recipient's lane, or undefined if it was told before or the recipient is gone. */
function* apply(result: AttemptResult, now: number): Op<string | undefined> {
  const { queued, seq } = result;
  const reply = result.reply.slice(0, REPLY_CHARACTERS);
  // What an operator holds meanwhile stays held, unless there is nothing left to hold.
  const row = yield* one<{ address: string; domain: string; route: string }>(
    `UPDATE queued_recipient SET
       state = CASE WHEN state = 'held' AND $4 = 'waiting' THEN 'held' ELSE $4 END,
       attempts = attempts + 1, next_attempt = $5, delay_told = $6, status = $7, reply = $8
     WHERE queued = $1 AND seq = $2 AND attempts = $3 AND (state = 'waiting' OR state = 'held')
     RETURNING address, domain, route`,
    [queued, seq, result.attempts, result.state, result.nextAttempt, result.delayTold ? 1 : 0, result.status, reply],
  );
  if (row === undefined) return undefined;
  const transcript = result.transcript.slice(0, TRANSCRIPT_CHARACTERS);
  yield* run(
    `INSERT INTO attempt (queued, seq, number, at, host, tls, status, reply, transcript)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
    [queued, seq, result.attempts + 1, now, result.host, result.tls, result.status, reply, transcript],
  );
  yield* run('DELETE FROM attempt WHERE queued = $1 AND seq = $2 AND number <= $3', [
    queued,
    seq,
    result.attempts + 1 - ATTEMPTS,
  ]);
  if (result.suppressAfter !== undefined) yield* noteBounce(row.address, { after: result.suppressAfter, now, reply });
  else if (result.standing === 'taken') yield* forgetBounces(row.address);
  return laneOf(row);
}

/** Removes a message that nobody waits for any more; true if its body is a file. */
export function* dropIfDone(id: QueueId): Op<boolean> {
  const open = yield* one(
    `SELECT seq FROM queued_recipient WHERE queued = $1 AND (state = 'waiting' OR state = 'held') LIMIT 1`,
    [id],
  );
  if (open !== undefined) return false;
  const [row] = yield* all<{ size: number; blob: string }>('SELECT size, blob FROM queued WHERE id = $1', [id]);
  if (row === undefined) return false;
  yield* run('DELETE FROM attempt WHERE queued = $1', [id]);
  yield* run('DELETE FROM queued_recipient WHERE queued = $1', [id]);
  yield* run('DELETE FROM queued WHERE id = $1', [id]);
  yield* run(`UPDATE counter SET messages = messages - 1, bytes = bytes - $1 WHERE account = 'queue'`, [row.size]);
  return row.blob !== '';
}
