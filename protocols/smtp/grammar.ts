// The grammar of SMTP commands (RFC 5321 4.1): lines in, plain values or the reply that refuses them out. It knows
// nothing of the session.

import { isUtf8 } from 'node:buffer';
import { isIPv4, isIPv6 } from 'node:net';
import type { RecipientRequest, SmtpReply } from '#protocols/ports.ts';
import { DOMAIN_OCTETS, PATH_OCTETS } from './limits.ts';
import { type MailParameters, type Offers, parseMailParameters, parseRcptParameters } from './parameters.ts';
import { Reply } from './replies.ts';

export interface MailCommand extends MailParameters {
  /** '' for the null reverse-path. */
  readonly address: string;
}

export interface RcptCommand {
  readonly address: string;
  readonly request: RecipientRequest;
}

/** What almost every line is. */
const PLAIN = /^[ -~]*$/;

/**
 * A line (without its LF) as text, or null when it does not end in CR or carries another CR or a NUL, or is not UTF-8.
 * `lenient`: a bare LF ends a line too; office programs send it, and behind a login it harms nobody (F222).
 */
export function decodeLine(bytes: Buffer, lenient: boolean): string | null {
  const ended = bytes[bytes.length - 1] === 0x0d;
  if (!ended && !lenient) return null;
  const text = bytes.toString('latin1', 0, ended ? bytes.length - 1 : bytes.length);
  if (PLAIN.test(text)) return text;
  const line = ended ? bytes.subarray(0, -1) : bytes;
  return line.includes(0x0d) || line.includes(0) || !isUtf8(line) ? null : line.toString('utf8');
}

/** A command line's verb in upper case, '' if it begins with none, and what follows it without the blanks around it. */
export function splitVerb(line: string): { readonly verb: string; readonly rest: string } {
  const blank = line.indexOf(' ');
  const word = blank < 0 ? line : line.slice(0, blank);
  if (!/^[A-Za-z][A-Za-z0-9]*$/.test(word)) return { verb: '', rest: '' };
  let start = blank < 0 ? line.length : blank;
  let end = line.length;
  while (start < end && line[start] === ' ') start++;
  while (end > start && line[end - 1] === ' ') end--;
  return { verb: word.toUpperCase(), rest: line.slice(start, end) };
}

/** MAIL FROM:<reverse-path> [parameters] (RFC 5321 4.1.1.2). */
export function parseMail(rest: string, offers: Offers): MailCommand | SmtpReply {
  const match = /^FROM:\s*(.*)$/is.exec(rest);
  if (match?.[1] === undefined) return Reply.mailSyntax;
  const path = splitPath(match[1]);
  const address = path === null ? null : path.path === '' ? '' : parseMailbox(path.path);
  if (path === null || address === null) return Reply.badSender;
  const parameters = parseMailParameters(path.parameters, offers);
  if ('code' in parameters) return parameters;
  if (!parameters.smtputf8 && !isAscii(address)) return Reply.noSmtpUtf8;
  return { address, ...parameters };
}

/** RCPT TO:<forward-path> [parameters] (RFC 5321 4.1.1.3). */
export function parseRcpt(rest: string, smtputf8: boolean, offers: Offers): RcptCommand | SmtpReply {
  const match = /^TO:\s*(.*)$/is.exec(rest);
  if (match?.[1] === undefined) return Reply.recipientSyntax;
  const path = splitPath(match[1]);
  if (path === null || path.path === '') return Reply.badRecipient;
  const postmaster = path.path.toLowerCase() === 'postmaster'; // RFC 5321 4.1.1.3: the one without a domain
  const address = postmaster ? 'postmaster' : parseMailbox(path.path);
  if (address === null) return Reply.badRecipient;
  const request = parseRcptParameters(path.parameters, offers);
  if ('code' in request) return request;
  if (!smtputf8 && !isAscii(address)) return Reply.noSmtpUtf8;
  return { address, request };
}

/** EHLO and HELO: a name or address literal. Real clients send everything but blanks and control characters. */
export function parseHello(rest: string): string | SmtpReply {
  const name = rest.trim();
  return /^[^\s\p{Cc}]+$/u.test(name) && Buffer.byteLength(name) <= DOMAIN_OCTETS + 2 ? name : Reply.helloSyntax;
}

