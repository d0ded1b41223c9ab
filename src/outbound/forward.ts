// Mail that came in and goes on to addresses elsewhere: into the queue, durable before the peer has its 250, with a return
// address of ours (SRS) and as it came: nothing of it is changed, and it is never signed, since it is not ours. The sender's
// own address is kept where his domain lets us send for it (SPF), and SPF or DKIM has said that it was him: who is believed
// because of our address has to be believed before. What comes back reaches a sender only if he was known to be it; else it is
// filed for him for whom the mail came.

import { isAscii } from 'node:buffer';
import { hash } from 'node:crypto';
import type { Envelope, SmtpReply } from '#protocols/ports.ts';
import {
  type Directory,
  type NewQueued,
  type NewQueuedRecipient,
  NOTIFY_UNSAID,
  Notify,
  type Queue,
  type Staged,
} from '#storage/ports.ts';
import type { Delivery } from '../ingress/deliver.ts';
import type { Forwarder } from '../ingress/forwarder.ts';
import { ACCEPTED } from '../ingress/outcome.ts';
import { received } from '../ingress/prefix.ts';
import type { Vouching } from '../ingress/vouching.ts';
import { asksForNoTls, domainOf, hasEightBit, recipientOf } from './enqueue.ts';
import type { Retry } from './retry.ts';
import type { Router } from './routes/router.ts';
import { createSrs, looksLikeSrs } from './srs.ts';

export interface ForwardParts {
  readonly hostname: string;
  readonly directory: Pick<Directory, 'domains'>;
  readonly queue: Pick<Queue, 'add'>;
  /** See Store. */
  readonly derivedKey: (purpose: string) => Uint8Array;
  readonly retry: Retry;
  readonly routed: Router;
  readonly vouching: Vouching;
  /** [outbound] send. */
  readonly send: boolean;
  /** Unix ms. */
  readonly now: () => number;
}

const NOT_SENT: SmtpReply = { code: 550, enhanced: '5.7.1', text: 'This server sends no mail to other domains' };

/** To whom, and under which return address. */
interface Onward {
  readonly recipient: string;
  readonly sender: string;
  readonly targets: readonly string[];
  readonly asked: Asked;
}

/** What is asked of the servers that it goes on to about reports (RFC 3461). */
type Asked = Pick<NewQueued, 'envelopeId' | 'returnFull'> & Pick<NewQueuedRecipient, 'original' | 'notify'>;

const NOTHING: Asked = { envelopeId: '', returnFull: true, original: '', notify: NOTIFY_UNSAID };

export function createForwarder(parts: ForwardParts): Forwarder {
  const { send, directory, queue, now, vouching, routed } = parts;
  const srs = createSrs(parts.derivedKey);

  /** RFC 5321 4.1.1.3: postmaster alone is that of our default domain, which a return address has to name. */
  async function full(recipient: string): Promise<string> {
    if (recipient.includes('@')) return recipient;
    const ours = (await directory.domains()).find(({ isDefault }) => isDefault);
    return `${recipient}@${ours?.name ?? parts.hostname}`;
  }

  /** The message under the sender's own address, if that is his and may be kept by the way that the message takes. */
  async function unchanged(delivery: Delivery, onward: Onward, confirmed: boolean): Promise<NewQueued | null> {
    const { sender } = onward;
    // Whoever is logged in here sends as an address of ours, whose domain names this server.
    const own = sender === '' || delivery.session.principal !== null;
    if (!own && !(confirmed && (await vouching.allowsUs(delivery)))) return null;
    const message = await routed({ ...(await passedOn(parts, delivery, onward)), forwarded: onward.recipient }, null);
    // From where another server sends is not known.
    return own || message.recipients.every(({ route = '' }) => route === '') ? message : null;
  }

  return {
    returns: (address) => (looksLikeSrs(address) ? srs.original(address, now()) : null),
    async forward(delivery, asGiven, targets) {
      if (!send) return NOT_SENT;
      const recipient = await full(asGiven);
      const { sender } = delivery.envelope;
      const strange = sender !== '' && delivery.session.principal === null;
      const confirmed = strange && (await vouching.confirmed(delivery));
      const asked = sender === '' ? NOTHING : askedOf(delivery.envelope, asGiven);
      const told = confirmed && (asked.notify & Notify.failure) !== 0 ? Notify.confirmed : 0;
      const onward = { recipient, sender, targets, asked: { ...asked, notify: asked.notify | told } };
      const kept = await unchanged(delivery, onward, confirmed);
      if (kept === null) {
        const address = confirmed ? srs.rewrite(sender, domainOf(recipient), now()) : srs.toReader(recipient, now());
        const rewritten = { ...onward, sender: address };
        const message = { ...(await passedOn(parts, delivery, rewritten)), forwarded: recipient };
        await queue.add(await routed(message, null));
      } else await queue.add(kept);
      return ACCEPTED;
    },
    async giveBack(delivery, recipient, { to, address }) {
      if (!send && to === 'sender') return NOT_SENT;
      const asked = { ...NOTHING, returnFull: to === 'sender' };
      const message = await passedOn(parts, delivery, { recipient, sender: '', targets: [address], asked });
      await queue.add(await routed(to === 'sender' ? message : { ...message, forwarded: address }, null));
      return ACCEPTED;
    },
  };
}

/**
 * RFC 3461 5.2.7.3 (c): an address that leads elsewhere passes on what was asked about reports, but for those of success: such
 * a one is ours to make (told.ts), as 5.2.7.4 has it where the addresses behind it are nobody's business.
 */
function askedOf(envelope: Envelope, recipient: string): Asked {
  const { original, notify } = recipientOf(recipient, envelope);
  const { ret = null, envid = null } = envelope.dsn ?? {};
  return { envelopeId: envid ?? '', returnFull: ret !== 'hdrs', original, notify: notify & ~Notify.success };
}

async function passedOn(
  { hostname, retry, now }: ForwardParts,
  { envelope, staged, session }: Delivery,
  { recipient, sender, targets, asked: { envelopeId, returnFull, original, notify } }: Onward,
): Promise<NewQueued> {
  const at = now();
  const seconds = Math.floor(at / 1000);
  const trace = received({ hostname, envelope, session, now: seconds }, `for <${recipient}>`);
  const recipients = targets.map((address) => ({ address, domain: domainOf(address), original, notify }));
  return {
    ...(envelope.requireTls !== true && asksForNoTls(staged.header) && { tlsOptional: true }),
    ...{ staged, owner: '', sender, requireTls: envelope.requireTls === true, envelopeId, returnFull },
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
