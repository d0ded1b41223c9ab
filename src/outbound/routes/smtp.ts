// A route to a smarthost: its hosts in turn, TLS as it is set with a certificate that is good for the host, a login, and
// then as with any server. MX, DANE and MTA-STS are not asked: who it is stands in the settings.

import { isIP } from 'node:net';
import type { ConnectionOptions } from 'node:tls';
import type { RouteConfig } from '#config/routes.ts';
import { type ClientLogin, logIn } from '#protocols/smtp/client/auth.ts';
import type { ChunkFaults } from '#protocols/smtp/client/chunks.ts';
import type { ClientLimits } from '#protocols/smtp/client/limits.ts';
import type { ServerReply } from '#protocols/smtp/client/reply.ts';
import { Session, SessionFailure, type TlsWanted } from '#protocols/smtp/client/session.ts';
import { type Carrier, NoRoute, sessionCarrier } from '../carrier.ts';
import { label } from '../connector.ts';
import { leavingTo, type OurNames } from '../leaving.ts';
import type { AddressesOf } from './addresses.ts';
import { judged } from './judge.ts';

export interface SmtpRouteParts extends OurNames {
  readonly addressesOf: AddressesOf;
  /** Whom a certificate may be signed by. */
  readonly trust: ConnectionOptions;
  readonly chunkFaults: ChunkFaults;
  readonly limits?: Partial<ClientLimits>;
}

/** How we log in; asked for again with the token that was refused. */
export type LoginOf = (refused?: string) => Promise<ClientLogin | null>;

/** Opens a session with the first host that takes us; rejects with NoRoute. */
export async function connectSmtp(
  parts: SmtpRouteParts,
  route: RouteConfig,
  loginFor: LoginOf,
  signal: AbortSignal,
): Promise<Carrier> {
  let failed: { error: SessionFailure; host: string } | undefined;
  let transcript = '';
  const login = await loginFor();
  for (const name of route.hosts) {
    for (const address of await parts.addressesOf(name)) {
      if (signal.aborted) break;
      const host = name === address ? name : `${name} [${address}]`;
      const told = (text: string) => {
        transcript += text;
      };
      try {
        return withVerdicts(await enter(parts, { route, name, address, signal }, login, loginFor, told), host, route);
      } catch (error) {
        if (!(error instanceof SessionFailure)) throw error;
        failed = { error, host };
        if (error.kind === 'connect') told(`-- ${error.reply.text}\n`);
        // The same login at another of its hosts is one more wrong password.
        if (error.kind === 'login') throw new NoRoute(error.reply, host, transcript, true);
      }
    }
  }
  if (failed !== undefined) {
    const { error, host } = failed;
    throw new NoRoute(asTemporary(error.reply), host, transcript, error.kind === 'tls');
  }
  const text = `no host of route ${route.name} has an address: ${route.hosts.join(', ')}`;
  throw new NoRoute({ code: 451, enhanced: '4.4.4', text }, '', transcript, true);
}

interface Door {
  readonly route: RouteConfig;
  readonly name: string;
  readonly address: string;
  readonly signal: AbortSignal;
}

/** A session that is logged in. A token that has lost its force is renewed, once. */
async function enter(
  parts: SmtpRouteParts,
  door: Door,
  login: ClientLogin | null,
  loginFor: LoginOf,
  told: (transcript: string) => void,
): Promise<Session> {
  try {
    return await enterWith(parts, door, login, told);
  } catch (error) {
    if (!(error instanceof SessionFailure) || error.kind !== 'login' || login?.kind !== 'token') throw error;
    const renewed = await loginFor(login.token);
    if (renewed?.kind !== 'token' || renewed.token === login.token) throw error;
    return await enterWith(parts, door, renewed, told);
  }
}

async function enterWith(
  parts: SmtpRouteParts,
  { route, name, address, signal }: Door,
  login: ClientLogin | null,
  told: (transcript: string) => void,
): Promise<Session> {
  const { trust, limits, chunkFaults } = parts;
  const session = await Session.open(
    {
      ...{
        address,
        port: route.port,
        ...leavingTo(address, parts),
        tls: tlsOf(route, name, trust),
        signal,
        chunkFaults,
      },
      ...(limits && { limits }),
    },
    ({ text }) => told(text),
  );
  try {
    if (login !== null) await logIn(session, login);
    return session;
  } catch (error) {
    told(session.transcript.text);
    session.connection.destroy();
    throw error;
  }
}

function tlsOf({ tls, verify }: RouteConfig, name: string, trust: ConnectionOptions): TlsWanted {
  const servername = isIP(name) === 0 ? { servername: name } : {};
  return {
    use: { none: 'never', starttls: 'must', implicit: 'first' }[tls] as TlsWanted['use'],
    options: { ...trust, ...servername, host: name, rejectUnauthorized: false },
    accept: ({ certificate }) =>
      !verify || certificate?.authorized === true ? null : 'the certificate is not trusted, or is for another name',
  };
}

function withVerdicts(session: Session, host: string, { limits }: RouteConfig): Carrier {
  const carrier = sessionCarrier(session, host, label(session, false));
  return {
    ...carrier,
    get usable() {
      return carrier.usable;
    },
    async carry(outgoing) {
      const { messageSize } = limits;
      if (messageSize !== null && outgoing.envelope.size > messageSize) {
        const text = `The message has ${outgoing.envelope.size} bytes, the route takes ${messageSize}`;
        return { replies: outgoing.recipients.map(() => ({ code: 552, enhanced: '5.3.4', text })), dsn: false };
      }
      try {
        return judged(await carrier.carry(outgoing));
      } catch (error) {
        // RFC 5321 3.8: it ends the session, which providers do where we are too fast.
        if (!(error instanceof SessionFailure) || error.kind !== 'reply') throw error;
        return judged({ replies: outgoing.recipients.map(() => error.reply), dsn: false });
      }
    },
  };
}

/** That a smarthost does not want us says nothing of the message. */
function asTemporary(reply: ServerReply): ServerReply {
  return reply.code < 500 ? reply : { ...reply, code: 451, enhanced: `4${reply.enhanced.slice(1)}` };
}
