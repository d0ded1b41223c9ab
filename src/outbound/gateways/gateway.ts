// Mail to `number@SMS` or `number@FAX` on its way to a service: one request for each number, or by a route to an address
// at a provider. What the service refuses about a message is a failure, and its sender gets a report; what is about us or
// about now waits.

import type { GatewayConfig, HttpGateway } from '#config/gateways.ts';
import { HttpFailure, type HttpReply, request } from '#protocols/http/client.ts';
import type { ServerReply } from '#protocols/smtp/client/reply.ts';
import { SessionFailure } from '#protocols/smtp/client/session.ts';
import type { Outgoing } from '#protocols/smtp/client/transaction.ts';
import { Transcript } from '#protocols/smtp/client/transcript.ts';
import { StoreError } from '#storage/errors.ts';
import type { RouteCredentials } from '#storage/ports.ts';
import { type Carried, type Carrier, type Destination, NoRoute } from '../carrier.ts';
import type { AddressesOf } from '../routes/addresses.ts';
import { FAX_BYTES, GATEWAY_CHARACTERS, GATEWAY_WAIT_MS, GATEWAYS_AT_ONCE, SMS_MESSAGE_BYTES } from './limits.ts';
import { messageText } from './message-text.ts';
import { numberOf } from './number.ts';
import { type SmsParts, smsParts } from './sms-parts.ts';

export interface GatewayParts {
  readonly addressesOf: AddressesOf;
  readonly extraCa: readonly string[];
  readonly credentials: Pick<RouteCredentials, 'secret'>;
  /** The destination of a route, for gateways that are an address. */
  readonly routeOf: (lane: string) => Destination;
}

/** Where the mail of a gateway goes. */
export function gatewayDestination(parts: GatewayParts, gateway: GatewayConfig): Destination {
  const { smtp, http } = gateway;
  if (smtp !== null) {
    const base = parts.routeOf(`=${smtp.route}`);
    const connect: Destination['connect'] = async (signal, need) =>
      readdressed(await base.connect(signal, need), gateway, smtp.address);
    return { ...base, connect };
  }
  return {
    ...{ direct: false, most: GATEWAYS_AT_ONCE, recipients: 1, admit: async () => null },
    connect: async (signal) => httpCarrier(parts, gateway, http as HttpGateway, signal),
  };
}

const NO_NUMBER: ServerReply = { code: 550, enhanced: '5.1.3', text: 'This is not a telephone number' };

/** A carrier to whom the numbers are addresses at a provider. */
function readdressed(carrier: Carrier, gateway: GatewayConfig, template: string): Carrier {
  return {
    ...carrier,
    get usable() {
      return carrier.usable;
    },
    async carry(outgoing) {
      const recipients = outgoing.recipients.map((recipient) => {
        const number = numberOf(gateway, recipient.address);
        // Checked when it was handed in; the settings may have changed since.
        if (number === null) return null;
        return { ...recipient, address: template.replace('{number}', number.slice(1)), original: '' };
      });
      if (recipients.includes(null)) return { replies: outgoing.recipients.map(() => NO_NUMBER), dsn: false };
      return carrier.carry({ ...outgoing, recipients: recipients.filter((one) => one !== null) });
    },
  };
}

async function httpCarrier(
  parts: GatewayParts,
  gateway: GatewayConfig,
  http: HttpGateway,
  signal: AbortSignal,
): Promise<Carrier> {
  const authorization = await authorizationOf(parts, gateway, http);
  const url = new URL(http.url);
  const transcript = new Transcript();
  const send = async (body: string): Promise<HttpReply> => {
    const type = http.format === 'json' ? 'application/json' : 'application/x-www-form-urlencoded';
    transcript.client(`POST ${url.origin}${url.pathname} (${body.length} characters)`);
    const reply = await request({
      ...{
        url,
        method: 'POST',
        body,
        signal,
        extraCa: parts.extraCa,
        waitMs: GATEWAY_WAIT_MS,
        most: GATEWAY_CHARACTERS,
      },
      headers: { 'content-type': type, ...(authorization === '' ? {} : { authorization }) },
      addresses: await parts.addressesOf(url.hostname),
    });
    transcript.server(`${reply.status} ${reply.text.slice(0, 400)}`.trimEnd());
    return reply;
  };
  return {
    ...{ host: url.host, tls: url.protocol === 'https:' ? 'HTTPS verified' : '', usable: true, transcript },
    carry: (outgoing) => carry(gateway, http, outgoing, send),
    end: async () => {},
    destroy: () => {},
  };
}

