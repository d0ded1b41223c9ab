// Reads the settings: defaults, then the file, then the environment. The only reader of process.env.
//
// A fault names the file (or the variable), the key and what was expected; all faults are reported at once.

import { existsSync, readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { availableParallelism, hostname } from 'node:os';
import { dirname, resolve } from 'node:path';
import { parse as parseToml, TomlError } from 'smol-toml';
import type { GatewayConfig } from './gateways.ts';
import { KEYS, type Key, keyName, variableName } from './keys.ts';
import { Expected, isHostname, isLoopback } from './parts.ts';
import type { RouteConfig, RoutingRule } from './routes.ts';
import { type Config, LISTENERS, type ListenAddress, type ListenerName } from './schema.ts';

/** What was wrong with the settings, a line for each fault. */
export class ConfigError extends Error {
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(problems.join('\n'));
    this.name = 'ConfigError';
    this.problems = problems;
  }
}

/** Values as the TOML file holds them, by key name (`listen.imap`). */
export type RawValues = Readonly<Record<string, unknown>>;

export interface ReadOptions {
  /** The file of `--config`; it must exist. Undefined: POSTHUIS_CONFIG, ./posthuis.toml, /etc/posthuis/posthuis.toml. */
  readonly file?: string | undefined;
  /** False: no file is looked for by itself. */
  readonly search?: boolean;
  /** The directory of `--data`: overrides everything. Relative to the working directory. */
  readonly data?: string | undefined;
  /** Instead of the defaults, still under file and environment (demo mode). */
  readonly defaults?: RawValues;
  readonly environment?: Readonly<Record<string, string | undefined>>;
  readonly workingDirectory?: string;
}

export interface ReadResult {
  readonly config: Config;
  /** The file that was read, or null. */
  readonly file: string | null;
}

/** The settings where nothing says otherwise, as the file would hold them. `hostname` is this machine's. */
export const DEFAULTS: RawValues = {
  data: './data',
  threads: 0,
  ...Object.fromEntries(LISTENERS.map((name) => [`listen.${name}`, []])),
  'listen.proxy_from': [],
  'tls.certificates': [],
  'tls.extra_ca': '',
  'auth.plaintext': false,
  'oauth.issuer': '',
  'oauth.audience': '',
  'oauth.claim': 'email',
  'oauth.jwks': '',
  'oauth.introspection': '',
  'oauth.client_id': '',
  'oauth.client_secret_file': '',
  'imap.literals': 'plus',
  'imap.disable': [],
  'limits.message_size': '50MB',
  'limits.trusted_networks': ['127.0.0.0/8', '::1'],
  'dns.servers': [],
  'outbound.send': true,
  'outbound.port': 25,
  'outbound.mta_sts_port': 443,
  'outbound.source': [],
  'outbound.ehlo': '',
  'outbound.ehlo_ipv6': '',
  'outbound.first_retry': '5m',
  'outbound.longest_retry': '4h',
  'outbound.give_up': '5d',
  'outbound.delay_report': '4h',
  'outbound.suppress_after': 3,
  'outbound.tls_reports': true,
  'outbound.tls': [],
  'outbound.domains': [],
  'outbound.routes': [],
  'outbound.routing': [],
  'outbound.gateways': [],
  'mta_sts.mode': '',
  'mta_sts.max_age': '7d',
  'mta_sts.mx': [],
  'submission.relay': [],
  'submission.future_release_days': 30,
  'submission.messages_a_day': 2_000,
  'submission.recipients_a_message': 500,
  'submission.new_recipients_a_day': 200,
  'storage.retention_days': 14,
  'storage.handles': 200,
  'search.index': true,
  'search.index_after': 15,
  'log.level': 'info',
};

const SYSTEM_FILE = '/etc/posthuis/posthuis.toml';

/**
 * Variables with our prefix that are not settings: the file itself, what Kubernetes sets for a service called
 * posthuis, and what the project's tests and benchmarks are told.
 */
