// The headers that we put in front of a message at delivery: Return-Path, Delivered-To and Received. They are a prefix
// beside the bytes as received (DESIGN 3.4), one for each account.

import type { Envelope, IngressSession, Peer } from '#protocols/ports.ts';
import { formatDate } from '#storage/message/date.ts';

export interface PrefixOptions {
  readonly hostname: string;
  readonly envelope: Envelope;
  readonly session: IngressSession;
  /** The recipient address, as the peer gave it. */
  readonly recipient: string;
  /** Unix seconds. */
  readonly now: number;
}

/** CRLF-ended header lines. */
export function prefix(options: PrefixOptions): Uint8Array {
  const { envelope, recipient } = options;
  return Buffer.from(
    `Return-Path: <${envelope.sender}>\r\n` + // RFC 5321 4.4: at final delivery
      `Delivered-To: ${recipient}\r\n` + // RFC 9228; what loops are found by
      received(options, `for <${recipient}>`),
  );
}

/** The Received field (RFC 5321 4.4). `clause`: for whom it is, '' where that is nobody else's business. */
export function received(
  { hostname, envelope, session, now }: Omit<PrefixOptions, 'recipient'>,
  clause: string,
): string {
  const { helo, peer, tls } = session;
  const cipher = tls === null ? '' : `\r\n\t(using ${comment(tls.version)} with cipher ${comment(tls.cipher)})`;
  return (
    `Received: from ${domain(helo)} (${named(peer)})${cipher}\r\n` +
    `\tby ${hostname} with ${protocol(envelope, session)} id ${session.id}${clause === '' ? ';' : ''}\r\n` +
    `\t${clause === '' ? '' : `${clause}; `}${formatDate({ seconds: now, offsetMinutes: 0 })}\r\n`
  );
}

/** RFC 3848, and RFC 6531 4.3 for those with SMTPUTF8. */
function protocol(envelope: Envelope, session: IngressSession): string {
  const secure = session.tls === null ? '' : 'S';
  const login = session.principal === null || session.principal.byAddress === true ? '' : 'A';
  if (session.lmtp) return `${envelope.smtputf8 ? 'UTF8' : ''}LMTP${secure}`;
  if (envelope.smtputf8) return `UTF8SMTP${secure}${login}`;
  return session.esmtp ? `ESMTP${secure}${login}` : 'SMTP';
}

/** RFC 5321 4.4: what is known of the connection. */
function named({ name, address }: Peer): string {
  return name === undefined ? literal(address) : `${name} ${literal(address)}`;
}

/** RFC 5321 4.1.3. */
function literal(address: string): string {
  return address.includes(':') ? `[IPv6:${address}]` : `[${address}]`;
}

/** What the peer calls itself, with everything that could not stand in a Domain made harmless. */
function domain(helo: string): string {
  return helo.replace(/[^\p{L}\p{N}.:_[\]-]/gu, '?') || 'unknown';
}

function comment(text: string): string {
  return text.replace(/[^\w.-]/g, '?');
}