const XCLIENT_NAMES = new Set([
  'NAME',
  'REVERSE_NAME',
  'ADDR',
  'PORT',
  'PROTO',
  'HELO',
  'LOGIN',
  'DESTADDR',
  'DESTPORT',
]);

/** XCLIENT's name=value pairs, values in xtext; those that are not known to the proxy are absent. Null: malformed. */
export function parseXclient(rest: string): ReadonlyMap<string, string> | null {
  const found = new Map<string, string>();
  for (const pair of rest === '' ? [] : rest.split(/\s+/)) {
    const [, name = '', value = ''] = /^([A-Za-z_]+)=(.+)$/.exec(pair) ?? [];
    if (!XCLIENT_NAMES.has(name.toUpperCase())) return null;
    const text = value.replace(/\+([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
    if (!/^\[(?:UNAVAILABLE|TEMPUNAVAIL)\]$/i.test(text)) found.set(name.toUpperCase(), text);
  }
  return found.size === 0 && rest === '' ? null : found;
}

/** The path without its angle brackets and source route, and the parameters after it. */
function splitPath(text: string): { readonly path: string; readonly parameters: string } | null {
  const end = text.startsWith('<') ? closingBracket(text) : -1;
  if (text.startsWith('<') && end < 0) return null;
  // Without brackets: not the grammar, but office programs do it and it is not ambiguous.
  const bare = /^[^\s<>"]+/.exec(text)?.[0] ?? '';
  const path = end < 0 ? bare : text.slice(1, end);
  const parameters = text.slice(end < 0 ? bare.length : end + 1);
  if ((end < 0 && bare === '') || (parameters !== '' && !/^\s/.test(parameters))) return null;
  // RFC 5321 C: a source route is accepted and ignored.
  return { path: path.replace(/^@[^\s,:@"]+(?:,@[^\s,:@"]+)*:/, ''), parameters: parameters.trim() };
}

/** Where the bracket of position 0 is closed, outside of a quoted string. */
function closingBracket(text: string): number {
  let quoted = false;
  for (let i = 1; i < text.length; i++) {
    const char = text[i];
    if (quoted && char === '\\') i++;
    else if (char === '"') quoted = !quoted;
    else if (char === '>' && !quoted) return i;
    else if (char === '<' && !quoted) return -1;
  }
  return -1;
}

/** Mailbox = Local-part "@" ( Domain / address-literal ); its plainest spelling, or null. */
export function parseMailbox(text: string): string | null {
  if (Buffer.byteLength(text) > PATH_OCTETS) return null;
  const quoted = /^"(?:[^"\\\p{Cc}]|\\[\x20-\x7e])*"(?=@)/u.exec(text)?.[0];
  const local = quoted ?? /^[^\s\p{Cc}()<>[\]:;@\\,"]+(?=@)/u.exec(text)?.[0];
  if (local === undefined) return null;
  const domain = text.slice(local.length + 1);
  return isDomain(domain) ? `${quoted === undefined ? local : plainest(quoted)}@${domain}` : null;
}

/** RFC 5321 4.1.2: a quoted local part that needs no quotes is the same as without them. */
function plainest(quoted: string): string {
  const content = quoted.slice(1, -1).replace(/\\(.)/g, '$1');
  if (/^[^\s\p{Cc}()<>[\]:;@\\,"]+$/u.test(content)) return content;
  return `"${content.replace(/["\\]/g, '\\$&')}"`;
}

function isDomain(domain: string): boolean {
  if (domain === '' || Buffer.byteLength(domain) > DOMAIN_OCTETS) return false;
  if (domain.startsWith('[')) return isLiteral(domain);
  // RFC 5321 2.3.5 and RFC 6531 3.3; the underscore is no letter there, but stands in names that send mail.
  return domain.split('.').every((label) => label.length <= 63 && /^(?!-)[\w\-\u0080-\u{10ffff}]+(?<!-)$/u.test(label));
}

/** RFC 5321 4.1.3. */
function isLiteral(domain: string): boolean {
  const content = /^\[(.*)\]$/.exec(domain)?.[1] ?? '';
  return /^IPv6:/i.test(content) ? isIPv6(content.slice(5)) : isIPv4(content);
}

function isAscii(text: string): boolean {
  return Buffer.byteLength(text) === text.length;
}
