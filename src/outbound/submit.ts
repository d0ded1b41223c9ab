// Mail that a logged-in user hands in, by any protocol: may he send as that, is it whole, and where does it go. What is
// for recipients of ours alone takes the ingress road at once; all else waits in the queue, durable before the reply.

import { randomBytes } from 'node:crypto';
import type { Logger } from 'pino';
import type { Envelope, Ingress, IngressSession, Principal, SmtpReply, Submission } from '#protocols/ports.ts';
import { isTemporary, StoreError } from '#storage/errors.ts';
import { parseAddresses } from '#storage/message/address.ts';
import { fields, fieldValue, latin1 } from '#storage/message/headers.ts';
import type { Directory, Queue, Staged, Staging } from '#storage/ports.ts';
import { loops } from '../ingress/loops.ts';
import { domainOf, toQueue } from './enqueue.ts';
import { repairHeader } from './header.ts';
import { AUTHORS } from './limits.ts';
import type { Retry } from './retry.ts';

export interface SubmissionParts {
  readonly hostname: string;
  readonly directory: Pick<Directory, 'resolve' | 'maySendAs'>;
  readonly ingress: Ingress;
  /** [outbound] send. */
  readonly send: boolean;
  readonly queue: Pick<Queue, 'add'>;
  readonly retry: Retry;
  readonly stage: (options: { maxBytes: number }) => Staging;
  /** [limits] message_size. */
  readonly messageSize: number;
  readonly log: Logger;
}

const TEMPORARY: SmtpReply = { code: 451, enhanced: '4.3.0', text: 'Temporary failure, try again later' };
const NO_SPACE: SmtpReply = { code: 452, enhanced: '4.3.1', text: 'Insufficient system storage' };
const TOO_LARGE: SmtpReply = { code: 552, enhanced: '5.3.4', text: 'Message too large' };
const LOGIN_FIRST: SmtpReply = { code: 530, enhanced: '5.7.0', text: 'Log in first' };

const BAD_DOMAIN: SmtpReply = { code: 550, enhanced: '5.1.2', text: 'Mail can not be sent to this domain' };
const NOT_SENT: SmtpReply = { code: 550, enhanced: '5.7.1', text: 'This server sends no mail to other domains' };
const LOOP: SmtpReply = { code: 554, enhanced: '5.4.6', text: 'Mail loop' };

const TOO_MANY_AUTHORS: SmtpReply = { code: 550, enhanced: '5.7.1', text: 'Too many addresses in From and Sender' };
const NO_ADDRESS: SmtpReply = { code: 550, enhanced: '5.7.1', text: 'From and Sender need an address' };

/** Room for the headers that are added to a message that is as large as it may be. */
const ADDED_OCTETS = 4_096;

export function createSubmission(parts: SubmissionParts): Submission {
  return {
    sender: (address, session) => guarded(parts, () => checkSender(parts, address, session)),
    recipient: (address, envelope, session) => guarded(parts, () => checkRecipient(parts, address, envelope, session)),
    async submit(envelope, staged, session) {
      return (await guarded(parts, () => submit(parts, envelope, staged, session))) ?? TEMPORARY;
    },
  };
}

async function checkSender(
  parts: SubmissionParts,
  address: string,
  { principal }: IngressSession,
): Promise<SmtpReply | null> {
  if (principal === null) return LOGIN_FIRST;
  if (address === '') return null; // a receipt (RFC 8098 3) has the null sender; its From is checked at the end
  return maySendAs(parts, principal, address);
}

async function checkRecipient(
  parts: SubmissionParts,
  address: string,
  envelope: Envelope,
  session: IngressSession,
): Promise<SmtpReply | null> {
  if (session.principal === null) return LOGIN_FIRST;
  const { kind } = await parts.directory.resolve(address);
  if (kind !== 'foreign') return parts.ingress.recipient(address, envelope, session);
  if (!parts.send) return { ...NOT_SENT, text: `<${address}> ${NOT_SENT.text}` };
  // An address literal among them: nobody has mail there, and what listens there is nobody's business.
  return domainOf(address) === '' ? { ...BAD_DOMAIN, text: `<${address}> ${BAD_DOMAIN.text}` } : null;
}

