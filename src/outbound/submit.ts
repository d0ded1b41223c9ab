// Mail that a logged-in user hands in, by any protocol: may he send as that, is it whole, and where does it go. What is
// for recipients of ours alone takes the ingress road at once; all else waits in the queue, durable before the reply.

import { randomBytes } from 'node:crypto';
import type { Logger } from 'pino';
import type { GatewayConfig } from '#config/gateways.ts';
import type { RouteConfig } from '#config/routes.ts';
import type { Envelope, Ingress, IngressSession, SmtpReply, Submission } from '#protocols/ports.ts';
import { isTemporary, StoreError } from '#storage/errors.ts';
import type {
  Account,
  AccountId,
  Directory,
  DomainSettings,
  MailAccount,
  NewQueued,
  Queue,
  SigningKeys,
  Staged,
  Staging,
} from '#storage/ports.ts';
import { loops } from '../ingress/loops.ts';
import { heldBack, refuseCrowd, refuseExcess } from './allowance.ts';
import { bodyCharset } from './eight-bit.ts';
import { domainOf, toQueue } from './enqueue.ts';
import { addFooter, describeMessage, type Edit, type Footed } from './footer/footer.ts';
import { numberOf } from './gateways/number.ts';
import { needsCharset, type Repairs, repairHeader } from './header.ts';
import { type RelayRule, relayPrincipals } from './relay.ts';
import type { Retry } from './retry.ts';
import { readLane } from './routes/choose.ts';
import type { Router } from './routes/router.ts';
import { refuseAuthors, refuseNull, refuseSender } from './senders.ts';
import { saveSent } from './sent-copy.ts';
import { type SendingLimits, type SendingSettings, sendingSettings } from './settings.ts';
import { authorDomain, signaturesFor } from './signing.ts';
import { suppressedReply } from './suppressed.ts';

