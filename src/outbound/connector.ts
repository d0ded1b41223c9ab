// The way to a domain's mail servers: looks them up, tries their addresses in turn, and opens a session. TLS is used
// where it is offered; where it fails, mail that nobody asked to protect goes without, over a new connection (RFC 7435).
// A domain that names its certificates in a validated DNS (DANE, RFC 7672) is only sent mail under those;
// one with an MTA-STS policy (RFC 8461) under trusted ones, to the hosts that it names. DANE comes first.

import { isIPv6 } from 'node:net';
import { type ConnectionOptions, createSecureContext, rootCertificates } from 'node:tls';
import type { TlsRule } from '#config/tls-rules.ts';
import { type MailHost, mailHosts } from '#protocols/dns/mail-hosts.ts';
import { DnsFailure, type Resolver } from '#protocols/dns/resolver.ts';
import type { Tlsa } from '#protocols/dns/tlsa.ts';
import { ChunkFaults } from '#protocols/smtp/client/chunks.ts';
import type { ClientLimits } from '#protocols/smtp/client/limits.ts';
import type { ServerReply } from '#protocols/smtp/client/reply.ts';
import { Session, SessionFailure, type SessionOptions } from '#protocols/smtp/client/session.ts';
import { stsMatches } from '#protocols/smtp/client/sts-policy.ts';
import type { KeptPolicy } from '#storage/ports.ts';
import { type Carrier, NoRoute, sessionCarrier, type TlsNeed } from './carrier.ts';
import { leavingTo, type OurNames } from './leaving.ts';
import { ADDRESSES_TRIED } from './limits.ts';
import { withNextHost } from './next-host.ts';
import type { PolicyOf, StsFault } from './sts.ts';
import { type Ways, waysTo } from './ways.ts';

export interface ConnectorParts extends OurNames {
  readonly resolver: Pick<Resolver, 'resolve' | 'validates'>;
  readonly port: number;
  /** MTA-STS; absent: no policies. */
  readonly policyOf?: PolicyOf;
  /** Domains whose mail is protected as an administrator says. */
  readonly tlsRules?: readonly TlsRule[];
  /** Authorities beside the well-known ones, PEM; for certificates that a policy asks for. */
  readonly extraCa?: readonly string[];
  /** Hears how TLS went, for reports (RFC 8460). */
  readonly noteTls?: (attempt: TlsAttempt) => Promise<void>;
  /** Mail may leave by IPv6; absent: it may. */
  readonly ipv6?: () => Promise<boolean>;
  readonly limits?: Partial<ClientLimits>;
}

/** A session that came about, or one that TLS was in the way of. */
export interface TlsAttempt {
  readonly domain: string;
  readonly host: string;
  /** '' where it did not come so far. */
  readonly address: string;
  readonly need: TlsNeed;
  readonly policy: KeptPolicy | null;
  /** Why there is no policy although the domain announces one. */
  readonly fault: StsFault | null;
  /** The TLSA records that the host is held to; null: none. */
  readonly dane: readonly Tlsa[] | null;
  /** Null: it is protected as it should be. */
  readonly failure: ServerReply | null;
}

/** Opens a session with a mail server of a domain; rejects with NoRoute. */
export type Connect = (domain: string, signal: AbortSignal, need?: TlsNeed) => Promise<Carrier>;

interface Parts extends ConnectorParts {
  /** Whom a certificate that a policy asks for may be signed by; made once, since it takes milliseconds. */
  readonly trust: ConnectionOptions;
  readonly rules: ReadonlyMap<string, TlsRule>;
  readonly chunkFaults: ChunkFaults;
}

export function createConnector(options: ConnectorParts): Connect {
  const { extraCa = [], tlsRules = [] } = options;
  const rules = new Map(tlsRules.map((rule) => [rule.domain, rule]));
  const trust =
    extraCa.length === 0 ? {} : { secureContext: createSecureContext({ ca: [...rootCertificates, ...extraCa] }) };
  const parts: Parts = { ...options, trust, rules, chunkFaults: new ChunkFaults() };
  return (domain, signal, need = 'usual') =>
    otherwise(hostsOf(parts, domain).then((hosts) => tryHosts(parts, domain, hosts, { signal, need, next: true })));
}

