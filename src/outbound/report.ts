// Delivery reports (RFC 3464, in the container of RFC 6522): what became of a message, for people and for programs. A
// report goes from nobody, so that none is ever made about it.

import { randomBytes } from 'node:crypto';
import { formatReply, type ServerReply } from '#protocols/smtp/client/reply.ts';
import { formatDate } from '#storage/message/date.ts';
import type { QueuedMessage, QueuedRecipient, Staged, Staging } from '#storage/ports.ts';

export type Action = 'failed' | 'delayed' | 'delivered' | 'relayed' | 'expanded';

export interface Reported {
  readonly recipient: Pick<QueuedRecipient, 'address' | 'domain' | 'original'>;
  readonly reply: ServerReply;
  /** RFC 3463; what it comes to, which need not be what the server said last. */
  readonly status: string;
}

export interface ReportOptions {
  readonly hostname: string;
  readonly message: Pick<QueuedMessage, 'sender' | 'envelopeId' | 'created' | 'expires'>;
  readonly action: Action;
  readonly recipients: readonly Reported[];
  /** The server that said it; '' if none did. */
  readonly host: string;
  /** All of the message goes back with it, or only its header. */
  readonly whole: boolean;
  /** Whom it tells; '' for the sender. */
  readonly reader: string;
  /** It was not sent on: it was refused here. */
  readonly refused?: boolean;
  /** Unix ms. */
  readonly now: number;
}

const TITLES: Readonly<Record<Action, string>> = {
  failed: 'Undelivered mail returned to sender',
  delayed: 'Delayed mail (still being retried)',
  delivered: 'Successful mail delivery report',
  relayed: 'Successful mail delivery report',
  expanded: 'Successful mail delivery report',
};

/** For him to whom it came. */
const ITS_READER = {
  forwarded: {
    title: 'Mail to you could not be forwarded',
    lead: 'The message below came for you. Its sender can not be told that it could not be forwarded to:',
  },
  refused: {
    title: 'Mail to you was refused',
    lead: 'The message below came for you. Its sender can not be told that it was refused for:',
  },
} as const;

const LEADS: Readonly<Record<Action, string>> = {
  failed: 'Your message could not be delivered to:',
  delayed:
    'Your message could not be delivered yet, and it is still being tried. You need not send it again. It waits for:',
  delivered: 'Your message was delivered to:',
  relayed: 'Your message was handed on to a server that does not report deliveries, for:',
  expanded: 'Your message was delivered to an address that hands it on to several others:',
};

/** The report as a message, but for what goes back with it. */
export interface Report {
  readonly before: Buffer;
  readonly after: Buffer;
}

export function makeReport(options: ReportOptions): Report {
  const { hostname, message, action, now, whole } = options;
  const reader = options.reader === '' ? message.sender : options.reader;
  const its = options.reader === '' ? null : ITS_READER[options.refused === true ? 'refused' : 'forwarded'];
  const boundary = `report-${randomBytes(16).toString('hex')}`;
  const date = formatDate({ seconds: Math.floor(now / 1000), offsetMinutes: 0 });
  // RFC 6533: other types where an address is not ASCII.
  const global = ![reader, message.sender, ...options.recipients.map(({ recipient }) => recipient.address)].every(
    isAscii,
  );
  const status = global ? 'message/global-delivery-status' : 'message/delivery-status';
  const returned = whole
    ? `message/${global ? 'global' : 'rfc822'}`
    : global
      ? 'message/global-headers'
      : 'text/rfc822-headers';
  const head = [
    `From: Mail Delivery System <MAILER-DAEMON@${hostname}>`,
    `To: <${reader}>`,
    `Subject: ${its?.title ?? TITLES[action]}`,
    `Date: ${date}`,
    `Message-ID: <${randomBytes(16).toString('base64url')}@${hostname}>`,
    'Auto-Submitted: auto-replied', // RFC 3834 5
    'MIME-Version: 1.0',
    `Content-Type: multipart/report; report-type=delivery-status; boundary="${boundary}"`,
    '',
    `--${boundary}`,
    'Content-Type: text/plain; charset=utf-8',
    'Content-Transfer-Encoding: 8bit',
    '',
    `This is the mail server ${hostname}.`,
    '',
    its?.lead ?? LEADS[action],
    '',
    ...options.recipients.flatMap((reported) => forPeople(reported, options)),
    ...(action === 'delayed' ? [`It is tried until ${dateOf(message.expires)}.`, ''] : []),
    `--${boundary}`,
    `Content-Type: ${status}`,
    ...(global ? ['Content-Transfer-Encoding: 8bit'] : []),
    '',
    `Reporting-MTA: dns; ${hostname}`,
    ...(message.envelopeId === '' ? [] : [`Original-Envelope-Id: ${fromXtext(message.envelopeId)}`]),
    `Arrival-Date: ${dateOf(message.created)}`,
    '',
    ...options.recipients.flatMap((reported) => forPrograms(reported, options)),
    `--${boundary}`,
    `Content-Type: ${returned}`,
    'Content-Transfer-Encoding: 8bit',
    '',
    '',
  ];
  return { before: Buffer.from(head.join('\r\n')), after: Buffer.from(`\r\n--${boundary}--\r\n`) };
}

