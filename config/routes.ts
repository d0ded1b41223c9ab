// Routes (smarthosts) as they stand in the settings: [[outbound.routes]] tables, and the lines that say which mail takes
// which of them.

import { isIP } from 'node:net';
import { Expected, isHostname, isLoopback, parseNetwork } from './parts.ts';
import { PRESETS, type Preset } from './presets.ts';
import { parseSize } from './size.ts';
import { Fields, readTables, TABLE_NAME, Wrong } from './tables.ts';

/** null: no limit. */
export interface RouteLimits {
  /** Bytes of a message (F219). */
  readonly messageSize: number | null;
  readonly messagesAMinute: number | null;
  readonly messagesADay: number | null;
  readonly recipientsADay: number | null;
  readonly recipientsAMessage: number | null;
  /** Sessions at once. */
  readonly connections: number | null;
}

export interface OAuthConfig {
  readonly provider: 'google' | 'microsoft' | 'other';
  readonly grant: 'refresh_token' | 'client_credentials';
  readonly tokenUrl: string;
  /** Of the device flow (RFC 8628); '': there is none. */
  readonly deviceUrl: string;
  /** The page at which somebody agrees to the authorization code flow (RFC 6749 4.1); '': there is none. */
  readonly authUrl: string;
  readonly clientId: string;
  /** '' where the provider needs none. */
  readonly scope: string;
}

export interface RouteConfig {
  readonly name: string;
  readonly driver: 'smtp' | 'graph';
  /** Names or addresses, tried in turn; none for Graph. */
  readonly hosts: readonly string[];
  readonly port: number;
  /** starttls: on the port where it begins in the clear; implicit: from the first byte (F217). */
  readonly tls: 'none' | 'starttls' | 'implicit';
  /** The certificate must be good for the host. */
  readonly verify: boolean;
  /** No login, one for all, or each account's own (F209). */
  readonly auth: 'none' | 'central' | 'user';
  /** The user name of the login for all; '' where it stands with the secret. */
  readonly login: string;
  /** null: a password. */
  readonly oauth: OAuthConfig | null;
  /** Of Microsoft Graph, without a slash at the end. */
  readonly graphUrl: string;
  readonly limits: RouteLimits;
}

/** What must hold of a recipient of a message for a rule. */
export interface RoutingCondition {
  readonly kind: 'sender' | 'account' | 'recipient' | 'network';
  /** sender: an address, `@domain` or `<>`; account: an address; recipient: a domain; network: in CIDR form. */
  readonly value: string;
}

export interface RoutingRule {
  /** null: the mail hosts of the recipient's domain. */
  readonly route: string | null;
  /** All of them must hold. */
  readonly conditions: readonly RoutingCondition[];
}

/** What a rule names where mail goes to the mail hosts of its domain. */
export const DIRECT = 'mx';

export const ROUTING_EXPECTED =
  '"ROUTE [sender=ADDRESS|@DOMAIN|<>] [account=ADDRESS] [recipient=DOMAIN] [network=NETWORK]", ROUTE a name of ' +
  '[[outbound.routes]] or "mx"';

/** One line of `routing`. */
export function parseRouting(item: string): RoutingRule | Expected {
  const [name = '', ...words] = item.trim().split(/\s+/);
  const conditions = words.map(parseCondition);
  if (!TABLE_NAME.test(name) || conditions.some((condition) => condition === null))
    return new Expected(ROUTING_EXPECTED);
  return { route: name === DIRECT ? null : name, conditions: conditions.filter((condition) => condition !== null) };
}

function parseCondition(word: string): RoutingCondition | null {
  const [, kind, value = ''] = /^(sender|account|recipient|network)=(.+)$/.exec(word) ?? [];
  const lower = value.toLowerCase();
  const address = /^[^\s@]+@[^\s@]+$/;
  if (kind === 'sender') return lower === '<>' || /^[^\s@]*@[^\s@]+$/.test(lower) ? { kind, value: lower } : null;
  if (kind === 'account') return address.test(lower) ? { kind, value: lower } : null;
  if (kind === 'recipient') return isHostname(lower) ? { kind, value: lower } : null;
  if (kind === 'network') return typeof parseNetwork(value) === 'string' ? { kind, value } : null;
  return null;
}

