// Mail that came in and goes on to addresses elsewhere: into the queue, durable before the peer has its 250, with a return
// address of ours (SRS) and as it came: nothing of it is changed, and it is never signed, since it is not ours.

import { isAscii } from 'node:buffer';
import { hash } from 'node:crypto';
import type { SmtpReply } from '#protocols/ports.ts';
import { type NewQueued, NOTIFY_UNSAID, type Queue, type Staged } from '#storage/ports.ts';
import type { Delivery } from '../ingress/deliver.ts';
import type { Forwarder } from '../ingress/forwarder.ts';
import { ACCEPTED } from '../ingress/outcome.ts';
import { received } from '../ingress/prefix.ts';
import { asksForNoTls, domainOf, hasEightBit } from './enqueue.ts';
import type { Retry } from './retry.ts';
import type { Router } from './routes/router.ts';
import { createSrs, looksLikeSrs } from './srs.ts';

export interface ForwardParts {
  readonly hostname: string;
  readonly queue: Pick<Queue, 'add'>;
  /** See Store. */
  readonly derivedKey: (purpose: string) => Uint8Array;
  readonly retry: Retry;
  readonly routed: Router;
  /** [outbound] send. */
  readonly send: boolean;
  /** Unix ms. */
  readonly now: () => number;
}

const NOT_SENT: SmtpReply = { code: 550, enhanced: '5.7.1', text: 'This server sends no mail to other domains' };

export function createForwarder(parts: ForwardParts): Forwarder {
  const { send, queue, now } = parts;
  const srs = createSrs(parts.derivedKey);
  return {
    returns: (address) => (looksLikeSrs(address) ? srs.original(address, now()) : null),
    async forward(delivery, recipient, targets) {
      if (!send) return NOT_SENT;
      const { envelope, session } = delivery;
      // Whoever is logged in here sends as an address of ours, whose domain names this server.
      const own = envelope.sender === '' || session.principal !== null;
      const sender = own ? envelope.sender : srs.rewrite(envelope.sender, domainOf(recipient), now());
      const message = { ...(await onward(parts, delivery, recipient, sender, targets)), forwarded: recipient };
      await queue.add(await parts.routed(message, null));
      return ACCEPTED;
    },
    async giveBack(delivery, recipient, sender) {
      if (!send) return NOT_SENT;
      await queue.add(await parts.routed(await onward(parts, delivery, recipient, '', [sender]), null));
      return ACCEPTED;
    },
  };
}

async function onward(
  { hostname, retry, now }: ForwardParts,
  { envelope, staged, session }: Delivery,
  recipient: string,
  sender: string,
  targets: readonly string[],
): Promise<NewQueued> {
  const at = now();
  const seconds = Math.floor(at / 1000);
  const trace = received({ hostname, envelope, session, now: seconds }, `for <${recipient}>`);
  const recipients = targets.map((address) => {
    return { address, domain: domainOf(address), original: '', notify: NOTIFY_UNSAID };
  });
  return {
    ...(envelope.requireTls !== true && asksForNoTls(staged.header) && { tlsOptional: true }),
    ...{ staged, owner: '', sender, requireTls: envelope.requireTls === true, envelopeId: '', returnFull: true },
    // RFC 9228: what a loop is found by.
    prefix: Buffer.from(`Delivered-To: ${recipient}\r\n${trace}`),
    utf8: envelope.smtputf8 && !(isAscii(staged.header) && isAscii(Buffer.from(sender))),
    eightBit: await hasEightBit(staged),
    notBefore: at,
    expires: at + Math.max(...recipients.map(({ domain }) => retry(domain).giveUpMs)),
    recipients,
    ...once(envelope.sender, recipient, staged),
  };
}

/** A peer's retry of the same message is forwarded once; one that carries nothing of its own is never the same. */
function once(sender: string, recipient: string, { scanned, hash: content }: Staged): { once?: string } {
  if (scanned.messageId === '' && scanned.sent === null) return {};
  return { once: hash('sha256', `${sender}\0${recipient}\0${scanned.messageId}\0${content}`) };
}
