// The settings as they stand in the file: each key, what is expected of it and how it becomes its value. A parser gets
// either what TOML holds or the text of an environment variable, and answers with the value or with what it expected.

import { isIP } from 'node:net';
import { DURATION_EXPECTED, parseDuration } from './duration.ts';
import { parseGateways } from './gateways.ts';
import { Expected, isHostname, isLoopback, parseNetwork } from './parts.ts';
import { parseRoutes, parseRouting, ROUTING_EXPECTED } from './routes.ts';
import { LISTENERS, type ListenAddress, type RetryTimes } from './schema.ts';
import { parseSize, SIZE_EXPECTED } from './size.ts';
import { parseTlsRule } from './tls-rules.ts';

export interface Key {
  /** '' for the keys above the first section. */
  readonly section: string;
  readonly name: string;
  /** Reads what the TOML file holds. */
  parse(value: unknown): unknown;
  /** Makes of an environment variable's text what the TOML file would hold. */
  fromText(text: string): unknown;
}

const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'silent'];

const NETWORKS = 'a list of networks such as "127.0.0.0/8" or single addresses';

const CAPABILITIES = 'a list of IMAP capabilities such as "COMPRESS=DEFLATE", without IMAP4rev1';

/** Server threads at most: each is a complete server, with its own memory. */
const MAX_THREADS = 64;

const ISSUER_URL = 'an https URL (or http on a loopback address), or ""';
const ISSUER_URL_OR_FILE = `${ISSUER_URL}, or a file`;

export const KEYS: readonly Key[] = [
  text('', 'hostname', 'a host name such as "mail.example.org"', isHostname),
  text('', 'data', 'a directory', (value) => value !== ''),
  integer('', 'threads', 0, MAX_THREADS),
  ...LISTENERS.map((name) => list('listen', name, 'a list of "address:port"', parseListen)),
  list('listen', 'proxy_from', NETWORKS, parseNetwork),
  {
    section: 'tls',
    name: 'certificates',
    parse: parseCertificates,
    fromText: (value) => splitList(value).map(certificateFromText),
  },
  boolean('auth', 'plaintext'),
  text(
    'oauth',
    'issuer',
    'the URL by which an issuer calls itself, or ""',
    (value) => value === '' || isIssuerUrl(value),
  ),
  text('oauth', 'audience', 'a text', () => true),
  text('oauth', 'claim', 'the name of a claim', (value) => value !== ''),
  text('oauth', 'jwks', ISSUER_URL_OR_FILE, isIssuerUrlOrFile),
  text('oauth', 'introspection', ISSUER_URL, (value) => value === '' || isIssuerUrl(value)),
  text('oauth', 'client_id', 'a text', () => true),
  text('oauth', 'client_secret_file', 'a file, or ""', () => true),
  text('imap', 'literals', '"plus" or "minus"', (value) => ['plus', 'minus'].includes(value)),
  list('imap', 'disable', CAPABILITIES, parseCapability),
  {
    section: 'limits',
    name: 'message_size',
    parse: parseMessageSize,
    fromText: (value) => value,
  },
  list('limits', 'trusted_networks', NETWORKS, parseNetwork),
  text('tls', 'extra_ca', 'a PEM file, or ""', () => true),
  list('dns', 'servers', 'a list of "address" or "address:port"', parseDnsServer),
  boolean('outbound', 'send'),
  integer('outbound', 'port', 1, 65_535),
  integer('outbound', 'mta_sts_port', 1, 65_535),
  list('outbound', 'source', 'a list of IP addresses, at most one of each family', parseSource),
  text(
    'outbound',
    'ehlo',
    'a host name such as "mail.example.org", or ""',
    (value) => value === '' || isHostname(value),
  ),
  text(
    'outbound',
    'ehlo_ipv6',
    'a host name such as "mail6.example.org", or ""',
    (value) => value === '' || isHostname(value),
  ),
  duration('outbound', 'first_retry'),
  duration('outbound', 'longest_retry'),
  duration('outbound', 'give_up'),
  duration('outbound', 'delay_report'),
  integer('outbound', 'suppress_after', 0, 100),
  boolean('outbound', 'tls_reports'),
  list('outbound', 'tls', 'a list of "domain none|may|encrypt|verify [mail hosts]"', parseTlsRule),
  list('outbound', 'domains', 'a list of "domain first_retry longest_retry give_up"', parseDomainRetry),
  {
    section: 'outbound',
    name: 'routes',
    parse: parseRoutes,
    fromText: tablesFromText,
  },
  {
    section: 'outbound',
    name: 'gateways',
    parse: parseGateways,
    fromText: tablesFromText,
  },
  list('outbound', 'routing', `a list of ${ROUTING_EXPECTED}`, parseRouting),
  text('mta_sts', 'mode', '"none", "testing", "enforce" or ""', (value) =>
    ['', 'none', 'testing', 'enforce'].includes(value),
  ),
  duration('mta_sts', 'max_age'),
  list('mta_sts', 'mx', 'a list of host names or "*." and a domain', parseMailHost),
  list('submission', 'relay', 'a list of "network account"', parseRelay),
  integer('submission', 'future_release_days', 0, 365),
  integer('submission', 'messages_a_day', 0, 1_000_000),
  integer('submission', 'recipients_a_message', 0, 1_000_000),
  integer('submission', 'new_recipients_a_day', 0, 1_000_000),
  integer('storage', 'retention_days', 0, 36_500),
  integer('storage', 'handles', 1, 100_000),
  boolean('search', 'index'),
  integer('search', 'index_after', 0, 86_400),
  text('log', 'level', `one of ${LOG_LEVELS.map((level) => `"${level}"`).join(', ')}`, (value) =>
    LOG_LEVELS.includes(value),
  ),
];