const NO_LIMITS: RouteLimits = {
  ...{ messageSize: null, messagesAMinute: null, messagesADay: null },
  ...{ recipientsADay: null, recipientsAMessage: null, connections: null },
};

/** The keys of a table, for faults. */
const KEYS = new Set([
  ...['name', 'preset', 'driver', 'host', 'port', 'tls', 'verify', 'auth', 'login', 'oauth', 'grant', 'tenant'],
  ...[
    'client_id',
    'token_url',
    'device_url',
    'auth_url',
    'scope',
    'graph_url',
    'max_size',
    'messages_a_minute',
    'messages_a_day',
  ],
  ...['recipients_a_day', 'recipients_a_message', 'connections'],
]);

/** All tables of `routes`. */
export function parseRoutes(value: unknown): readonly RouteConfig[] | Expected {
  return readTables(value, '[[outbound.routes]] tables', readRoute);
}

function readRoute(table: Readonly<Record<string, unknown>>): RouteConfig {
  const { name } = table;
  if (typeof name !== 'string' || !TABLE_NAME.test(name) || name === DIRECT) {
    throw new Wrong(`a name of small letters, digits, "." and "-" (not "${DIRECT}") for each of [[outbound.routes]]`);
  }
  const fields = new RouteFields(`route ${name}`, table);
  fields.only(KEYS);
  const preset = fields.preset();
  const driver = fields.choice('driver', ['smtp', 'graph'], preset.driver ?? 'smtp');
  const tls = fields.choice('tls', ['none', 'starttls', 'implicit'], preset.tls ?? 'starttls');
  const auth = fields.choice('auth', ['none', 'central', 'user'], preset.auth ?? 'none');
  const route: RouteConfig = {
    ...{ name, driver, tls, auth },
    hosts: driver === 'graph' ? [] : fields.hosts(preset.hosts),
    port: fields.integer('port', 1, 65_535) ?? preset.port ?? { none: 25, starttls: 587, implicit: 465 }[tls],
    verify: fields.flag('verify', true),
    login: fields.text('login', ''),
    oauth: fields.oauth(preset.oauth, driver),
    graphUrl: fields.url('graph_url', preset.graphUrl ?? 'https://graph.microsoft.com/v1.0').replace(/\/+$/, ''),
    limits: fields.limits({ ...NO_LIMITS, ...preset.limits }),
  };
  if (driver === 'graph' && auth === 'none')
    throw new Wrong(`auth "central" or "user" for route ${name}: Graph needs it`);
  if (tls === 'none' && auth !== 'none' && !route.hosts.every(isNear)) {
    throw new Wrong(
      `tls "starttls" or "implicit" for route ${name}: its password would cross the network in the clear`,
    );
  }
  return route;
}

/** A host that a password may be sent to in the clear, where the settings say so: in a private network. */
function isNear(host: string): boolean {
  return isLoopback(host) || (isIP(host) > 0 && /^(?:10\.|192\.168\.|172\.(?:1[6-9]|2\d|3[01])\.|f[cd])/i.test(host));
}

/** The values of a route's table. */
class RouteFields extends Fields {
  preset(): Preset {
    const name = this.choice('preset', ['', ...Object.keys(PRESETS)], '');
    return name === '' ? {} : (PRESETS[name] ?? {});
  }

  hosts(preset: readonly string[] | undefined): readonly string[] {
    const value = this.table.host ?? preset;
    const hosts = (Array.isArray(value) ? value : [value]) as unknown[];
    const good = hosts.every((host) => typeof host === 'string' && (isHostname(host) || isIP(host) > 0));
    if (good && hosts.length > 0 && hosts.length <= 10) return hosts.map((host) => String(host).toLowerCase());
    throw this.wrong('host', 'a host name or an IP address, or a list of up to 10 that are tried in turn');
  }

