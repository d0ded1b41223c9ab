// What an operator does to the queue: looks, holds, releases, retries, removes. Step by step, so that a queue of 100,000
// holds nobody up.

import { all, type Op, one, run } from '../operation.ts';
import type { QueuedState, QueueFilter, QueueId, QueueListing } from '../ports.ts';
import { refresh } from './add.ts';
import { RECIPIENTS, STEP } from './limits.ts';
import {
  LANE,
  laneOf,
  MESSAGE,
  type MessageRow,
  messageRow,
  RECIPIENT,
  type RecipientRow,
  toMessage,
  toRecipient,
} from './rows.ts';
import { dropIfDone } from './settle.ts';

/** One step of a walk over the messages. */
export interface Step {
  readonly messages: readonly MessageRow[];
  /** Where the next one begins; null at the end. */
  readonly after: QueueId | null;
}

/** The messages of the next step that a filter means; domain and route are not looked at. */
export function* step(filter: QueueFilter, after: QueueId): Op<Step> {
  const rows =
    filter.id === undefined
      ? yield* all<MessageRow>(`SELECT ${MESSAGE} FROM queued WHERE id > $1 ORDER BY id LIMIT ${STEP}`, [after])
      : yield* all<MessageRow>(`SELECT ${MESSAGE} FROM queued WHERE id = $1 AND id > $2`, [filter.id, after]);
  const messages = rows.filter(
    ({ sender, owner }) =>
      (filter.sender === undefined || sender === filter.sender) &&
      (filter.owner === undefined || owner === filter.owner),
  );
  return { messages, after: rows.length === STEP ? (rows.at(-1)?.id ?? null) : null };
}

/** A step with its recipients; only messages that have one in the filter's domain and on its route. */
export function* listStep(
  filter: QueueFilter,
  from: QueueId,
): Op<{ readonly listings: readonly QueueListing[]; readonly after: QueueId | null }> {
  const { messages, after } = yield* step(filter, from);
  const listings: QueueListing[] = [];
  for (const row of messages) {
    const recipients = yield* recipientsOf(row.id);
    const named = recipients.filter((recipient) => isNamed(recipient, filter));
    if (named.length > 0) listings.push({ ...toMessage(row), recipients: named.map(toRecipient) });
  }
  return { listings, after };
}

export function* recipientsOf(id: QueueId): Op<RecipientRow[]> {
  const sql = `SELECT ${RECIPIENT} FROM queued_recipient WHERE queued = $1 ORDER BY seq LIMIT ${RECIPIENTS}`;
  return yield* all<RecipientRow>(sql, [id]);
}

/** Where a walk over a destination's recipients has come. */
export interface Place {
  readonly next_attempt: number;
  readonly queued: number;
  readonly seq: number;
}

export const BEGINNING: Place = { next_attempt: -1, queued: 0, seq: 0 };

/** Recipients of one lane in one state, after a place. */
export function* inLane(lane: string, state: QueuedState, { next_attempt, queued, seq }: Place): Op<Place[]> {
  return yield* all<Place>(
    `SELECT next_attempt, queued, seq FROM queued_recipient
     WHERE ${LANE} = $1 AND state = $2 AND (next_attempt, queued, seq) > ($3, $4, $5)
     ORDER BY next_attempt, queued, seq LIMIT ${STEP}`,
    [lane, state, next_attempt, queued, seq],
  );
}

/** The next lane after this one that is a route's; `>` is what follows `=`. */
export function* routedLane(after: string): Op<string | undefined> {
  const row = yield* one<{ lane: string }>(
    `SELECT ${LANE} AS lane FROM queued_recipient WHERE ${LANE} > $1 AND ${LANE} < '>' ORDER BY ${LANE} LIMIT 1`,
    [after],
  );
  return row?.lane;
}

/** Whether a filter means this recipient, by its domain and its route. */
export function isNamed(row: Pick<RecipientRow, 'domain' | 'route'>, { domain, route }: QueueFilter): boolean {
  return (domain === undefined || row.domain === domain) && (route === undefined || isOfRoute(row.route, route));
}

/** Whether a lane is this route's: there is one for all, or one for each account. */
export function isOfRoute(lane: string, route: string): boolean {
  return lane === `=${route}` || lane.startsWith(`=${route}/`);
}