async function submit(
  parts: SubmissionParts,
  envelope: Envelope,
  received: Staged,
  session: IngressSession,
): Promise<SmtpReply> {
  const { principal } = session;
  if (principal === null) return LOGIN_FIRST;
  const refusal = await checkFrom(parts, principal, received.header);
  if (refusal !== null) return refusal;
  const repaired = repairHeader(received.header, {
    from: envelope.sender === '' ? principal.account.address : envelope.sender,
    messageId: `<${randomBytes(16).toString('base64url')}@${parts.hostname}>`,
    now: Math.floor(Date.now() / 1000),
  });
  if (repaired === null) return send(parts, envelope, received, session);
  await using staged = await restage(parts, repaired, received);
  return await send(parts, envelope, staged, session); // staged lives until it is placed
}

/** Into the mailboxes, or into the queue if any recipient is elsewhere or a report on a delivery is asked for. */
async function send(
  parts: SubmissionParts,
  envelope: Envelope,
  staged: Staged,
  session: IngressSession,
): Promise<SmtpReply> {
  if (!(await waits(parts, envelope))) return parts.ingress.accept(envelope, staged, session);
  if (loops(staged.header, [])) return LOOP;
  const { hostname, retry } = parts;
  const id = await parts.queue.add(await toQueue(envelope, staged, session, { hostname, retry, now: Date.now() }));
  const about = { connection: session.id, sender: envelope.sender, recipients: envelope.recipients.length };
  parts.log.info({ ...about, queued: id, bytes: staged.size }, 'queued');
  return { code: 250, enhanced: '2.6.0', text: `Message queued as ${id}` };
}

async function waits({ directory }: SubmissionParts, { recipients, dsn }: Envelope): Promise<boolean> {
  for (const recipient of recipients) {
    if (dsn?.recipients.get(recipient)?.notify?.includes('success') === true) return true;
    if ((await directory.resolve(recipient)).kind === 'foreign') return true;
  }
  return false;
}

/** F16: every address of From and Sender is one that the login may use. */
async function checkFrom(parts: SubmissionParts, principal: Principal, header: Uint8Array): Promise<SmtpReply | null> {
  const block = latin1(header);
  let authors = 0;
  for (const field of fields(block)) {
    if (field.name !== 'from' && field.name !== 'sender') continue;
    const value = fieldValue(block, field);
    const addresses = parseAddresses(value).filter(({ group }) => group === undefined);
    if (addresses.length === 0 && value !== '') return NO_ADDRESS; // an empty one is made anew
    authors += addresses.length;
    if (authors > AUTHORS) return TOO_MANY_AUTHORS;
    for (const { mailbox, host } of addresses) {
      const address = Buffer.from(`${mailbox}@${host}`, 'latin1').toString('utf8');
      const refusal = await maySendAs(parts, principal, address);
      if (refusal !== null) return refusal;
    }
  }
  return null;
}

async function maySendAs(parts: SubmissionParts, { account }: Principal, address: string): Promise<SmtpReply | null> {
  if (await parts.directory.maySendAs(account.id, address)) return null;
  const text = `<${address}> is not an address of ${account.address}; make it an alias of the account to send as it`;
  return { code: 550, enhanced: '5.7.1', text };
}

/** The message again, with another header block. */
async function restage(parts: SubmissionParts, header: Uint8Array, received: Staged): Promise<Staged> {
  await using staging = parts.stage({ maxBytes: parts.messageSize + ADDED_OCTETS });
  await staging.write(header);
  for await (const chunk of received.open(received.header.length)) await staging.write(chunk);
  return await staging.finish();
}

/** A store that can't answer now is a temporary failure; a name that can be nobody's is not the account's. */
async function guarded<T>(parts: SubmissionParts, work: () => Promise<T>): Promise<T | SmtpReply> {
  try {
    return await work();
  } catch (error) {
    parts.log.error({ err: error }, 'a submission failed');
    if (!(error instanceof StoreError)) return TEMPORARY;
    if (error.code === 'no-space') return NO_SPACE;
    if (error.code === 'limit') return TOO_LARGE;
    if (isTemporary(error.code)) return TEMPORARY;
    return { code: 550, enhanced: '5.1.3', text: 'Bad address' };
  }
}