  oauth(preset: Preset['oauth'], driver: RouteConfig['driver']): OAuthConfig | null {
    const provider = this.choice('oauth', ['', 'none', 'google', 'microsoft', 'other'], preset?.provider ?? '');
    if (provider === '' || provider === 'none') {
      if (driver === 'graph') throw this.wrong('oauth', '"microsoft", since Graph knows nothing else');
      return null;
    }
    const grant = this.choice('grant', ['refresh_token', 'client_credentials'], preset?.grant ?? 'refresh_token');
    if (provider === 'google' && grant !== 'refresh_token') throw this.wrong('grant', '"refresh_token" with Google');
    const tenant = this.text('tenant', grant === 'client_credentials' ? '' : 'common');
    if (!/^[A-Za-z0-9.-]*$/.test(tenant)) throw this.wrong('tenant', 'the id or a domain of a Microsoft tenant');
    const tokenUrl = this.url('token_url', preset?.tokenUrl ?? defaultTokenUrl(provider, tenant));
    const deviceUrl =
      this.table.device_url === undefined ? defaultDeviceUrl(provider, tokenUrl) : this.url('device_url', '');
    const authUrl = this.table.auth_url === undefined ? defaultAuthUrl(provider, tokenUrl) : this.url('auth_url', '');
    const clientId = this.text('client_id', '');
    if (clientId === '') throw this.wrong('client_id', 'the id of the application that was registered for this server');
    const appScope = driver === 'graph' ? preset?.scope : 'https://outlook.office365.com/.default';
    const fallback = provider === 'microsoft' && grant === 'client_credentials' ? appScope : preset?.scope;
    return { provider, grant, tokenUrl, deviceUrl, authUrl, clientId, scope: this.text('scope', fallback ?? '') };
  }

  limits(preset: RouteLimits): RouteLimits {
    const count = (key: string, fallback: number | null, most = 10_000_000) => {
      const value = this.integer(key, 0, most);
      return value === undefined ? fallback : value || null;
    };
    return {
      messageSize: this.#size(preset.messageSize),
      messagesAMinute: count('messages_a_minute', preset.messagesAMinute, 1_000),
      messagesADay: count('messages_a_day', preset.messagesADay),
      recipientsADay: count('recipients_a_day', preset.recipientsADay),
      recipientsAMessage: count('recipients_a_message', preset.recipientsAMessage),
      connections: count('connections', preset.connections, 100),
    };
  }

  #size(fallback: number | null): number | null {
    const value = this.table.max_size;
    if (value === undefined) return fallback;
    const bytes = typeof value === 'number' ? value : typeof value === 'string' ? parseSize(value) : undefined;
    if (bytes === undefined || !Number.isInteger(bytes) || bytes < 0)
      throw this.wrong('max_size', 'a size, 0 for none');
    return bytes || null;
  }
}

/** Microsoft's stands beside the other; Google has none for mail. */
function defaultDeviceUrl(provider: OAuthConfig['provider'], tokenUrl: string): string {
  return provider === 'microsoft' ? tokenUrl.replace(/\/token$/, '/devicecode') : '';
}

function defaultAuthUrl(provider: OAuthConfig['provider'], tokenUrl: string): string {
  if (provider === 'google') return 'https://accounts.google.com/o/oauth2/v2/auth';
  return provider === 'microsoft' ? tokenUrl.replace(/\/token$/, '/authorize') : '';
}

function defaultTokenUrl(provider: OAuthConfig['provider'], tenant: string): string {
  if (provider === 'google') return 'https://oauth2.googleapis.com/token';
  if (provider !== 'microsoft') return '';
  // An application's own login belongs to one tenant.
  return tenant === '' ? '' : `https://login.microsoftonline.com/${tenant}/oauth2/v2.0/token`;
}
