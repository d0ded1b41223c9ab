// A route by Microsoft Graph: `user: sendMail` with the message as it is (MIME in base64, text/plain), for tenants where SMTP
// is turned off (F213, F226). Graph has no envelope and gives one answer for all recipients; 202 means that it has the
// message; one that is too large for a request goes another way (graph-large.ts). It always leaves a copy in the
// mailbox's Sent Items: only its JSON form could say otherwise.
// (learn.microsoft.com, "user: sendMail", "Microsoft Graph throttling guidance", "Outlook mail API errors"; 11/2026)

import type { RouteConfig } from '#config/routes.ts';
import { HttpFailure, type HttpReply, type HttpRequest, request } from '#protocols/http/client.ts';
import type { ServerReply } from '#protocols/smtp/client/reply.ts';
import { SessionFailure } from '#protocols/smtp/client/session.ts';
import type { Outgoing } from '#protocols/smtp/client/transaction.ts';
import { Transcript } from '#protocols/smtp/client/transcript.ts';
import { type Carried, type Carrier, NoRoute } from '../carrier.ts';
import type { AddressesOf } from './addresses.ts';
import { takeApart } from './apart.ts';
import { withExactRecipients } from './exact-recipients.ts';
import { type DraftKeeper, type GraphCalls, sendLarge } from './graph-large.ts';
import {
  GRAPH_ADDED_BYTES,
  GRAPH_BYTES,
  GRAPH_CHARACTERS,
  GRAPH_LARGE_BYTES,
  GRAPH_WAIT_MS,
  RETRY_AFTER_MS,
} from './limits.ts';
import type { LoginOf } from './smtp.ts';

export interface GraphParts {
  readonly addressesOf: AddressesOf;
  readonly extraCa: readonly string[];
  readonly signal: AbortSignal;
  readonly drafts: DraftKeeper;
}

/** There is nothing to connect: that the token can be had is all that is known before the first message. */
export async function connectGraph(parts: GraphParts, route: RouteConfig, loginFor: LoginOf): Promise<Carrier> {
  let login = await loginFor();
  const url = new URL(route.graphUrl);
  const transcript = new Transcript();
  const { host } = url;
  const ask = async (target: URL, options: Pick<HttpRequest, 'method' | 'headers' | 'body'>): Promise<HttpReply> => {
    const reply = await request({
      ...{ url: target, ...options, extraCa: parts.extraCa, waitMs: GRAPH_WAIT_MS, most: GRAPH_CHARACTERS },
      ...{ addresses: await parts.addressesOf(target.hostname), signal: parts.signal },
    });
    transcript.server(`${reply.status} ${reply.status < 300 ? '' : reply.text.slice(0, 400)}`.trimEnd());
    return reply;
  };
  const once: GraphCalls['ask'] = async (method, path, type, body) => {
    if (login?.kind !== 'token') throw new NoRoute({ code: 451, enhanced: '4.7.8', text: 'Graph needs a token' });
    const target = new URL(`${url.pathname.replace(/\/+$/, '')}/users/${encodeURIComponent(login.user)}/${path}`, url);
    transcript.client(`${method} ${target.href} (${body.length} characters)`);
    return await ask(target, {
      ...{ method, headers: { authorization: `Bearer ${login.token}`, 'content-type': type, 'content-length': '0' } },
      ...(body !== '' && { body }),
    });
  };
  const calls: GraphCalls = {
    async ask(...about) {
      const reply = await once(...about);
      if (reply.status !== 401 || login?.kind !== 'token') return reply;
      transcript.note('the token is renewed');
      login = await loginFor(login.token);
      return await once(...about);
    },
    async put(target, piece, range) {
      // Whoever has this address may write there, so that it is not written down.
      transcript.client(`PUT ${target.host} ${range}`);
      if (target.protocol !== url.protocol) throw new HttpFailure(`${target.host}: not ${url.protocol}`, false);
      const headers = { 'content-type': 'application/octet-stream', 'content-range': range };
      return await ask(target, { method: 'PUT', headers, body: piece });
    },
    note: (text) => transcript.note(text),
  };
  return {
    ...{ host, tls: url.protocol === 'https:' ? 'HTTPS verified' : '', usable: true, transcript },
    carry: (outgoing) => carry(outgoing, route, { ...calls, drafts: parts.drafts }, parts.signal),
    end: async () => {},
    destroy: () => {},
  };
}

