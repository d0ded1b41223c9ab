// MAIL and RCPT as they are sent to a server, by what it offers; or why they can't be (RFC 5321 4.1.1.2, RFC 1870,
// RFC 6152, RFC 6531, RFC 3461, RFC 8689).

import { domainToASCII } from 'node:url';
import type { ServerReply } from './reply.ts';

/** What a server offers: keywords of its EHLO in upper case, with what follows each. */
export type Extensions = ReadonlyMap<string, string>;

export interface OutgoingEnvelope {
  /** '' for the null reverse-path. */
  readonly sender: string;
  /** Prefix and message, in bytes. */
  readonly size: number;
  /** The header has octets above 127, or the sender. */
  readonly utf8: boolean;
  readonly eightBit: boolean;
  readonly requireTls: boolean;
  /** ENVID in xtext, '' for none. */
  readonly envelopeId: string;
  /** RET; null: not said. */
  readonly returnFull: boolean | null;
}

export interface OutgoingRecipient {
  readonly address: string;
  /** NOTIFY as bits (storage/ports.ts Notify); null: not said. */
  readonly notify: number | null;
  /** ORCPT, '' for none. */
  readonly original: string;
}

const refusal = (code: number, enhanced: string, text: string): ServerReply => ({ code, enhanced, text });

/** The command, or the refusal that the server's abilities are. `utf8`: this transaction needs SMTPUTF8. */
export function mailCommand(envelope: OutgoingEnvelope, offered: Extensions, utf8: boolean): string | ServerReply {
  const size = /^\d{1,15}$/.exec(offered.get('SIZE') ?? '')?.[0];
  // RFC 1870 6.1: 0 is no fixed limit.
  if (size !== undefined && Number(size) > 0 && envelope.size > Number(size)) {
    return refusal(552, '5.3.4', `The message has ${envelope.size} bytes, the server takes ${size}`);
  }
  const sender = asAscii(envelope.sender);
  if ((envelope.utf8 || !isAscii(sender)) && !offered.has('SMTPUTF8')) {
    return refusal(550, '5.6.7', 'The server does not take addresses or headers that are not ASCII (SMTPUTF8)');
  }
  if (envelope.eightBit && !offered.has('8BITMIME')) {
    return refusal(550, '5.6.3', 'The server does not take 8-bit content (8BITMIME)');
  }
  // RFC 8689 6: a report is sent even so.
  if (envelope.requireTls && envelope.sender !== '' && !offered.has('REQUIRETLS')) {
    return refusal(550, '5.7.30', 'The message asks for REQUIRETLS, which the server does not know'); // RFC 8689 4.2.1
  }
  const speaks = utf8 && offered.has('SMTPUTF8');
  const words = [`MAIL FROM:<${speaks ? envelope.sender : sender}>`];
  if (offered.has('SIZE')) words.push(`SIZE=${envelope.size}`);
  if (envelope.eightBit) words.push('BODY=8BITMIME');
  if (speaks) words.push('SMTPUTF8');
  if (envelope.requireTls && offered.has('REQUIRETLS')) words.push('REQUIRETLS');
  if (offered.has('DSN')) {
    if (envelope.returnFull !== null) words.push(`RET=${envelope.returnFull ? 'FULL' : 'HDRS'}`);
    if (envelope.envelopeId !== '') words.push(`ENVID=${envelope.envelopeId}`);
  }
  return words.join(' ');
}

/** The command, or the refusal. `utf8`: MAIL said SMTPUTF8. */
export function rcptCommand(recipient: OutgoingRecipient, offered: Extensions, utf8: boolean): string | ServerReply {
  const address = utf8 ? recipient.address : asAscii(recipient.address);
  if (!isAscii(address) && !utf8) {
    return refusal(553, '5.6.7', 'The server does not take addresses that are not ASCII (SMTPUTF8)');
  }
  const words = [`RCPT TO:<${address}>`];
  if (offered.has('DSN')) {
    if (recipient.notify !== null) words.push(`NOTIFY=${notifyWords(recipient.notify)}`);
    if (recipient.original !== '') words.push(`ORCPT=${utf8 ? recipient.original : unitext(recipient.original)}`);
  }
  return words.join(' ');
}

/** True if the transaction has to ask for SMTPUTF8: an address is not ASCII beyond its domain (RFC 6531 3.4). */
export function needsUtf8(envelope: OutgoingEnvelope, recipients: readonly OutgoingRecipient[]): boolean {
  return (
    envelope.utf8 || !isAscii(asAscii(envelope.sender)) || recipients.some(({ address }) => !isAscii(asAscii(address)))
  );
}

/** An address beyond ASCII for who does not know SMTPUTF8 (RFC 6533 3, utf-8-addr-unitext). */
export function unitext(text: string): string {
  return text.replace(/[^\0-\x7f]/gu, (character) => {
    return `\\x{${character.codePointAt(0)?.toString(16).toUpperCase()}}`;
  });
}

export function notifyWords(notify: number): string {
  const words = ['SUCCESS', 'FAILURE', 'DELAY'].filter((_, bit) => (notify & (1 << bit)) !== 0);
  return words.length === 0 ? 'NEVER' : words.join(',');
}

/** With its domain as A-labels: what any server understands, if the local part is ASCII (RFC 5891 4). */
function asAscii(address: string): string {
  const at = address.lastIndexOf('@');
  const domain = address.slice(at + 1);
  if (at < 0 || domain.startsWith('[')) return address;
  const ascii = domainToASCII(domain);
  return ascii === '' ? address : `${address.slice(0, at)}@${ascii}`;
}

function isAscii(text: string): boolean {
  return Buffer.byteLength(text) === text.length;
}
