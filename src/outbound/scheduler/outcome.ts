// From what was said about each recipient to what is written: sent, failed, or waiting until its next time; and the
// reports that the sender gets about it (RFC 3461 5, RFC 3464), in the same transaction.

import { isAscii } from 'node:buffer';
import type { ServerReply } from '#protocols/smtp/client/reply.ts';
import { formatReply } from '#protocols/smtp/client/reply.ts';
import {
  type AttemptResult,
  type MessageContent,
  type NewQueued,
  Notify,
  type Queue,
  type QueuedMessage,
  type QueuedRecipient,
  type Staged,
  type Staging,
} from '#storage/ports.ts';
import type { Return } from '../../ingress/forwarder.ts';
import { domainOf } from '../enqueue.ts';
import { REPORTED_BYTES, REPORTED_HEADER_BYTES } from '../limits.ts';
import { type Action, makeReport, type Reported, writeReport } from '../report.ts';
import { nextAttempt, type Retry } from '../retry.ts';
import type { Router } from '../routes/router.ts';
import { isFiled } from './local.ts';

/** What happened in one attempt. */
export interface Attempted {
  readonly message: QueuedMessage;
  readonly recipients: readonly QueuedRecipient[];
  /** For each recipient. */
  readonly replies: readonly ServerReply[];
  readonly host: string;
  readonly tls: string;
  readonly transcript: string;
  /** local: in a mailbox of ours; reports: the other server reports on; silent: it does not. */
  readonly kind: 'local' | 'reports' | 'silent';
}

export interface OutcomeParts {
  readonly hostname: string;
  readonly queue: Pick<Queue, 'settle' | 'content'>;
  readonly stage: (options: { maxBytes: number }) => Staging;
  readonly retry: Retry;
  readonly routed: Router;
  /** See Forwarder. */
  readonly returns: (address: string) => Return | null;
  readonly delayReportMs: number;
  /** Refusals in a row after which nothing is sent to an address any more; null: never. */
  readonly suppressAfter: number | null;
  /** Unix ms. */
  readonly now: () => number;
}

/** Writes the outcome; the results as they were written, or null if they had been already. */
export async function writeOutcome(parts: OutcomeParts, attempted: Attempted): Promise<AttemptResult[] | null> {
  const now = parts.now();
  const results = attempted.recipients.map((recipient, i) => resultOf(parts, attempted, recipient, i, now));
  await using stack = new AsyncDisposableStack();
  const reports: NewQueued[] = [];
  for (const [action, recipients] of reportsOf(attempted, results)) {
    const { staged, eightBit } = await reportOn(parts, attempted, action, recipients, now);
    const report = toReader(parts, attempted, stack.use(staged), { now, eightBit });
    reports.push(await parts.routed(report, null));
  }
  return (await parts.queue.settle(results, reports)) ? results : null;
}

function resultOf(
  parts: OutcomeParts,
  { message, replies, host, tls, transcript, kind }: Attempted,
  recipient: QueuedRecipient,
  index: number,
  now: number,
): AttemptResult {
  const { queued, seq, attempts, domain } = recipient;
  const reply = replies[index] ?? { code: 451, enhanced: '4.3.0', text: 'nothing was said' };
  const times = parts.retry(domain);
  const from = message.released ?? message.created;
  const expires = Math.min(message.expires, from + times.giveUpMs);
  const expired = now >= expires;
  const state = reply.code < 300 ? 'sent' : reply.code >= 500 || expired ? 'failed' : 'waiting';
  // What a server elsewhere has said, and not what we say in its place.
  const told = host !== '' && kind !== 'local';
  const late = state === 'waiting' && now - from >= parts.delayReportMs;
  return {
    ...{ queued, seq, attempts, state, host, tls },
    nextAttempt: nextAttempt(times, attempts + 1, { now, expires, random: Math.random() }),
    delayTold: recipient.delayTold || late,
    // RFC 3463 4.4.7: what it failed with the last time stands in the reply.
    status: state === 'failed' && reply.code < 500 ? '4.4.7' : reply.enhanced,
    reply: formatReply(reply),
    transcript: index === 0 ? transcript : '',
    ...(told && state === 'sent' && { standing: 'taken' as const }),
    ...(told && reply.code >= 500 && { standing: 'refused' as const }),
    ...(told && refusesAll(reply) && parts.suppressAfter !== null && { suppressAfter: parts.suppressAfter }),
  };
}

/** RFC 3463 3.2 and 3.3: nobody is there, or he takes no mail at all. What is said of one message says nothing of that. */
function refusesAll({ code, enhanced }: ServerReply): boolean {
  return code >= 500 && /^5\.(?:1\.[136]|2\.1)$/.test(enhanced);
}