async function carry(
  outgoing: Outgoing,
  { limits }: RouteConfig,
  calls: GraphCalls & { readonly drafts: DraftKeeper },
  signal: AbortSignal,
): Promise<Carried> {
  const { envelope, recipients } = outgoing;
  const all = (reply: ServerReply): Carried => ({ replies: recipients.map(() => reply), dsn: false });
  const most = Math.min(limits.messageSize ?? GRAPH_LARGE_BYTES, GRAPH_LARGE_BYTES);
  if (envelope.size > most) {
    const text = `The message has ${envelope.size} bytes, the route takes ${most}`;
    return all({ code: 552, enhanced: '5.3.4', text });
  }
  if (envelope.requireTls) {
    // RFC 8689 4.2.1: nobody there says that it goes on so.
    return all({ code: 550, enhanced: '5.7.30', text: 'Microsoft Graph does not take on REQUIRETLS' });
  }
  try {
    if (envelope.size <= GRAPH_BYTES - GRAPH_ADDED_BYTES) return await carryWhole(await exactly(outgoing), calls, all);
    // One at a time in the whole process, since it is held in memory.
    return await navigator.locks.request('posthuis graph large', { signal }, async () => {
      const message = await exactly(outgoing);
      if (message.length <= GRAPH_BYTES) return await carryWhole(message, calls, all);
      return await carryLarge(message, calls, calls.drafts, all);
    });
  } catch (error) {
    if (error instanceof NoRoute)
      return { ...all(error.reply), rest: { reply: error.reply, ms: null, alert: error.alert } };
    if (!(error instanceof HttpFailure)) throw error;
    const enhanced = error.sent ? '4.4.2' : '4.4.1';
    throw new SessionFailure(error.sent ? 'lost' : 'connect', { code: 451, enhanced, text: error.message });
  }
}

async function exactly({ content, recipients }: Outgoing): Promise<Uint8Array> {
  const addresses = recipients.map(({ address }) => address);
  return withExactRecipients(Buffer.concat(await Array.fromAsync(content())), addresses);
}

type All = (reply: ServerReply) => Carried;

async function carryWhole(message: Uint8Array, calls: GraphCalls, all: All): Promise<Carried> {
  return judgedGraph(await calls.ask('POST', 'sendMail', 'text/plain', Buffer.from(message).toString('base64')), all);
}

async function carryLarge(message: Uint8Array, calls: GraphCalls, drafts: DraftKeeper, all: All): Promise<Carried> {
  const parts = takeApart(message, GRAPH_BYTES);
  if (parts === null) {
    const text = `The message has ${message.length} bytes, and Microsoft Graph takes ${GRAPH_BYTES} beside attachments`;
    return all({ code: 552, enhanced: '5.3.4', text: `${text} that can be taken out of it` });
  }
  const reply = await sendLarge(calls, parts, drafts);
  if (reply.status !== 403 || errorOf(reply.text).code === 'ErrorSendAsDenied') return judgedGraph(reply, all);
  // Small ones may go without that permission: the route does not rest.
  const text = 'Microsoft Graph: a message over 3 MB needs the permission Mail.ReadWrite';
  const alert = { code: 451, enhanced: '4.7.8', text: `${text}: 403 ${errorOf(reply.text).code}`.trimEnd() };
  return { ...all(alert), alert };
}

/** Refusals of the message itself, by Graph's code. */
const REFUSED: Readonly<Record<string, readonly [code: number, enhanced: string]>> = {
  ErrorMessageSizeExceeded: [552, '5.3.4'],
  ErrorInvalidRecipients: [550, '5.1.3'],
  ErrorSendAsDenied: [550, '5.7.60'],
  ErrorMimeContentInvalid: [554, '5.6.0'],
  ErrorMimeContentInvalidBase64String: [554, '5.6.0'],
};

/** What Graph's answer comes to. */
export function judgedGraph({ status, headers, text }: HttpReply, all: (reply: ServerReply) => Carried): Carried {
  if (status === 202 || status === 200) return all({ code: 250, enhanced: '2.0.0', text: 'Microsoft Graph has it' });
  const { code, message } = errorOf(text);
  const said = `Microsoft Graph: ${status} ${code} ${message}`.trimEnd();
  if (status === 413) return all({ code: 552, enhanced: '5.3.4', text: said });
  const refused = REFUSED[code];
  if (refused !== undefined) return all({ code: refused[0], enhanced: refused[1], text: said });
  if (status === 429 || status === 503 || status === 504) {
    const reply = { code: 451, enhanced: '4.7.0', text: said };
    return { ...all(reply), rest: { reply, ms: retryAfter(headers['retry-after']), alert: false } };
  }
  // A token without the permission, a mailbox that is not there: nothing about the message.
  if (status === 401 || status === 403 || status === 404) {
    const reply = { code: 451, enhanced: '4.7.8', text: said };
    return { ...all(reply), rest: { reply, ms: null, alert: true } };
  }
  if (status >= 500 || status === 408) return all({ code: 451, enhanced: '4.3.0', text: said });
  return all({ code: 554, enhanced: '5.6.0', text: said });
}

function errorOf(text: string): { readonly code: string; readonly message: string } {
  try {
    const { error } = JSON.parse(text) as { error?: { code?: unknown; message?: unknown } };
    const printable = (value: unknown) =>
      typeof value === 'string' ? value.replace(/\p{Cc}+/gu, ' ').slice(0, 300) : '';
    return { code: printable(error?.code), message: printable(error?.message) };
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof TypeError) return { code: '', message: '' };
    throw error;
  }
}

/** Seconds (RFC 9110 10.2.3); a date says as much to nobody here. */
function retryAfter(value: string | undefined): number | null {
  return value !== undefined && /^\d{1,9}$/.test(value) ? Math.min(Number(value) * 1_000, RETRY_AFTER_MS) : null;
}