/** The name of a key for people: `listen.imap`. */
export function keyName(key: Key): string {
  return key.section === '' ? key.name : `${key.section}.${key.name}`;
}

/** The name of the environment variable that overrides a key: `POSTHUIS_LISTEN_IMAP`. */
export function variableName(key: Key): string {
  return ['POSTHUIS', key.section, key.name].filter(Boolean).join('_').toUpperCase();
}

/** True for an https URL; nobody listens in on http to a loopback address either. */
function isIssuerUrl(text: string): boolean {
  const url = URL.parse(text);
  if (url === null || url.username !== '' || url.hash !== '') return false;
  return url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url.hostname.replace(/^\[|\]$/g, '')));
}

/** '' is neither; what looks like a URL must be one. */
function isIssuerUrlOrFile(text: string): boolean {
  return !/^[a-z]+:\/\//i.test(text) || isIssuerUrl(text);
}

/** In upper case; what IMAP can't do without is refused. */
function parseCapability(name: string): string | Expected {
  return isCapability(name) ? name.toUpperCase() : new Expected(CAPABILITIES);
}

/** True for the name of an IMAP capability that can be switched off. */
export function isCapability(name: string): boolean {
  return /^[a-z0-9][a-z0-9=+.-]{0,49}$/i.test(name) && name.toUpperCase() !== 'IMAP4REV1';
}

function text(section: string, name: string, expected: string, accepts: (value: string) => boolean): Key {
  return {
    section,
    name,
    parse: (value) => (typeof value === 'string' && accepts(value) ? value : new Expected(expected)),
    fromText: (value) => value,
  };
}

function boolean(section: string, name: string): Key {
  return {
    section,
    name,
    parse: (value) => (typeof value === 'boolean' ? value : new Expected('true or false')),
    fromText: (value) => ({ true: true, false: false })[value.trim().toLowerCase()] ?? value,
  };
}

function integer(section: string, name: string, least: number, most: number): Key {
  return {
    section,
    name,
    parse: (value) =>
      typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most
        ? value
        : new Expected(`a whole number from ${least} to ${most}`),
    fromText: (value) => (/^\d{1,15}$/.test(value.trim()) ? Number(value) : value),
  };
}

function list(section: string, name: string, expected: string, parseItem: (item: string) => unknown): Key {
  return {
    section,
    name,
    parse(value) {
      if (!Array.isArray(value)) return new Expected(expected);
      const items = value.map((item: unknown) => (typeof item === 'string' ? parseItem(item) : new Expected(expected)));
      return items.find((item) => item instanceof Expected) ?? items;
    },
    fromText: splitList,
  };
}

function duration(section: string, name: string): Key {
  return {
    section,
    name,
    parse: (value) => (typeof value === 'string' ? parseDuration(value) : undefined) ?? new Expected(DURATION_EXPECTED),
    fromText: (value) => value,
  };
}