const OTHER_VARIABLES = /^POSTHUIS_(CONFIG$|SERVICE_|PORT(_|$)|TEST_|BENCH_)/;

/** Reads the settings; throws a ConfigError with all faults. */
export function readConfig(options: ReadOptions = {}): ReadResult {
  const environment = options.environment ?? process.env;
  const workingDirectory = options.workingDirectory ?? process.cwd();
  const file = findFile(options, environment, workingDirectory);
  const problems: string[] = [];
  const raw = new Map<string, { value: unknown; where: string }>();

  const fallback = { hostname: isHostname(hostname()) ? hostname() : 'localhost', ...DEFAULTS, ...options.defaults };
  for (const [name, value] of Object.entries(fallback)) raw.set(name, { value, where: 'default' });
  if (file !== null) readFile(file, raw, problems);
  readEnvironment(environment, raw, problems);

  const values = new Map<string, unknown>();
  for (const key of KEYS) {
    const name = keyName(key);
    const found = raw.get(name);
    const value = key.parse(found?.value);
    if (value instanceof Expected) {
      problems.push(`${found?.where}: ${name}: expected ${value.what}, got ${describe(found?.value)}`);
    } else values.set(name, value);
  }
  if (problems.length === 0) checkTogether(values, raw, problems);
  if (problems.length > 0) throw new ConfigError(problems);
  const base = file === null ? workingDirectory : dirname(file);
  return { config: build(values, base, options.data && resolve(workingDirectory, options.data)), file };
}

function findFile(
  options: ReadOptions,
  environment: Readonly<Record<string, string | undefined>>,
  workingDirectory: string,
): string | null {
  const named = options.file ?? (environment.POSTHUIS_CONFIG || undefined);
  if (named !== undefined) return resolve(workingDirectory, named);
  if (options.search === false) return null;
  return [resolve(workingDirectory, 'posthuis.toml'), SYSTEM_FILE].find((candidate) => existsSync(candidate)) ?? null;
}

function readFile(file: string, raw: Map<string, { value: unknown; where: string }>, problems: string[]): void {
  let document: Record<string, unknown>;
  try {
    document = parseToml(readFileSync(file, 'utf8'));
  } catch (error) {
    if (error instanceof TomlError) {
      const reason = error.message.split('\n', 1)[0]?.replace(/^Invalid TOML document: /, '');
      problems.push(`${file}:${error.line}:${error.column}: expected TOML: ${reason}`);
    } else problems.push(`${file}: expected a file that can be read: ${(error as Error).message}`);
    return;
  }
  const sections = new Set(KEYS.map((key) => key.section));
  const known = new Set(KEYS.map(keyName));
  const take = (name: string, value: unknown, expected: string): void => {
    if (known.has(name)) raw.set(name, { value, where: file });
    else problems.push(`${file}: ${name}: unknown key; expected ${expected}`);
  };
  for (const [name, value] of Object.entries(document)) {
    if (name === '' || !sections.has(name)) {
      take(name, value, `one of ${[...keysOf(''), ...[...sections].filter(Boolean).map((s) => `[${s}]`)].join(', ')}`);
    } else if (!isTable(value)) {
      problems.push(`${file}: ${name}: expected a section [${name}], got ${describe(value)}`);
    } else {
      for (const [inner, innerValue] of Object.entries(value)) {
        take(`${name}.${inner}`, innerValue, `one of ${keysOf(name).join(', ')}`);
      }
    }
  }
}

function readEnvironment(
  environment: Readonly<Record<string, string | undefined>>,
  raw: Map<string, { value: unknown; where: string }>,
  problems: string[],
): void {
  const keys = new Map<string, Key>(KEYS.map((key) => [variableName(key), key]));
  for (const [variable, value] of Object.entries(environment)) {
    if (value === undefined || !variable.startsWith('POSTHUIS_') || OTHER_VARIABLES.test(variable)) continue;
    const key = keys.get(variable);
    if (key) raw.set(keyName(key), { value: key.fromText(value), where: variable });
    else problems.push(`${variable}: unknown variable; expected one of ${[...keys.keys()].join(', ')}`);
  }
}