/** The report as it is sent, around what goes back with it. */
export async function writeReport(
  stage: (options: { maxBytes: number }) => Staging,
  { before, after }: Report,
  content: { readonly size: number; readonly chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array> },
): Promise<Staged> {
  await using staging = stage({ maxBytes: before.length + after.length + content.size });
  await staging.write(before);
  for await (const chunk of content.chunks) await staging.write(chunk);
  await staging.write(after);
  return await staging.finish();
}

function forPeople({ recipient, reply }: Reported, { action, host }: ReportOptions): string[] {
  const lines = [`<${recipient.address}>`];
  if (action === 'failed' || action === 'delayed') {
    if (host !== '') lines.push(`  ${host} said:`);
    lines.push(...wrapped(formatReply(reply)).map((line) => `  ${line}`));
  }
  return [...lines, ''];
}

/** RFC 3464 2.3. */
function forPrograms({ recipient, reply, status }: Reported, { action, host, message, now }: ReportOptions): string[] {
  const { address, original } = recipient;
  const type = isAscii(address) ? 'rfc822' : 'utf-8';
  const lines: string[] = [];
  if (original !== '') {
    const [, kind = '', text = ''] = /^([^;]*);(.*)$/s.exec(original) ?? [];
    lines.push(`Original-Recipient: ${kind};${fromXtext(text)}`);
  }
  lines.push(`Final-Recipient: ${type};${address}`, `Action: ${action}`, `Status: ${status}`);
  if (host !== '') lines.push(`Remote-MTA: dns; ${host}`);
  if (action === 'failed' || action === 'delayed') {
    lines.push(...folded(`Diagnostic-Code: smtp; ${formatReply(reply)}`), `Last-Attempt-Date: ${dateOf(now)}`);
  }
  if (action === 'delayed') lines.push(`Will-Retry-Until: ${dateOf(message.expires)}`);
  return [...lines, ''];
}

function dateOf(ms: number): string {
  return formatDate({ seconds: Math.floor(ms / 1000), offsetMinutes: 0 });
}

/** RFC 3461 4: +41 is A. What is no printable ASCII after that stays as it was. */
function fromXtext(text: string): string {
  return text.replace(/\+([2-7][0-9A-F])/g, (all, hex: string) => {
    const char = String.fromCharCode(Number.parseInt(hex, 16));
    return char === '\x7f' ? all : char;
  });
}

/** Lines of at most 76 characters, broken at blanks; a word that is longer stays whole up to 900. */
function wrapped(text: string): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ').flatMap((part) => part.match(/.{1,900}/gsu) ?? [])) {
    if (line !== '' && line.length + word.length > 75) {
      lines.push(line);
      line = '';
    }
    line += line === '' ? word : ` ${word}`;
  }
  return line === '' ? lines : [...lines, line];
}

function folded(text: string): string[] {
  return wrapped(text).map((line, i) => (i === 0 ? line : `    ${line}`));
}

function isAscii(text: string): boolean {
  return Buffer.byteLength(text) === text.length;
}