export interface SubmissionParts {
  readonly hostname: string;
  readonly directory: Pick<Directory, 'resolve' | 'maySendAs' | 'settings' | 'accountByAddress'>;
  readonly mail: (id: AccountId) => MailAccount;
  readonly ingress: Ingress;
  /** [outbound] send. */
  readonly send: boolean;
  readonly queue: Pick<Queue, 'add' | 'obstacles'>;
  readonly signingKeys: Pick<SigningKeys, 'signing'>;
  readonly domainSettings: Pick<DomainSettings, 'get'>;
  readonly retry: Retry;
  readonly routed: Router;
  readonly routes: readonly RouteConfig[];
  readonly gateways: readonly GatewayConfig[];
  readonly stage: (options: { maxBytes: number }) => Staging;
  /** What holds for an account for which nothing else is set. */
  readonly limits: SendingLimits;
  /** Networks that need not log in. */
  readonly relay: readonly RelayRule[];
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

/** Room for the headers that are added to a message that is as large as it may be. */
const ADDED_OCTETS = 4_096;

export function createSubmission(parts: SubmissionParts): Submission {
  const withoutLogin = relayPrincipals(parts.directory, parts.relay);
  return {
    async withoutLogin(peer) {
      try {
        return await withoutLogin(peer);
      } catch (error) {
        parts.log.error({ err: error }, 'the directory could not be asked');
        return null;
      }
    },
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
  const { account } = principal;
  // A receipt (RFC 8098 3) has the null sender; that it is one, and its From, is checked at the end.
  const refusal = address === '' ? null : await refuseSender(parts.directory, principal, address);
  if (refusal !== null) return refusal;
  const { held } = await parts.queue.obstacles(account.id, []);
  if (held) return alarmed(parts, account, heldBack(account));
  const settings = await sendingSettings(parts.directory, account.id, parts.limits);
  return await checkAllowance(parts, account, settings, []);
}

/** F23. */
async function checkAllowance(
  parts: SubmissionParts,
  account: Account,
  limits: SendingLimits,
  strangers: readonly string[],
): Promise<SmtpReply | null> {
  if (limits.messagesADay === null && limits.newRecipientsADay === null) return null;
  return alarmed(parts, account, refuseExcess(account, await parts.mail(account.id).sending(strangers), limits));
}

async function checkRecipient(
  parts: SubmissionParts,
  address: string,
  envelope: Envelope,
  session: IngressSession,
): Promise<SmtpReply | null> {
  if (session.principal === null) return LOGIN_FIRST;
  const { account } = session.principal;
  const settings = await sendingSettings(parts.directory, account.id, parts.limits);
  const crowd = refuseCrowd(account, envelope.recipients.length, settings);
  if (crowd !== null) return crowd;
  const { kind } = await parts.directory.resolve(address);
  if (kind !== 'foreign') return parts.ingress.recipient(address, envelope, session);
  if (!parts.send) return { ...NOT_SENT, text: `<${address}> ${NOT_SENT.text}` };
  // An address literal among them: nobody has mail there, and what listens there is nobody's business.
  if (domainOf(address) === '') return { ...BAD_DOMAIN, text: `<${address}> ${BAD_DOMAIN.text}` };
  const gateway = parts.gateways.find(({ domain }) => domain === domainOf(address));
  if (gateway !== undefined) return refuseAtGateway(gateway, settings, account, address);
  const { suppressed } = await parts.queue.obstacles(account.id, [address]);
  return suppressed.size === 0 ? null : suppressedReply(address, suppressed.get(address) ?? '');
}

/** F19 to F22: each SMS and each fax costs something. */
function refuseAtGateway(
  gateway: GatewayConfig,
  { gateways }: SendingSettings,
  account: Account,
  address: string,
): SmtpReply | null {
  const { name } = gateway;
  if (!gateways.includes(name)) {
    const text = `${account.address} may not send to <${address}>; allow it: posthuis account set ${account.address} gateway ${name}`;
    return { code: 550, enhanced: '5.7.1', text };
  }
  if (numberOf(gateway, address) !== null) return null;
  return { code: 550, enhanced: '5.1.3', text: `<${address}> is not a telephone number; write it as +32475123456` };
}

async function submit(
  parts: SubmissionParts,
  envelope: Envelope,
  received: Staged,
  session: IngressSession,
): Promise<SmtpReply> {
  const { principal } = session;
  if (principal === null) return LOGIN_FIRST;
  const { account } = principal;
  const settings = await sendingSettings(parts.directory, account.id, parts.limits);
  const strangers = await foreignOf(parts, envelope.recipients);
  const refusal =
    refuseNull(envelope.sender, received.header) ??
    (await refuseAuthors(parts.directory, principal, received.header)) ??
    (await checkAllowance(parts, account, settings, strangers));
  if (refusal !== null) return refusal;
  const repairs: Repairs = {
    from: envelope.sender === '' ? account.address : envelope.sender,
    messageId: `<${randomBytes(16).toString('base64url')}@${parts.hostname}>`,
    now: Math.floor(Date.now() / 1000),
    utf8: envelope.smtputf8,
    charset: needsCharset(received.header) ? await bodyCharset(received) : null,
  };
  const repaired = repairHeader(received.header, repairs);
  const footed = settings.footer ? await footer(parts, received, repaired, repairs) : null;
  const reply = await withChanges(parts, received, repaired, footed, (staged) =>
    send(parts, withCopies(withVerp(envelope, settings.verp), settings.bcc), staged, session),
  );
  if (reply.code >= 300) return reply;
  const mail = parts.mail(account.id);
  await noteSent(parts, mail, strangers);
  if (settings.saveSent) {
    const header = repairHeader(received.header, { ...repairs, keepBcc: true });
    await withChanges(parts, received, header, footed, (staged) => saveSent(mail, staged, parts.log));
  }
  return reply;
}

/** The message has been taken: that it could not be counted is no reason to have it sent again. */
async function noteSent({ log }: SubmissionParts, mail: MailAccount, strangers: readonly string[]): Promise<void> {
  try {
    await mail.noteSent(strangers);
  } catch (error) {
    log.error({ err: error, account: mail.id }, 'a message could not be counted');
  }
}

/** The footer of the author's domain (F24), if it has one and the message takes it. */
async function footer(
  { domainSettings, log }: SubmissionParts,
  received: Staged,
  repaired: Uint8Array | null,
  { charset }: Repairs,
): Promise<Footed | null> {
  const domain = authorDomain(repaired ?? received.header);
  const set = await domainSettings.get(domain);
  const wanted = { text: set.get('footer-text')?.[0] ?? '', html: set.get('footer-html')?.[0] ?? '' };
  if (wanted.text === '') return null;
  const footed = await addFooter(received, wanted, charset === null ? null : { charset, encoding: '8bit' });
  if (typeof footed !== 'string') return footed;
  log.info({ domain, bytes: received.size, why: footed }, 'no footer was added');
  return null;
}

/** Works on the message with another header block or other texts, if there are any. */
async function withChanges<T>(
  parts: SubmissionParts,
  received: Staged,
  repaired: Uint8Array | null,
  footed: Footed | null,
  work: (staged: Staged) => Promise<T>,
): Promise<T> {
  if (repaired === null && footed === null) return await work(received);
  const header = repaired ?? received.header;
  const described = footed?.root == null ? header : describeMessage(header, footed.root);
  await using staged = await restage(parts, described, received, footed?.edits ?? []);
  return await work(staged); // staged lives until it is placed
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
  const now = Date.now();
  const signatures = await signaturesFor(parts.signingKeys, staged, Math.floor(now / 1000));
  const message = await toQueue(envelope, staged, session, { hostname, retry, signatures, now });
  const queued = await parts.routed(message, session.peer.address);
  const tooLarge = refuseForRoute(parts, queued);
  if (tooLarge !== null) return tooLarge;
  const id = await parts.queue.add(queued);
  const about = { connection: session.id, sender: envelope.sender, recipients: envelope.recipients.length };
  parts.log.info({ ...about, queued: id, bytes: staged.size }, 'queued');
  return { code: 250, enhanced: '2.6.0', text: `Message queued as ${id}` };
}

/** F219: who limits it is named before the message is taken. */
function refuseForRoute({ routes }: SubmissionParts, { recipients, staged }: NewQueued): SmtpReply | null {
  for (const { address, route = '' } of recipients) {
    const { name } = readLane(route);
    const most = routes.find((one) => one.name === name)?.limits.messageSize ?? null;
    if (most === null || staged.size <= most) continue;
    const text = `The message has ${staged.size} bytes, and route ${name}, by which <${address}> is sent, takes ${most}`;
    return { code: 552, enhanced: '5.3.4', text };
  }
  return null;
}

async function waits({ directory }: SubmissionParts, { recipients, dsn, verp, releaseAt }: Envelope): Promise<boolean> {
  if (verp !== undefined || releaseAt !== undefined) return true;
  for (const recipient of recipients) {
    if (dsn?.recipients.get(recipient)?.notify?.includes('success') === true) return true;
    if ((await directory.resolve(recipient)).kind === 'foreign') return true;
  }
  return false;
}

/** The refusal, which the administrator hears of too. */
function alarmed(parts: SubmissionParts, account: Account, refusal: SmtpReply | null): SmtpReply | null {
  if (refusal !== null) parts.log.warn({ account: account.address, alert: true }, refusal.text);
  return refusal;
}

/** Those that are not here: only they count as new recipients. */
async function foreignOf({ directory }: SubmissionParts, recipients: readonly string[]): Promise<string[]> {
  const foreign: string[] = [];
  for (const recipient of recipients) {
    if ((await directory.resolve(recipient)).kind === 'foreign') foreign.push(recipient);
  }
  return foreign;
}

/** What the account asks for where the message does not. A receipt has nobody that a bounce could go to. */
function withVerp(envelope: Envelope, verp: boolean): Envelope {
  return verp && envelope.verp === undefined && envelope.sender !== '' ? { ...envelope, verp: '+=' } : envelope;
}

/** F199: everything that the account sends goes to these, too, unseen. A receipt does not. */
function withCopies(envelope: Envelope, bcc: readonly string[]): Envelope {
  const more = envelope.sender === '' ? [] : bcc.filter((address) => !envelope.recipients.includes(address));
  return more.length === 0 ? envelope : { ...envelope, recipients: [...envelope.recipients, ...more] };
}

/** The message again, with another header block and other texts. */
async function restage(
  parts: SubmissionParts,
  header: Uint8Array,
  received: Staged,
  edits: readonly Edit[],
): Promise<Staged> {
  const grown = edits.reduce((sum, { start, end, bytes }) => sum + bytes.length - (end - start), 0);
  await using staging = parts.stage({ maxBytes: parts.messageSize + ADDED_OCTETS + grown });
  await staging.write(header);
  let at = received.header.length;
  for (const { start, end, bytes } of edits) {
    if (start > at) for await (const chunk of received.open(at, start)) await staging.write(chunk);
    await staging.write(bytes);
    at = end;
  }
  if (at < received.size) for await (const chunk of received.open(at)) await staging.write(chunk);
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