/** What no key can be judged on alone. */
function checkTogether(
  values: ReadonlyMap<string, unknown>,
  raw: ReadonlyMap<string, { where: string }>,
  problems: string[],
): void {
  checkOAuth(values, raw, problems);
  const families = (values.get('outbound.source') as string[]).map((address) => isIP(address));
  if (new Set(families).size < families.length) {
    problems.push(`${raw.get('outbound.source')?.where}: outbound.source: expected one address of each family at most`);
  }
  const routes = new Set((values.get('outbound.routes') as RouteConfig[]).map(({ name }) => name));
  for (const { route } of values.get('outbound.routing') as RoutingRule[]) {
    if (route === null || routes.has(route)) continue;
    const where = raw.get('outbound.routing')?.where;
    problems.push(`${where}: outbound.routing: expected a route of [[outbound.routes]], got ${JSON.stringify(route)}`);
  }
  const gateways = values.get('outbound.gateways') as GatewayConfig[];
  const domains = new Set<string>();
  for (const { name, domain, smtp } of gateways) {
    const where = raw.get('outbound.gateways')?.where;
    const key = `${where}: outbound.gateways`;
    if (routes.has(name)) problems.push(`${key}: expected a name that no route has, got ${JSON.stringify(name)}`);
    if (domains.has(domain)) problems.push(`${key}: expected one gateway for ${JSON.stringify(domain)}`);
    domains.add(domain);
    if (smtp !== null && !routes.has(smtp.route)) {
      problems.push(`${key}: expected a route of [[outbound.routes]] for ${name}, got ${JSON.stringify(smtp.route)}`);
    }
  }
  const taken = new Map<string, string>();
  for (const name of LISTENERS) {
    const key = `listen.${name}`;
    for (const { host, port } of values.get(key) as ListenAddress[]) {
      const address = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
      if (values.get('auth.plaintext') === true && !isLoopback(host)) {
        problems.push(
          `${raw.get('auth.plaintext')?.where}: auth.plaintext: expected false while ${key} listens on ${address}, ` +
            'which is not a loopback address: passwords would cross the network in the clear',
        );
      }
      const other = taken.get(address);
      if (other !== undefined && port !== 0) {
        problems.push(
          `${raw.get(key)?.where}: ${key}: expected a port of its own, got ${address}, used by ${other} too`,
        );
      }
      taken.set(address, key);
    }
  }
}