/** A DNS that fails is no way, for now. */
async function otherwise(trying: Promise<Carrier>): Promise<Carrier> {
  try {
    return await trying;
  } catch (error) {
    if (error instanceof DnsFailure) {
      // That it can't be seen how a host is to be known is a matter of security, as with Postfix.
      const enhanced = error.type === 'TLSA' ? '4.7.5' : '4.4.3';
      throw new NoRoute({ code: 451, enhanced, text: `DNS look-up failed: ${error.message}` });
    }
    throw error;
  }
}

/** Where to go, and whether that was validated. */
interface Hosts {
  readonly hosts: readonly MailHost[];
  readonly domains: readonly string[];
  readonly authentic: boolean;
}

async function hostsOf({ resolver, hostname, hostname6 }: ConnectorParts, domain: string): Promise<Hosts> {
  const found = await mailHosts(resolver, domain);
  if (found.kind === 'none') {
    throw new NoRoute({ code: 556, enhanced: '5.1.10', text: `${domain} takes no mail (null MX)` }); // RFC 7505 4.2
  }
  if (found.kind === 'unknown') {
    throw new NoRoute({ code: 550, enhanced: '5.4.4', text: `There is no domain ${domain} that takes mail` });
  }
  // RFC 5321 5.1: whoever is a mail host himself only goes to better ones.
  const own = found.hosts.find(({ name }) => name === hostname || name === hostname6);
  const hosts = own === undefined ? found.hosts : found.hosts.filter(({ preference }) => preference < own.preference);
  if (hosts.length > 0) return { ...found, hosts };
  throw new NoRoute({ code: 554, enhanced: '5.4.6', text: `Mail for ${domain} comes back to this server` });
}

async function tryHosts(
  parts: Parts,
  domain: string,
  { hosts, domains, authentic }: Hosts,
  { signal, need, next }: { readonly signal: AbortSignal; readonly need: TlsNeed; readonly next: boolean },
): Promise<Carrier> {
  let failure: { reply: ServerReply; host: string } | undefined;
  let broken: DnsFailure | undefined;
  let transcript = '';
  let tried = 0;
  // Who asks for REQUIRETLS asks for more than any of them gives.
  const rule = need === 'required' ? undefined : parts.rules.get(domain);
  const asked = rule === undefined ? await parts.policyOf?.(domain) : undefined;
  const { policy, fault } = asked ?? { policy: null, fault: null };
  const enforced = holds(policy, need) ? policy : null;
  let unmet: string | null = null;
  const failed = (error: SessionFailure, host: string) => {
    failure = { reply: error.reply, host };
    if (error.kind === 'connect') transcript += `-- ${error.reply.text}\n`;
  };
  const note = async (host: string, address: string, dane: TlsAttempt['dane'], reply: ServerReply | null) => {
    // Nothing of the domain's was asked, so that there is nothing to report to it.
    if (rule !== undefined) return;
    await parts.noteTls?.({ domain, host, address, need, policy, fault, dane, failure: reply });
  };
  for (const [at, { name }] of hosts.entries()) {
    let ways: Ways | null;
    try {
      ways = await waysTo(parts, name, { domains, mx: authentic, policy: enforced, rule, need });
    } catch (error) {
      if (!(error instanceof DnsFailure)) throw error;
      broken = error;
      // Records are there, or may be, and none can be believed (RFC 8460 4.3.1.2).
      if (error.type === 'TLSA') await note(name, '', [], DNSSEC_INVALID);
      continue;
    }
    if (ways === null && need === 'required') {
      unmet = name;
      continue;
    }
    if (ways === null) {
      const whose = rule === undefined ? 'its MTA-STS policy names' : '[outbound] tls names for it';
      const text = `${domain} has no mail host that ${whose}`;
      const reply = { code: 451, enhanced: '4.7.5', text };
      failure ??= { reply, host: name };
      await note(name, '', null, reply);
      continue;
    }
    for (const address of await reachable(parts, ways.addresses)) {
      if (tried++ >= ADDRESSES_TRIED || signal.aborted) break;
      const host = `${name} [${address}]`;
      for (const tls of ways.tls) {
        try {
          const session = await open(parts, { address, tls, signal }, (text) => {
            transcript += text;
          });
          await note(name, address, ways.dane, tlsFault(session, name, ways.dane === null ? policy : null));
          if (need !== 'required' || session.extensions.has('REQUIRETLS')) {
            const carrier = sessionCarrier(session, host, label(session, ways.verified, tls.use === 'must'), need);
            const others = { hosts: hosts.slice(at + 1), domains, authentic };
            // Two hosts for one attempt, as with Postfix: the others have their turn in the next one.
            if (!next || others.hosts.length === 0) return carrier;
            return withNextHost(carrier, () =>
              otherwise(tryHosts(parts, domain, others, { signal, need, next: false })),
            );
          }
          unmet = host;
          transcript += session.transcript.text;
          await session.quit();
        } catch (error) {
          if (!(error instanceof SessionFailure)) throw error;
          failed(error, host);
          if (error.kind !== 'tls') break;
          await note(name, address, ways.dane, error.reply);
          if (need === 'required') unmet = host;
        }
      }
    }
  }
  // RFC 8689 4.2.1: whoever could be asked does not do what is asked for.
  if (unmet !== null) throw new NoRoute(UNPROTECTED, unmet, transcript);
  if (failure !== undefined) throw new NoRoute(failure.reply, failure.host, transcript);
  if (broken !== undefined) throw broken;
  throw new NoRoute({ code: 550, enhanced: '5.4.4', text: `No mail server of ${domain} has an address` });
}

