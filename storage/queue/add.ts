// A message into the queue: its row, its recipients, and the destinations that they wait for.

import { StoreError } from '../errors.ts';
import { type Op, one, run } from '../operation.ts';
import type { NewQueued, QueueId } from '../ports.ts';
import { ONCE_MS, PREFIX_BYTES, RECIPIENTS } from './limits.ts';
import { LANE, laneOf } from './rows.ts';

/** What the transaction writes. */
export interface Outgoing {
  readonly message: Omit<NewQueued, 'staged'>;
  readonly size: number;
  readonly header: Uint8Array;
  readonly body: Uint8Array | null;
  /** The name of its body's blob, '' if the body is inline. */
  readonly blob: string;
}

/** Makes a message ready. Errors: limit, invalid. */
export function outgoing(message: NewQueued, blob: string): Outgoing {
  const { staged, ...rest } = message;
  if (rest.prefix.length > PREFIX_BYTES) throw new StoreError('limit', `a prefix of more than ${PREFIX_BYTES} bytes`);
  if (rest.recipients.length > RECIPIENTS) throw new StoreError('limit', `more than ${RECIPIENTS} recipients`);
  if (rest.recipients.length === 0) throw new StoreError('invalid', 'a message to nobody');
  const size = rest.prefix.length + staged.size;
  return { message: rest, size, header: staged.headerCompressed, body: staged.bodyCompressed, blob };
}

/** Writes a message; its id. `now` in unix ms. */
export function* add({ message, ...content }: Outgoing, now: number): Op<QueueId> {
  if (message.once !== undefined) {
    yield* run(`UPDATE counter SET modseq = modseq + 1 WHERE account = 'queue'`);
    yield* run('DELETE FROM queued_once WHERE at < $1', [now - ONCE_MS]);
    const known = yield* one<{ queued: number }>('SELECT queued FROM queued_once WHERE id = $1', [message.once]);
    if (known !== undefined) return known.queued;
  }
  const id = yield* takeId(content.size);
  if (message.once !== undefined) {
    yield* run('INSERT INTO queued_once (id, queued, at) VALUES ($1, $2, $3)', [message.once, id, now]);
  }
  yield* run(
    `INSERT INTO queued (id, tenant, owner, sender, size, utf8, eight_bit, require_tls, envelope_id, return_full,
      created, expires, prefix, header, body, blob, verp, forwarded, tls_optional,
      released)
     VALUES ($1, 0, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)`,
    [
      id,
      message.owner,
      message.sender,
      content.size,
      message.utf8 ? 1 : 0,
      message.eightBit ? 1 : 0,
      message.requireTls ? 1 : 0,
      message.envelopeId,
      message.returnFull ? 1 : 0,
      now,
      message.expires,
      message.prefix,
      content.header,
      content.body,
      content.blob,
      message.verp ?? '',
      message.forwarded ?? '',
      message.tlsOptional === true ? 1 : 0,
      message.released ?? 0,
    ],
  );
  for (const [seq, { address, domain, route = '', original, notify }] of message.recipients.entries()) {
    yield* run(
      `INSERT INTO queued_recipient (queued, seq, address, domain, route, original, notify, state, attempts, next_attempt,
        delay_told, status, reply)
       VALUES ($1, $2, $3, $4, $5, $6, $7, 'waiting', 0, $8, 0, '', '')`,
      [id, seq, address, domain, route, original, notify, message.notBefore],
    );
  }
  for (const lane of new Set(message.recipients.map(laneOf))) {
    yield* awaitFrom(lane, message.notBefore);
  }
  return id;
}

/** Locks the counter row, counts the message, and takes its id. */
function* takeId(size: number): Op<QueueId> {
  const row = yield* one<{ id: number }>(
    `UPDATE counter SET next_id = next_id + 1, modseq = modseq + 1, messages = messages + 1, bytes = bytes + $1
     WHERE account = 'queue' RETURNING next_id - 1 AS id`,
    [size],
  );
  if (row === undefined) throw new StoreError('corrupt', 'the queue has no counter row');
  return row.id;
}

/** Something waits for a destination from `due` on; one that is left alone stays so. */
function* awaitFrom(lane: string, due: number): Op<void> {
  yield* run(
    `INSERT INTO destination (domain, due, not_before, failures) VALUES ($1, $2, 0, 0)
     ON CONFLICT (domain) DO UPDATE SET due = CASE
       WHEN destination.due <= excluded.due THEN destination.due
       WHEN destination.not_before > excluded.due THEN destination.not_before
       ELSE excluded.due END`,
    [lane, due],
  );
}

/** A destination's row as its recipients have it now: what was earliest may be settled. */
export function* refresh(lane: string): Op<void> {
  const first = yield* one<{ next_attempt: number }>(
    `SELECT next_attempt FROM queued_recipient WHERE ${LANE} = $1 AND state = 'waiting' ORDER BY next_attempt LIMIT 1`,
    [lane],
  );
  if (first === undefined) {
    yield* run('DELETE FROM destination WHERE domain = $1', [lane]);
    return;
  }
  yield* run(
    `INSERT INTO destination (domain, due, not_before, failures) VALUES ($1, $2, 0, 0)
     ON CONFLICT (domain) DO UPDATE SET due = CASE
       WHEN destination.not_before > excluded.due THEN destination.not_before ELSE excluded.due END`,
    [lane, first.next_attempt],
  );
}
