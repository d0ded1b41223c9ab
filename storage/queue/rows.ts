// The queue's rows as values.

import { type Op, one } from '../operation.ts';
import type { QueuedMessage, QueuedRecipient, QueuedState, QueueId } from '../ports.ts';

export interface MessageRow {
  readonly id: number;
  readonly owner: string;
  readonly sender: string;
  readonly size: number;
  readonly utf8: number;
  readonly eight_bit: number;
  readonly require_tls: number;
  readonly envelope_id: string;
  readonly return_full: number;
  readonly created: number;
  readonly expires: number;
  readonly verp: string;
  readonly forwarded: string;
  readonly tls_optional: number;
  readonly released: number;
}

export const MESSAGE =
  'id, owner, sender, size, utf8, eight_bit, require_tls, envelope_id, return_full, created, expires, verp, forwarded, tls_optional, released';

export function toMessage(row: MessageRow): QueuedMessage {
  return {
    id: row.id,
    owner: row.owner,
    sender: row.sender,
    size: row.size,
    utf8: row.utf8 === 1,
    eightBit: row.eight_bit === 1,
    requireTls: row.require_tls === 1,
    envelopeId: row.envelope_id,
    returnFull: row.return_full === 1,
    created: row.created,
    expires: row.expires,
    ...(row.verp !== '' && { verp: row.verp }),
    ...(row.tls_optional === 1 && { tlsOptional: true }),
    ...(row.released > 0 && { released: row.released }),
    ...(row.forwarded !== '' && { forwarded: row.forwarded }),
  };
}

export interface RecipientRow {
  readonly queued: number;
  readonly seq: number;
  readonly address: string;
  readonly domain: string;
  readonly route: string;
  readonly original: string;
  readonly notify: number;
  readonly state: QueuedState;
  readonly attempts: number;
  readonly next_attempt: number;
  readonly delay_told: number;
  readonly status: string;
  readonly reply: string;
}

export const RECIPIENT =
  'queued, seq, address, domain, route, original, notify, state, attempts, next_attempt, delay_told, status, reply';

/** What a recipient is sent with: its domain, or its route; the index is over this very expression. */
export const LANE = `(CASE WHEN route = '' THEN domain ELSE route END)`;

/** The lane of a recipient. */
export function laneOf({ domain, route = '' }: { readonly domain: string; readonly route?: string }): string {
  return route === '' ? domain : route;
}

export function toRecipient(row: RecipientRow): QueuedRecipient {
  const { next_attempt: nextAttempt, delay_told: delayTold, ...rest } = row;
  return { ...rest, nextAttempt, delayTold: delayTold === 1 };
}

export function* messageRow(id: QueueId): Op<MessageRow | undefined> {
  return yield* one<MessageRow>(`SELECT ${MESSAGE} FROM queued WHERE id = $1`, [id]);
}