/** Who is reported on, by what happened. The null sender gets no report (RFC 5321 4.5.5). */
function reportsOf(attempted: Attempted, results: readonly AttemptResult[]): Map<Action, Reported[]> {
  const reports = new Map<Action, Reported[]>();
  const { sender, forwarded } = attempted.message;
  if (forwarded === undefined && domainOf(sender) === '') return reports;
  for (const [i, recipient] of attempted.recipients.entries()) {
    const result = results[i];
    const reply = attempted.replies[i];
    if (result === undefined || reply === undefined) continue;
    const action =
      forwarded === undefined ? actionOf(attempted, recipient, result) : forwardedAction(attempted, result);
    if (action === null) continue;
    const told = { recipient, reply, status: result.status };
    const known = reports.get(action) ?? [];
    if (!isConfirmedForward(attempted)) reports.set(action, [...known, told]);
    // Where mail to an address of ours goes is its owner's business.
    else if (known.length === 0) reports.set(action, [asForwarded(told, forwarded ?? '')]);
  }
  return reports;
}

/** RFC 3461 5.2. */
function actionOf({ kind }: Attempted, recipient: QueuedRecipient, result: AttemptResult): Action | null {
  const { notify, delayTold } = recipient;
  if (result.state === 'failed') return (notify & Notify.failure) !== 0 ? 'failed' : null;
  if (result.state === 'waiting') {
    return result.delayTold && !delayTold && (notify & Notify.delay) !== 0 ? 'delayed' : null;
  }
  if ((notify & Notify.success) === 0 || kind === 'reports') return null;
  return kind === 'local' ? 'delivered' : 'relayed';
}

/** It was forwarded, and its sender has been confirmed, so that he may be told. */
function isConfirmedForward({ message, recipients }: Pick<Attempted, 'message' | 'recipients'>): boolean {
  return message.forwarded !== undefined && recipients.every(({ notify }) => (notify & Notify.confirmed) !== 0);
}

/** In terms of the address that its sender knows (RFC 3464 4.2). */
function asForwarded({ recipient, reply, status }: Reported, address: string): Reported {
  const text = 'The message could not be forwarded';
  return { recipient: { ...recipient, address }, reply: { ...reply, enhanced: status, text }, status };
}

/**
 * Of what is forwarded only failures are told: to the sender, if SPF or DKIM has confirmed him, else to its recipient here.
 * What is such a report itself, on its way into Junk, is not reported on again.
 */
function forwardedAction({ message }: Attempted, { state }: AttemptResult): Action | null {
  return state === 'failed' && !isFiled(message) ? 'failed' : null;
}

async function reportOn(
  parts: OutcomeParts,
  attempted: Attempted,
  action: Action,
  recipients: readonly Reported[],
  now: number,
): Promise<{ readonly staged: Staged; readonly eightBit: boolean }> {
  const { hostname, queue, stage } = parts;
  const reader = readerOf(attempted);
  const { host } = reader.knows ? attempted : { host: '' };
  const message = { ...attempted.message, sender: senderOf(parts, attempted.message) };
  const content = await queue.content(message.id);
  // RFC 8689 6: what was to be protected does not come back.
  const comesBack = message.returnFull && message.size <= REPORTED_BYTES && !message.requireTls;
  // Of what was forwarded there may be no other copy.
  const whole = action === 'failed' && (reader.address !== '' || comesBack);
  const options = { hostname, message, action, recipients, host, now, whole, reader: reader.address };
  const report = makeReport(options);
  const header = whole ? null : await headerOf(content);
  const back =
    header === null ? { size: content.size, chunks: content.read() } : { size: header.length, chunks: [header] };
  const eightBit = !isAscii(report.before) || (header === null ? message.eightBit : !isAscii(header));
  return { staged: await writeReport(stage, report, back), eightBit };
}

async function headerOf(content: MessageContent): Promise<Uint8Array> {
  const bytes = Buffer.from(await content.bytes(0, REPORTED_HEADER_BYTES));
  const end = bytes.indexOf('\r\n\r\n');
  return end < 0 ? bytes : bytes.subarray(0, end + 2);
}

/** Whom a report is for, '' being the sender, and whether he knows where the message went. */
function readerOf(attempted: Attempted): { readonly address: string; readonly knows: boolean } {
  const confirmed = isConfirmedForward(attempted);
  return { address: confirmed ? '' : (attempted.message.forwarded ?? ''), knows: !confirmed };
}

/** Of what was forwarded under a return address of ours, he who sent it. */
function senderOf({ returns }: OutcomeParts, { sender, forwarded }: QueuedMessage): string {
  const back = forwarded === undefined ? null : returns(sender);
  return back?.to === 'sender' ? back.address : sender;
}

/** To the sender, or to him for whom it was forwarded. */
function toReader(
  parts: OutcomeParts,
  attempted: Attempted,
  staged: Staged,
  { now, eightBit }: { readonly now: number; readonly eightBit: boolean },
): NewQueued {
  const { message } = attempted;
  const { requireTls } = message;
  const forwarded = isConfirmedForward(attempted) ? undefined : message.forwarded;
  const address = forwarded ?? senderOf(parts, message);
  const domain = domainOf(address);
  return {
    ...{ staged, prefix: new Uint8Array(0), owner: '', sender: '', requireTls, envelopeId: '' },
    ...(forwarded !== undefined && { forwarded }),
    ...{ utf8: Buffer.byteLength(address) !== address.length, eightBit, returnFull: false, notBefore: now },
    expires: now + parts.retry(domain).giveUpMs,
    recipients: [{ address, domain, original: '', notify: 0 }],
  };
}
