// Every setting, typed. config/read.ts makes one of these from a file and the environment; nothing else reads either.

import type { GatewayConfig } from './gateways.ts';
import type { RouteConfig, RoutingRule } from './routes.ts';
import type { TlsRule } from './tls-rules.ts';

/** A listener: "address:port"; port 0 is a free port of the system's choice, the same for all threads. */
export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

/** The listeners by the name they have in [listen]. */
export const LISTENERS = [
  'smtp', // MX, port 25 in production, STARTTLS
  'submission', // 587 and 2525, STARTTLS
  'submissions', // 465, implicit TLS
  'lmtp', // from the operator's own MTA, loopback
  'imap', // 143, STARTTLS
  'imaps', // 993
  'pop3', // 110, STLS
  'pop3s', // 995
  'http', // health, metrics (loopback)
  'https', // ActiveSync, autodiscover and the web (later; until then 503)
] as const;
export type ListenerName = (typeof LISTENERS)[number];

/** When a message that could not be sent is tried again: the wait doubles from the first to the longest. */
export interface RetryTimes {
  readonly firstMs: number;
  readonly longestMs: number;
  /** After this time it is given back. */
  readonly giveUpMs: number;
}

/** Whose tokens are taken, and how they are known to be true: by the issuer's keys, or by asking it. */
export interface OAuth {
  /** As it calls itself in tokens. */
  readonly issuer: string;
  /** What we are called there. */
  readonly audience: string;
  /** The claim that has the address. */
  readonly claim: string;
  /** Its published keys: a URL, or the absolute path of a file; null if it is asked. */
  readonly keys: string | null;
  readonly introspection: { readonly url: string; readonly clientId: string; readonly secretFile: string } | null;
}

export interface Config {
  /** Our name in greetings, Received and certificates. */
  readonly hostname: string;
  /** The data directory, absolute. */
  readonly data: string;
  /** Server threads; 0 in the file is already resolved here (one per core, at most 4). */
  readonly threads: number;
  readonly listen: Readonly<Record<ListenerName, readonly ListenAddress[]>>;
  /** Networks of proxies that may say for whom they speak (PROXY protocol, XCLIENT). */
  readonly proxyFrom: readonly string[];
  readonly tls: {
    /** Absolute paths; none: DATA/tls/self-signed.pem. */
    readonly certificates: readonly { readonly certificate: string; readonly key: string }[];
    /** Authorities that are trusted beside the well-known ones where other servers have to be; a PEM file. */
    readonly extraCa: string | null;
  };
  readonly auth: {
    /** Logins without TLS, for loopback tests only. */
    readonly plaintext: boolean;
  };
  /** The issuer whose tokens are taken instead of passwords; null: none. */
  readonly oauth: OAuth | null;
  readonly imap: {
    /** Literals that need not be asked for: all, or small ones only. */
    readonly literals: 'plus' | 'minus';
    /** Capabilities that are not offered, in upper case. */
    readonly disable: readonly string[];
  };
  readonly limits: {
    /** Bytes of the largest message that is received (F135). */
    readonly messageSize: number;
    /** Networks exempt from connection, rate and error limits, in CIDR form or single addresses. */
    readonly trustedNetworks: readonly string[];
  };
  readonly dns: {
    /** Recursive resolvers; none: those of the system. */
    readonly servers: readonly ListenAddress[];
  };
  readonly outbound: {
    /** Mail may be sent to other domains. */
    readonly send: boolean;
    /** The port of other servers. */
    readonly port: number;
    /** The port of MTA-STS policy servers. */
    readonly stsPort: number;
    /** The addresses that mail is sent from, one of each family at most; none: the system's choice. */
    readonly source: readonly string[];
    /** What we call ourselves there, by IPv4 and by IPv6. */
    readonly ehlo: string;
    readonly ehloIpv6: string;
    readonly retry: RetryTimes;
    /** After this time a sender is told that his message still waits, ms. */
    readonly delayReportMs: number;
    /** Refusals in a row after which nothing is sent to an address any more; null: never. */
    readonly suppressAfter: number | null;
    /** Domains that ask for it are told how TLS with them went (RFC 8460). */
    readonly tlsReports: boolean;
    /** How mail to some recipient domains is protected, whatever their DNS says. */
    readonly tls: readonly TlsRule[];
    /** Other times for some recipient domains. */
    readonly domains: readonly (RetryTimes & { readonly domain: string })[];
    /** Servers that mail is handed to instead of the mail hosts of its domains. */
    readonly routes: readonly RouteConfig[];
    /** Pseudo-domains for SMS and fax. */
    readonly gateways: readonly GatewayConfig[];
    /** Which mail takes which of them: the first rule that holds. */
    readonly routing: readonly RoutingRule[];
  };
  /** Our own MTA-STS policy (RFC 8461), for all of our domains. */
  readonly mtaSts: {
    /** null: there is none. */
    readonly mode: 'none' | 'testing' | 'enforce' | null;
    readonly maxAgeMs: number;
    /** Mail hosts, `*.` and a domain among them; none: the hostname. */
    readonly mx: readonly string[];
  };
  /** What an account may send unless something else is set for it (F23); null: no limit. */
  readonly submission: {
    /** Networks that send as an account without a login (F209). */
    readonly relay: readonly { readonly network: string; readonly account: string }[];
    /** A message may be held for so long before it is sent, ms; 0: not at all. */
    readonly futureReleaseMs: number;
    readonly messagesADay: number | null;
    readonly recipientsAMessage: number | null;
    readonly newRecipientsADay: number | null;
  };
  readonly storage: {
    /** Days that an expunged message is kept for undelete; 0 turns it off. */
    readonly retentionDays: number;
    /** Open database handles in the whole process. */
    readonly handles: number;
  };
  readonly search: {
    /** Mail is indexed, so that a search in texts need not read every message. */
    readonly index: boolean;
    /** Seconds that an account is left alone after it was written to, before its new mail is indexed. */
    readonly indexAfter: number;
  };
  readonly log: {
    readonly level: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'silent';
  };
}
