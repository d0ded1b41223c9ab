// The parameters of MAIL and RCPT (RFC 5321 4.1.2): only what is offered here and now is known, anything else is refused
// with 555, since a sender who asks for something must not believe that he got it.

import type { RecipientRequest, SmtpReply } from '#protocols/ports.ts';
import { ENVID_OCTETS, ORCPT_OCTETS } from './limits.ts';
import { Reply } from './replies.ts';

/** The extensions with parameters that are offered to this client now. */
export interface Offers {
  readonly auth?: boolean;
  readonly dsn?: boolean;
  readonly requireTls?: boolean;
  readonly verp?: boolean;
  /** How long a message may be held, ms (RFC 4865); absent: not at all. */
  readonly futureMs?: number;
}

export interface MailParameters {
  readonly size: number | null;
  readonly smtputf8: boolean;
  readonly body: '7bit' | '8bitmime' | 'binarymime';
  readonly ret: 'full' | 'hdrs' | null;
  readonly envid: string | null;
  readonly requireTls: boolean;
  /** The two delimiters of VERP; null: not asked for. */
  readonly verp: string | null;
  /** Unix ms before which nobody is to have it; null: at once. */
  readonly releaseAt: number | null;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
/** Takes the value (null without '='); false when it is malformed. */
type Take<T> = (into: Mutable<T>, value: string | null) => boolean;
type Known<T> = ReadonlyMap<string, { readonly offer: keyof Offers | null; readonly take: Take<T> }>;

/** RFC 3461 4: printable ASCII but '+' and '=', which stand as +2B and +3D. */
const XTEXT = /^(?:[!-*,-<>-~]|\+[0-9A-F]{2})+$/;
/** RFC 6533 3: the same beyond ASCII, or with \x{...}; what it stands for is nothing to us. */
const UTF8_ADDRESS = /^[^\s\p{Cc}=]+$/u;
const BODIES: ReadonlyMap<string, MailParameters['body']> = new Map([
  ['7BIT', '7bit'],
  ['8BITMIME', '8bitmime'],
  ['BINARYMIME', 'binarymime'],
]);
const NOTICES: ReadonlyMap<string, 'success' | 'failure' | 'delay'> = new Map([
  ['SUCCESS', 'success'],
  ['FAILURE', 'failure'],
  ['DELAY', 'delay'],
]);

const MAIL: Known<MailParameters> = new Map([
  ['SIZE', { offer: null, take: takeSize }],
  ['BODY', { offer: null, take: takeBody }],
  ['SMTPUTF8', { offer: null, take: (into, value) => value === null && set(into, 'smtputf8', true) }], // RFC 6531 3.4
  ['AUTH', { offer: 'auth', take: (_into, value) => Boolean(value) }], // RFC 4954 5: nobody is trusted with it: ignored
  ['RET', { offer: 'dsn', take: takeRet }],
  ['ENVID', { offer: 'dsn', take: takeEnvid }],
  ['REQUIRETLS', { offer: 'requireTls', take: (into, value) => value === null && set(into, 'requireTls', true) }], // RFC 8689 2
  ['HOLDFOR', { offer: 'futureMs', take: takeHoldFor }],
  ['HOLDUNTIL', { offer: 'futureMs', take: takeHoldUntil }],
  ['XVERP', { offer: 'verp', take: takeVerp }],
] as const);

const RCPT: Known<RecipientRequest> = new Map([
  ['NOTIFY', { offer: 'dsn', take: takeNotify }],
  ['ORCPT', { offer: 'dsn', take: takeOrcpt }],
] as const);

/** Those of MAIL, or the reply that refuses one. */
export function parseMailParameters(text: string, offers: Offers): MailParameters | SmtpReply {
  const result: Mutable<MailParameters> = {
    size: null,
    smtputf8: false,
    body: '7bit',
    ret: null,
    envid: null,
    requireTls: false,
    verp: null,
    releaseAt: null,
  };
  const refusal = take(text, MAIL, result, offers);
  if (refusal !== null) return refusal;
  // RFC 4865 4.2: nobody is promised what is not kept.
  return result.releaseAt !== null && result.releaseAt > Date.now() + (offers.futureMs ?? 0)
    ? Reply.tooFarAway
    : result;
}

/** Those of RCPT, or the reply that refuses one. */
export function parseRcptParameters(text: string, offers: Offers): RecipientRequest | SmtpReply {
  const result: Mutable<RecipientRequest> = { notify: null, orcpt: null };
  return take(text, RCPT, result, offers) ?? result;
}

function take<T>(text: string, known: Known<T>, into: Mutable<T>, offers: Offers): SmtpReply | null {
  const seen = new Set<string>();
  for (const parameter of text === '' ? [] : text.split(/\s+/)) {
    const equals = parameter.indexOf('=');
    const key = (equals < 0 ? parameter : parameter.slice(0, equals)).toUpperCase();
    const entry = known.get(key);
    if (entry === undefined || (entry.offer !== null && !offers[entry.offer])) return Reply.unknownParameter;
    if (seen.has(key) || !entry.take(into, equals < 0 ? null : parameter.slice(equals + 1))) {
      return Reply.parameterSyntax;
    }
    seen.add(key);
  }
  return null;
}

function set<T, K extends keyof T>(into: T, key: K, value: T[K]): true {
  into[key] = value;
  return true;
}

/** RFC 1870 3. */
function takeSize(into: Mutable<MailParameters>, value: string | null): boolean {
  return value !== null && /^\d{1,20}$/.test(value) && set(into, 'size', Number(value));
}

/** RFC 6152 2, RFC 3030 3. */
function takeBody(into: Mutable<MailParameters>, value: string | null): boolean {
  const body = BODIES.get((value ?? '').toUpperCase());
  return body !== undefined && set(into, 'body', body);
}

/** RFC 4865 4.1: seconds; only one of the two. */
function takeHoldFor(into: Mutable<MailParameters>, value: string | null): boolean {
  if (into.releaseAt !== null || value === null || !/^[1-9]\d{0,8}$/.test(value)) return false;
  return set(into, 'releaseAt', Date.now() + Number(value) * 1_000);
}

/** RFC 4865 4.1: a date-time of RFC 3339. */
function takeHoldUntil(into: Mutable<MailParameters>, value: string | null): boolean {
  const time = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)$/i.test(value ?? '')
    ? Date.parse(value ?? '')
    : Number.NaN;
  return into.releaseAt === null && !Number.isNaN(time) && set(into, 'releaseAt', time);
}