async function authorizationOf(
  { credentials }: GatewayParts,
  { name }: GatewayConfig,
  { auth, login }: HttpGateway,
): Promise<string> {
  if (auth === 'none') return '';
  const missing = (text: string) => new NoRoute({ code: 451, enhanced: '4.7.8', text }, '', '', true);
  try {
    const found = await credentials.secret(name, '', 'password');
    if (found === undefined) {
      throw missing(`gateway ${name} has no password: posthuis route credential set ${name} --password-stdin`);
    }
    if (auth === 'bearer') return `Bearer ${found.secret}`;
    return `Basic ${Buffer.from(`${found.credential.login || login}:${found.secret}`).toString('base64')}`;
  } catch (error) {
    if (error instanceof StoreError) throw missing(error.message);
    throw error;
  }
}

async function carry(
  gateway: GatewayConfig,
  { format, fields, from }: HttpGateway,
  outgoing: Outgoing,
  send: (body: string) => Promise<HttpReply>,
): Promise<Carried> {
  const all = (reply: ServerReply): Carried => ({ replies: outgoing.recipients.map(() => reply), dsn: false });
  if (outgoing.envelope.requireTls) {
    // RFC 8689 4.2.1: nobody there says that it goes on so.
    return all({ code: 550, enhanced: '5.7.30', text: 'A gateway does not take on REQUIRETLS' });
  }
  const number = numberOf(gateway, outgoing.recipients[0]?.address ?? '');
  if (number === null) return all(NO_NUMBER);
  const content = gateway.kind === 'sms' ? await smsOf(gateway, outgoing) : await faxOf(outgoing);
  if ('code' in content) return all(content);
  const values = { [fields.to]: number, [fields.text]: content.text, ...(from === '' ? {} : { [fields.from]: from }) };
  const body = format === 'json' ? JSON.stringify(values) : new URLSearchParams(values).toString();
  try {
    return judged(await send(body), content.about, all);
  } catch (error) {
    if (!(error instanceof HttpFailure)) throw error;
    const enhanced = error.sent ? '4.4.2' : '4.4.1';
    throw new SessionFailure(error.sent ? 'lost' : 'connect', { code: 451, enhanced, text: error.message });
  }
}

interface Content {
  readonly text: string;
  /** For the reply: ", 2 parts (GSM-7)". */
  readonly about: string;
}

async function smsOf({ segments }: GatewayConfig, outgoing: Outgoing): Promise<Content | ServerReply> {
  const text = messageText(await beginning(outgoing, SMS_MESSAGE_BYTES));
  if (text === '') return { code: 550, enhanced: '5.6.0', text: 'The message has no text that could be an SMS' };
  const counted = smsParts(text);
  if (counted.parts > segments) return tooLong(counted, segments);
  const { parts, alphabet } = counted;
  return { text, about: `, ${parts} ${parts === 1 ? 'part' : 'parts'} (${alphabet})` };
}

function tooLong({ parts, alphabet }: SmsParts, most: number): ServerReply {
  const text = `The text is ${parts} parts as an SMS (${alphabet}), and at most ${most} are sent`;
  return { code: 552, enhanced: '5.3.4', text };
}

async function faxOf(outgoing: Outgoing): Promise<Content | ServerReply> {
  if (outgoing.envelope.size > FAX_BYTES) {
    const text = `The message has ${outgoing.envelope.size} bytes, a fax may have ${FAX_BYTES}`;
    return { code: 552, enhanced: '5.3.4', text };
  }
  return { text: Buffer.from(await beginning(outgoing, FAX_BYTES)).toString('base64'), about: '' };
}

async function beginning(outgoing: Outgoing, most: number): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of outgoing.content()) {
    pieces.push(Buffer.from(chunk));
    size += chunk.length;
    if (size >= most) break;
  }
  return Buffer.concat(pieces).subarray(0, most);
}

/** What a service's answer comes to. */
function judged({ status, text, headers }: HttpReply, about: string, all: (reply: ServerReply) => Carried): Carried {
  const said = `the gateway says ${status} ${text.replace(/\p{Cc}+/gu, ' ').slice(0, 300)}`.trimEnd();
  if (status >= 200 && status < 300) {
    return all({ code: 250, enhanced: '2.0.0', text: `The gateway has it${about}` });
  }
  if (status === 401 || status === 403 || status === 402) {
    const reply = { code: 451, enhanced: '4.7.8', text: said };
    return { ...all(reply), rest: { reply, ms: null, alert: true } };
  }
  if (status === 429 || status === 503) {
    const reply = { code: 451, enhanced: '4.7.0', text: said };
    const seconds = /^\d{1,4}$/.test(headers['retry-after'] ?? '') ? Number(headers['retry-after']) * 1_000 : null;
    return { ...all(reply), rest: { reply, ms: seconds, alert: false } };
  }
  const passing = status >= 500 || status === 408 || status < 400;
  return all(passing ? { code: 451, enhanced: '4.3.0', text: said } : { code: 550, enhanced: '5.0.0', text: said });
}