function build(values: ReadonlyMap<string, unknown>, base: string, data: string | undefined): Config {
  const get = <T>(name: string): T => values.get(name) as T;
  const certificates = get<Config['tls']['certificates']>('tls.certificates');
  const ehlo = get<string>('outbound.ehlo').toLowerCase() || get<string>('hostname').toLowerCase();
  return {
    hostname: get<string>('hostname').toLowerCase(),
    data: data ?? resolve(base, get<string>('data')),
    // DESIGN section 5: one per core, at most 4.
    threads: get<number>('threads') || Math.min(availableParallelism(), 4),
    listen: Object.fromEntries(
      LISTENERS.map((name) => [name, get<ListenAddress[]>(`listen.${name}`)]),
    ) as unknown as Record<ListenerName, ListenAddress[]>,
    proxyFrom: get('listen.proxy_from'),
    tls: {
      certificates: certificates.map(({ certificate, key }) => ({
        certificate: resolve(base, certificate),
        key: resolve(base, key),
      })),
      extraCa: get<string>('tls.extra_ca') === '' ? null : resolve(base, get<string>('tls.extra_ca')),
    },
    auth: { plaintext: get('auth.plaintext') },
    oauth: oauth(get, base),
    imap: { literals: get('imap.literals'), disable: get('imap.disable') },
    limits: { messageSize: get('limits.message_size'), trustedNetworks: get('limits.trusted_networks') },
    dns: { servers: get('dns.servers') },
    outbound: {
      send: get('outbound.send'),
      port: get('outbound.port'),
      stsPort: get('outbound.mta_sts_port'),
      source: get('outbound.source'),
      ehlo,
      ehloIpv6: get<string>('outbound.ehlo_ipv6').toLowerCase() || ehlo,
      retry: {
        firstMs: get('outbound.first_retry'),
        longestMs: get('outbound.longest_retry'),
        giveUpMs: get('outbound.give_up'),
      },
      delayReportMs: get('outbound.delay_report'),
      suppressAfter: get<number>('outbound.suppress_after') || null,
      tlsReports: get('outbound.tls_reports'),
      tls: get('outbound.tls'),
      domains: get('outbound.domains'),
      routes: get('outbound.routes'),
      routing: get('outbound.routing'),
      gateways: get('outbound.gateways'),
    },
    mtaSts: {
      mode: get<string>('mta_sts.mode') || null,
      maxAgeMs: get('mta_sts.max_age'),
      mx: get('mta_sts.mx'),
    } as Config['mtaSts'],
    submission: {
      relay: get('submission.relay'),
      futureReleaseMs: get<number>('submission.future_release_days') * 86_400_000,
      messagesADay: get<number>('submission.messages_a_day') || null,
      recipientsAMessage: get<number>('submission.recipients_a_message') || null,
      newRecipientsADay: get<number>('submission.new_recipients_a_day') || null,
    },
    storage: { retentionDays: get('storage.retention_days'), handles: get('storage.handles') },
    search: { index: get('search.index'), indexAfter: get('search.index_after') },
    log: { level: get('log.level') },
  };
}

/** The issuer of tokens, if there is one. */
function oauth(get: <T>(name: string) => T, base: string): Config['oauth'] {
  const text = (name: string) => get<string>(`oauth.${name}`);
  if (text('issuer') === '') return null;
  const [keys, url] = [text('jwks'), text('introspection')];
  return {
    ...{ issuer: text('issuer'), audience: text('audience'), claim: text('claim') },
    keys: keys === '' ? null : /^https?:\/\//i.test(keys) ? keys : resolve(base, keys),
    introspection:
      url === '' ? null : { url, clientId: text('client_id'), secretFile: resolve(base, text('client_secret_file')) },
  };
}

/** What an issuer needs: an audience, and one way to know that a token is true. */
function checkOAuth(
  values: ReadonlyMap<string, unknown>,
  raw: ReadonlyMap<string, { where: string }>,
  problems: string[],
): void {
  const has = (name: string) => values.get(`oauth.${name}`) !== '';
  const others = ['audience', 'jwks', 'introspection', 'client_id', 'client_secret_file'].filter(has);
  // What is missing stands nowhere: named is where that is set which needs it.
  const where = raw.get(`oauth.${has('issuer') ? 'issuer' : others[0]}`)?.where;
  const wrong = (name: string, expected: string) => {
    const got = describe(values.get(`oauth.${name}`));
    problems.push(`${where}: oauth.${name}: expected ${expected}, got ${got}`);
  };
  if (!has('issuer')) {
    if (others.length > 0) wrong('issuer', `the issuer that oauth.${others[0]} is about`);
    return;
  }
  if (!has('audience')) wrong('audience', 'what this server is called in the tokens of the issuer');
  if (has('jwks') === has('introspection')) wrong('jwks', 'either this or oauth.introspection');
  if (!has('introspection')) return;
  for (const name of ['client_id', 'client_secret_file'])
    if (!has(name)) wrong(name, 'what oauth.introspection is asked with');
}

function keysOf(section: string): string[] {
  return KEYS.filter((key) => key.section === section).map((key) => key.name);
}

function isTable(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date);
}

function describe(value: unknown): string {
  return (
    JSON.stringify(value, (_key, inner: unknown) => (typeof inner === 'bigint' ? String(inner) : inner)) ?? 'nothing'
  );
}