const DNSSEC_INVALID: ServerReply = { code: 451, enhanced: '4.7.5', text: 'the TLSA records can not be validated' };

const UNPROTECTED: ServerReply = {
  code: 550,
  enhanced: '5.7.30',
  text: 'The message asks for REQUIRETLS, and no server there is known by its certificate and takes that on',
};

/** A policy that is only tried out binds those who ask for protection (RFC 8689 4.2.1); none binds who does without. */
function holds(policy: KeptPolicy | null, need: TlsNeed): boolean {
  if (policy === null || need === 'optional') return false;
  return policy.mode === 'enforce' || (policy.mode === 'testing' && need === 'required');
}

/** What a session that came about lacks. */
function tlsFault({ tls, connection }: Session, name: string, policy: KeptPolicy | null): ServerReply | null {
  const fault = (enhanced: string, text: string) => ({ code: 454, enhanced, text });
  if (tls === null) return fault('4.7.4', 'the server does not offer STARTTLS');
  // A policy that is only tried out: its domain wants to know what would have failed.
  if (policy === null || policy.mode === 'none') return null;
  if (!stsMatches(policy, name)) return fault('4.7.5', 'the policy does not name the host');
  return connection.certificate?.authorized === true ? null : fault('4.7.5', 'the certificate is not trusted');
}

/** Where IPv6 would bring our mail into bad repute, and there is another way. */
async function reachable({ ipv6 }: Parts, addresses: readonly string[]): Promise<readonly string[]> {
  const ipv4 = addresses.filter((address) => !isIPv6(address));
  const choice = ipv4.length > 0 && ipv4.length < addresses.length && ipv6 !== undefined;
  return choice && !(await ipv6()) ? ipv4 : addresses;
}

function open(
  parts: Parts,
  { address, tls, signal }: Pick<SessionOptions, 'address' | 'tls'> & { readonly signal: AbortSignal },
  failed: (transcript: string) => void,
): Promise<Session> {
  const { port, limits, chunkFaults } = parts;
  return Session.open(
    { address, port, tls, signal, chunkFaults, ...leavingTo(address, parts), ...(limits && { limits }) },
    (transcript) => failed(transcript.text),
  );
}

/** How a session is protected, for people. */
export function label({ tls, connection }: Session, dane: boolean, asked = true): string {
  if (tls === null) return '';
  const known = asked ? ' verified' : ' trusted'; // a good certificate that nobody had asked for
  const verified = dane ? ' verified by DANE' : connection.certificate?.authorized === true ? known : '';
  return `${tls.version} ${tls.cipher}${verified}`;
}