/** Postfix's VERP_README: delimiters of its default filter, `+=` if none are named. */
function takeVerp(into: Mutable<MailParameters>, value: string | null): boolean {
  return (value === null || /^[-+=]{2}$/.test(value)) && set(into, 'verp', value ?? '+=');
}

/** RFC 3461 4.3. */
function takeRet(into: Mutable<MailParameters>, value: string | null): boolean {
  if (!/^(?:FULL|HDRS)$/i.test(value ?? '')) return false;
  return set(into, 'ret', value?.toUpperCase() === 'FULL' ? 'full' : 'hdrs');
}

/** RFC 3461 4.4. */
function takeEnvid(into: Mutable<MailParameters>, value: string | null): boolean {
  return value !== null && value.length <= ENVID_OCTETS && XTEXT.test(value) && set(into, 'envid', value);
}

/** RFC 3461 4.1: NEVER alone, or any of the others, each once. */
function takeNotify(into: Mutable<RecipientRequest>, value: string | null): boolean {
  const names = (value ?? '').toUpperCase().split(',');
  if (names.length === 1 && names[0] === 'NEVER') return set(into, 'notify', []);
  const notices = names.map((name) => NOTICES.get(name)).filter((notice) => notice !== undefined);
  if (notices.length !== names.length || new Set(notices).size !== names.length) return false;
  return set(into, 'notify', notices);
}

/** RFC 3461 4.2, RFC 6533 4. */
function takeOrcpt(into: Mutable<RecipientRequest>, value: string | null): boolean {
  if (value === null || Buffer.byteLength(value) > ORCPT_OCTETS) return false;
  const [, type = '', address = ''] = /^([A-Za-z0-9-]+);(.*)$/s.exec(value) ?? [];
  const accepts = type.toLowerCase() === 'utf-8' ? UTF8_ADDRESS : XTEXT;
  return type !== '' && accepts.test(address) && set(into, 'orcpt', value);
}