/** `192.0.2.53`, `192.0.2.53:5353`, `::1`, `[::1]:5353`. */
function parseDnsServer(item: string): ListenAddress | Expected {
  if (isIP(item) > 0) return { host: item, port: 53 };
  const parsed = parseListen(item);
  return !(parsed instanceof Expected) && isIP(parsed.host) > 0 && parsed.port > 0
    ? parsed
    : new Expected('addresses of DNS servers such as "192.0.2.53", "192.0.2.53:5353" or "[::1]:5353"');
}

function parseMailHost(item: string): string | Expected {
  const name = item.toLowerCase();
  return isHostname(name.replace(/^\*\./, ''))
    ? name
    : new Expected('host names such as "mail.example.org" or "*.example.org"');
}

function parseSource(item: string): string | Expected {
  return isIP(item) > 0 ? item : new Expected('IP addresses of this machine');
}

/** `example.org 10m 8h 10d`. */
function parseRelay(item: string): { network: string; account: string } | Expected {
  const [network = '', account = '', ...more] = item.trim().split(/\s+/);
  const parsed = parseNetwork(network);
  return typeof parsed === 'string' && /^[^\s@]+@[^\s@]+$/.test(account) && more.length === 0
    ? { network: parsed, account }
    : new Expected('"network account", such as "192.168.0.20 scanner@example.org"');
}

function parseDomainRetry(item: string): (RetryTimes & { readonly domain: string }) | Expected {
  const [domain = '', first = '', longest = '', end = '', ...more] = item.trim().split(/\s+/);
  const firstMs = parseDuration(first);
  const longestMs = parseDuration(longest);
  const giveUpMs = parseDuration(end);
  const whole = firstMs !== undefined && longestMs !== undefined && giveUpMs !== undefined && more.length === 0;
  return whole && isHostname(domain)
    ? { domain: domain.toLowerCase(), firstMs, longestMs, giveUpMs }
    : new Expected('"domain first_retry longest_retry give_up", such as "example.org 10m 8h 10d"');
}

/** A list in an environment variable: by comma; empty text is the empty list. */
function splitList(value: string): string[] {
  return value
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
}

/** `127.0.0.1:143`, `[::1]:143`, `localhost:143`. */
function parseListen(item: string): ListenAddress | Expected {
  const match = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(item);
  const host = match?.[1] ?? match?.[2] ?? '';
  const port = Number(match?.[3]);
  const isAddress = match?.[1] === undefined ? isIP(host) === 4 || host === 'localhost' : isIP(host) === 6;
  if (!isAddress || !(port <= 65_535)) {
    return new Expected('"address:port", such as "0.0.0.0:143", "[::]:143" or "127.0.0.1:0" for a free port');
  }
  return { host, port };
}

function parseMessageSize(value: unknown): number | Expected {
  const bytes = typeof value === 'number' ? value : typeof value === 'string' ? parseSize(value) : undefined;
  // The largest is what a 32-bit count of octets in IMAP can still say (RFC822.SIZE of peers that keep it so).
  if (bytes === undefined || !Number.isInteger(bytes) || bytes < 1024 || bytes >= 2 ** 31) {
    return new Expected(`${SIZE_EXPECTED} from 1KB to under 2GB`);
  }
  return bytes;
}

/** Tables have no form of their own in the environment: there they are JSON. */
function tablesFromText(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return text;
    throw error;
  }
}

interface CertificateFiles {
  readonly certificate: string;
  readonly key: string;
}

/** `cert.pem:key.pem`, the form of an environment variable. */
function certificateFromText(item: string): CertificateFiles | string {
  const [certificate = '', key = '', ...rest] = item.split(':');
  return rest.length === 0 ? { certificate, key } : item;
}

function parseCertificates(value: unknown): CertificateFiles[] | Expected {
  const expected = new Expected(
    '[[tls.certificates]] tables with certificate = "cert.pem" and key = "key.pem" and nothing else ' +
      '(in the environment: cert.pem:key.pem)',
  );
  if (!Array.isArray(value)) return expected;
  const files: CertificateFiles[] = [];
  for (const item of value as unknown[]) {
    if (typeof item !== 'object' || item === null) return expected;
    const { certificate, key, ...rest } = item as Record<string, unknown>;
    if (typeof certificate !== 'string' || typeof key !== 'string' || Object.keys(rest).length > 0) return expected;
    if (certificate === '' || key === '') return expected;
    files.push({ certificate, key });
  }
  return files;
}
