// The way to a domain's mail servers: looks them up, tries their addresses in turn, and opens a session. TLS is used
// where it is offered; where it fails, mail that nobody asked to protect goes without, over a new connection (RFC 7435).

import { isIPv6 } from 'node:net';
import { hostAddresses, type MailHost, mailHosts } from '#protocols/dns/mail-hosts.ts';
import { DnsFailure, type Resolver } from '#protocols/dns/resolver.ts';
import type { ClientLimits } from '#protocols/smtp/client/limits.ts';
import type { ServerReply } from '#protocols/smtp/client/reply.ts';
import { Session, SessionFailure, type SessionOptions, type TlsWanted } from '#protocols/smtp/client/session.ts';
import { ADDRESSES_TRIED } from './limits.ts';

export interface ConnectorParts {
  readonly resolver: Pick<Resolver, 'resolve'>;
  /** What EHLO says; a mail host of this name is ourselves. */
  readonly hostname: string;
  readonly port: number;
  /** One address of each family at most. */
  readonly source: readonly string[];
  readonly limits?: Partial<ClientLimits>;
}

/** An open session, and with whom. */
export interface Route {
  readonly session: Session;
  /** The mail host's name and address. */
  readonly host: string;
  /** How the session is protected, '' if it is not. */
  readonly tls: string;
}

/** There is no way there, now (4xx) or at all (5xx). */
export class NoRoute extends Error {
  readonly reply: ServerReply;
  readonly host: string;
  readonly transcript: string;

  constructor(reply: ServerReply, host = '', transcript = '') {
    super(reply.text);
    this.name = 'NoRoute';
    this.reply = reply;
    this.host = host;
    this.transcript = transcript;
  }
}

/** Opens a session with a mail server of a domain; rejects with NoRoute. */
export type Connect = (domain: string, signal: AbortSignal) => Promise<Route>;

export function createConnector(parts: ConnectorParts): Connect {
  return async (domain, signal) => {
    try {
      return await tryHosts(parts, domain, await hostsOf(parts, domain), signal);
    } catch (error) {
      if (error instanceof DnsFailure) {
        throw new NoRoute({ code: 451, enhanced: '4.4.3', text: `DNS look-up failed: ${error.message}` });
      }
      throw error;
    }
  };
}

async function hostsOf({ resolver, hostname }: ConnectorParts, domain: string): Promise<readonly MailHost[]> {
  const found = await mailHosts(resolver, domain);
  if (found.kind === 'none') {
    throw new NoRoute({ code: 556, enhanced: '5.1.10', text: `${domain} takes no mail (null MX)` }); // RFC 7505 4.2
  }
  if (found.kind === 'unknown') {
    throw new NoRoute({ code: 550, enhanced: '5.1.2', text: `There is no domain ${domain} that takes mail` });
  }
  // RFC 5321 5.1: whoever is a mail host himself only goes to better ones.
  const own = found.hosts.find(({ name }) => name === hostname);
  const hosts = own === undefined ? found.hosts : found.hosts.filter(({ preference }) => preference < own.preference);
  if (hosts.length > 0) return hosts;
  throw new NoRoute({ code: 554, enhanced: '5.4.6', text: `Mail for ${domain} comes back to this server` });
}

async function tryHosts(
  parts: ConnectorParts,
  domain: string,
  hosts: readonly MailHost[],
  signal: AbortSignal,
): Promise<Route> {
  let failure: { reply: ServerReply; host: string } | undefined;
  let broken: DnsFailure | undefined;
  let transcript = '';
  let tried = 0;
  const failed = (error: SessionFailure, host: string) => {
    failure = { reply: error.reply, host };
    if (error.kind === 'connect') transcript += `-- ${error.reply.text}\n`;
  };
  for (const { name } of hosts) {
    let addresses: readonly string[] = [];
    try {
      ({ addresses } = await hostAddresses(parts.resolver, name));
    } catch (error) {
      if (!(error instanceof DnsFailure)) throw error;
      broken = error;
    }
    for (const address of addresses) {
      if (tried++ >= ADDRESSES_TRIED || signal.aborted) break;
      const host = `${name} [${address}]`;
      for (const tls of [opportunistic(name), WITHOUT]) {
        try {
          const session = await open(parts, { address, tls, signal }, (text) => {
            transcript += text;
          });
          return { session, host, tls: label(session) };
        } catch (error) {
          if (!(error instanceof SessionFailure)) throw error;
          failed(error, host);
          if (error.kind !== 'tls') break;
        }
      }
    }
  }
  if (failure !== undefined) throw new NoRoute(failure.reply, failure.host, transcript);
  if (broken !== undefined) throw broken;
  throw new NoRoute({ code: 550, enhanced: '5.4.4', text: `No mail server of ${domain} has an address` });
}

function open(
  { hostname, port, source, limits }: ConnectorParts,
  { address, tls, signal }: Pick<SessionOptions, 'address' | 'tls'> & { readonly signal: AbortSignal },
  failed: (transcript: string) => void,
): Promise<Session> {
  const localAddress = source.find((own) => isIPv6(own) === isIPv6(address));
  return Session.open(
    { address, port, hostname, tls, signal, ...(localAddress && { localAddress }), ...(limits && { limits }) },
    (transcript) => failed(transcript.text),
  );
}

const WITHOUT: TlsWanted = { use: 'never', options: {}, accept: () => null };

/** Any certificate is better than none. */
function opportunistic(name: string): TlsWanted {
  return { use: 'may', options: { servername: name, rejectUnauthorized: false }, accept: () => null };
}

function label({ tls, connection }: Session): string {
  if (tls === null) return '';
  return `${tls.version} ${tls.cipher}${connection.certificate?.authorized === true ? ' verified' : ''}`;
}