/** Those of some messages that a filter means, whatever their recipients. */
export function* meant(ids: readonly QueueId[], filter: QueueFilter): Op<QueueId[]> {
  const found: QueueId[] = [];
  for (const id of ids) {
    const { messages } = yield* step({ ...filter, id: filter.id ?? id }, id - 1);
    if (messages.length > 0) found.push(id);
  }
  return found;
}

/** In which states a change finds its recipients, and in which it leaves them. */
export const CHANGES = {
  retry: { from: ['waiting'], to: 'waiting' },
  hold: { from: ['waiting'], to: 'held' },
  release: { from: ['held'], to: 'waiting' },
} as const satisfies Record<string, { readonly from: readonly QueuedState[]; readonly to: QueuedState }>;

/** Changes the recipients of some messages; how many. `now` in unix ms. */
export function* change(
  action: keyof typeof CHANGES,
  messages: readonly QueueId[],
  filter: QueueFilter,
  now: number,
): Op<number> {
  yield* run(`UPDATE counter SET modseq = modseq + 1 WHERE account = 'queue'`);
  const { from, to } = CHANGES[action];
  const lanes = new Set<string>();
  let changed = 0;
  for (const id of messages) {
    for (const row of yield* recipientsOf(id)) {
      if (!from.some((state) => state === row.state) || !isNamed(row, filter)) continue;
      const next = action === 'hold' ? row.next_attempt : now;
      yield* run('UPDATE queued_recipient SET state = $3, next_attempt = $4 WHERE queued = $1 AND seq = $2', [
        id,
        row.seq,
        to,
        next,
      ]);
      lanes.add(laneOf(row));
      changed++;
    }
  }
  for (const name of lanes) {
    // The operator knows better than our memory of who was dead.
    if (action !== 'hold') yield* run('UPDATE destination SET not_before = 0 WHERE domain = $1', [name]);
    yield* refresh(name);
  }
  return changed;
}

/** Gives those of some messages that wait another route, or ('') none; how many. `now` in unix ms. */
export function* reroute(
  messages: readonly QueueId[],
  filter: QueueFilter,
  to: { readonly name: string; readonly own: boolean },
  now: number,
): Op<number> {
  yield* run(`UPDATE counter SET modseq = modseq + 1 WHERE account = 'queue'`);
  const lanes = new Set<string>();
  let changed = 0;
  for (const id of messages) {
    const owner = (yield* messageRow(id))?.owner ?? '';
    const route = to.name === '' ? '' : to.own && owner !== '' ? `=${to.name}/${owner}` : `=${to.name}`;
    for (const row of yield* recipientsOf(id)) {
      if (row.state !== 'waiting' || !isNamed(row, filter)) continue;
      yield* run('UPDATE queued_recipient SET route = $3, next_attempt = $4 WHERE queued = $1 AND seq = $2', [
        id,
        row.seq,
        route,
        now,
      ]);
      lanes.add(laneOf(row)).add(laneOf({ ...row, route }));
      changed++;
    }
  }
  for (const lane of lanes) yield* refresh(lane);
  return changed;
}

/** Removes the recipients of some messages, and the messages that have none left. */
export function* remove(
  messages: readonly QueueId[],
  filter: QueueFilter,
): Op<{ readonly removed: number; readonly loose: boolean }> {
  yield* run(`UPDATE counter SET modseq = modseq + 1 WHERE account = 'queue'`);
  const lanes = new Set<string>();
  let removed = 0;
  let loose = false;
  for (const id of messages) {
    for (const row of yield* recipientsOf(id)) {
      if (!isNamed(row, filter)) continue;
      yield* run('DELETE FROM attempt WHERE queued = $1 AND seq = $2', [id, row.seq]);
      yield* run('DELETE FROM queued_recipient WHERE queued = $1 AND seq = $2', [id, row.seq]);
      lanes.add(laneOf(row));
      removed++;
    }
    loose = (yield* dropIfDone(id)) || loose;
  }
  for (const name of lanes) yield* refresh(name);
  return { removed, loose };
}

/** Holds everything: a queue that is restored has what was sent since, and nothing goes twice without somebody's word. */
export function* holdAll(): Op<void> {
  yield* run(`UPDATE queued_recipient SET state = 'held' WHERE state = 'waiting'`);
  yield* run('DELETE FROM destination');
}
