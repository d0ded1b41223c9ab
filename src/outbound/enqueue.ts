// From what was handed in to what waits: the queue's message, with what the sender asked for about reports.

import { isAscii } from 'node:buffer';
import type { Envelope, IngressSession } from '#protocols/ports.ts';
import { canonicalDomain } from '#storage/directory/addresses.ts';
import { fields, fieldValue, latin1 } from '#storage/message/headers.ts';
import { type NewQueued, type NewQueuedRecipient, NOTIFY_UNSAID, Notify, type Staged } from '#storage/ports.ts';
import { received } from '../ingress/prefix.ts';
import type { Retry } from './retry.ts';

export interface EnqueueOptions {
  readonly hostname: string;
  readonly retry: Retry;
  /** DKIM-Signature fields, CRLF-ended. */
  readonly signatures: string;
  /** Unix ms. */
  readonly now: number;
}

/** The message for the queue, for all recipients of the envelope. */
export async function toQueue(
  envelope: Envelope,
  staged: Staged,
  session: IngressSession,
  { hostname, retry, signatures, now }: EnqueueOptions,
): Promise<NewQueued> {
  const recipients = envelope.recipients.map((address) => recipientOf(address, envelope));
  const seconds = Math.floor(now / 1000);
  const from = Math.max(now, envelope.releaseAt ?? 0);
  return {
    staged,
    prefix: Buffer.from(`${signatures}${received({ hostname, envelope, session, now: seconds }, '')}`),
    owner: session.principal?.account.id ?? '',
    sender: envelope.sender,
    utf8: envelope.smtputf8 && !(isAscii(staged.header) && isAscii(Buffer.from(envelope.sender))),
    eightBit: await hasEightBit(staged),
    requireTls: envelope.requireTls === true,
    ...(envelope.requireTls !== true && asksForNoTls(staged.header) && { tlsOptional: true }),
    ...(envelope.verp !== undefined && { verp: envelope.verp }),
    envelopeId: envelope.dsn?.envid ?? '',
    returnFull: envelope.dsn?.ret !== 'hdrs',
    notBefore: from,
    ...(from > now && { released: from }),
    expires: from + Math.max(...recipients.map(({ domain }) => retry(domain).giveUpMs)),
    recipients,
  };
}

/** `TLS-Required: No` (RFC 8689 5). */
export function asksForNoTls(header: Uint8Array): boolean {
  const block = latin1(header);
  const field = fields(block).find(({ name }) => name === 'tls-required');
  return field !== undefined && fieldValue(block, field).toLowerCase() === 'no';
}

/** A recipient's domain as A-labels in lower case; '' if mail can't be sent there. */
export function domainOf(address: string): string {
  return canonicalDomain(address.slice(address.lastIndexOf('@') + 1));
}

/** A recipient, with what was asked for about him. */
export function recipientOf(address: string, envelope: Pick<Envelope, 'dsn'>): NewQueuedRecipient {
  const { notify = null, orcpt = null } = envelope.dsn?.recipients.get(address) ?? {};
  const bits = notify?.reduce<number>((all, occasion) => all | Notify[occasion], 0);
  return { address, domain: domainOf(address), original: orcpt ?? '', notify: bits ?? NOTIFY_UNSAID };
}

/** Octets above 127 (RFC 6152). */
export async function hasEightBit(staged: Staged): Promise<boolean> {
  for await (const chunk of staged.open()) if (!isAscii(chunk as Uint8Array)) return true;
  return false;
}
