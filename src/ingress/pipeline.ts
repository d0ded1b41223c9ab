// Mail that comes in (DESIGN 3): who is it for, and the stages between DATA and the reply to it. A stage returns a reply
// to end the road, or null to let the message pass to the next.

import type { Logger } from 'pino';
import type { Conduct, Envelope, Ingress, IngressSession, SmtpReply } from '#protocols/ports.ts';
import { isTemporary, StoreError } from '#storage/errors.ts';
import type { AccountId, Directory, MailAccount, Staged } from '#storage/ports.ts';
import { createDeliver, type Delivery, isSomebody } from './deliver.ts';
import type { Forwarder } from './forwarder.ts';
import { CAUGHT } from './limits.ts';
import { loops } from './loops.ts';
import { ACCEPTED, combine, GUESSING, LOOP, MAILBOX_FULL, TEMPORARY, UNKNOWN, UNREAD } from './outcome.ts';
import type { Reports } from './reports.ts';
import { isRole, roomBeyondQuota } from './roles.ts';

export interface IngressParts {
  readonly hostname: string;
  readonly directory: Pick<Directory, 'resolve'>;
  readonly mail: (id: AccountId) => MailAccount;
  readonly conduct: Conduct;
  readonly forwarder: Forwarder;
  readonly reports: Reports;
  readonly log: Logger;
}

type Stage = (delivery: Delivery) => Promise<SmtpReply | null> | SmtpReply | null;

const RELAY: SmtpReply = { code: 550, enhanced: '5.7.1', text: 'Relaying is not allowed' };

export function createIngress(parts: IngressParts): Ingress {
  // In this order: authenticate, classify and filter have their places behind this one.
  const stages: readonly Stage[] = [refuseLoops(parts.log)];
  const last = createDeliver(parts);
  const deliver = async (delivery: Delivery): Promise<readonly SmtpReply[]> => {
    for (const stage of stages) {
      const passed = stage(delivery);
      const reply = passed instanceof Promise ? await passed : passed; // a promise costs each message, a value nothing
      if (reply !== null) return delivery.envelope.recipients.map(() => reply);
    }
    return await last(delivery);
  };
  return {
    recipient: (address, envelope, session) => recipient(parts, address, envelope, session),
    async accept(...about) {
      const delivery = deliveryOf(...about);
      return await oneReply(parts.reports, delivery, await deliver(delivery));
    },
    async deliver(...about) {
      const delivery = deliveryOf(...about);
      const replies = await deliver(delivery);
      await reportDelivered(parts.reports, delivery, replies);
      return replies;
    },
  };
}

function deliveryOf(envelope: Envelope, staged: Staged, session: IngressSession): Delivery {
  const about = { connection: session.id, address: session.peer.address, sender: envelope.sender };
  return { envelope, staged, session, about };
}

/** The reply for all, after those were told whom it tells nothing. Whoever has logged in is told by the reply alone. */
async function oneReply(reports: Reports, delivery: Delivery, replies: readonly SmtpReply[]): Promise<SmtpReply> {
  const { envelope, session } = delivery;
  const reply = combine(replies);
  if (session.principal !== null) return reply;
  if (reply.code < 300) {
    if (envelope.dsn !== undefined) await reports.delivered(delivery);
    return reply;
  }
  if (!isMixed(replies)) return reply;
  const refused = replies.flatMap((one, i) =>
    one.code < 300 ? [] : [{ recipient: envelope.recipients[i] ?? '', reply: one }],
  );
  return (await reports.refused(delivery, refused)) ? ACCEPTED : reply;
}

/** Of each who has it, where that was asked for; who else there is has a reply of his own (LMTP). */
async function reportDelivered(reports: Reports, delivery: Delivery, replies: readonly SmtpReply[]): Promise<void> {
  const { envelope } = delivery;
  if (envelope.dsn === undefined) return;
  const recipients = envelope.recipients.filter((_, i) => (replies[i]?.code ?? 451) < 300);
  await reports.delivered({ ...delivery, envelope: { ...envelope, recipients } });
}

/** Some have it, some never will, and nobody is put off. */
function isMixed(replies: readonly SmtpReply[]): boolean {
  const codes = replies.map(({ code }) => Math.floor(code / 100));
  return codes.includes(2) && codes.includes(5) && !codes.includes(4);
}

function refuseLoops(log: Logger): Stage {
  return ({ envelope, staged, session, about }) => {
    // Somebody who is logged in may send a message on that he was sent himself: a new journey, not a circle.
    if (!loops(staged.header, session.principal === null ? envelope.recipients : [])) return null;
    log.warn(about, 'a mail loop');
    return LOOP;
  };
}

/** RCPT: whose address is it, and is there room if the size is known (F135)? */
async function recipient(
  parts: IngressParts,
  address: string,
  envelope: Envelope,
  session: IngressSession,
): Promise<SmtpReply | null> {
  try {
    const resolution = await parts.directory.resolve(address);
    if (resolution.kind === 'foreign') return { ...RELAY, text: `<${address}> ${RELAY.text}` };
    // Only a report comes back to a return address of ours.
    if (envelope.sender === '' && !isSomebody(resolution) && parts.forwarder.returns(address) !== null) return null;
    if (resolution.kind === 'unknown') {
      const refusal = isRole(address) ? UNREAD : UNKNOWN;
      return { ...refusal, text: `<${address}> ${refusal.text}` };
    }
    if (resolution.caught && guesses(parts, session)) return GUESSING;
    if (envelope.declaredSize === null) return null;
    const size = envelope.declaredSize;
    const keeping = resolution.accounts.filter(({ id }) => resolution.onwards?.includes(id) !== true);
    const room = await Promise.all(keeping.map(({ id }) => parts.mail(id).hasRoom(size, roomBeyondQuota(address))));
    return room.length > 0 && !room.some(Boolean) && resolution.forwards === undefined ? MAILBOX_FULL : null;
  } catch (error) {
    if (error instanceof StoreError && !isTemporary(error.code)) {
      return { ...UNKNOWN, text: `<${address}> ${UNKNOWN.text}` }; // a name that can be nobody's
    }
    parts.log.error({ err: error, address }, 'a recipient could not be looked up');
    return TEMPORARY;
  }
}

/** Counts what a catch-all takes from strangers: every guess is right there. */
function guesses({ conduct }: IngressParts, { peer, principal }: IngressSession): boolean {
  if (peer.trusted || principal !== null) return false;
  return conduct.of(peer.address).note('caught-recipient') > CAUGHT;
}
