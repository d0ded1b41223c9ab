// Gateways as they stand in the settings: pseudo-domains (`number@SMS`, `number@FAX`) whose mail goes to a service by HTTP,
// or to an address at a fax or SMS provider by a route (F19 to F22).

import { type Expected, isHostname } from './parts.ts';
import { Fields, readTables, TABLE_NAME, Wrong } from './tables.ts';

export interface GatewayConfig {
  readonly name: string;
  /** What follows the @, in lower case. */
  readonly domain: string;
  /** sms: the text alone; fax: the whole message. */
  readonly kind: 'sms' | 'fax';
  /** The country code of numbers that begin with one 0; '' if there are none such. */
  readonly country: string;
  /** Parts of one SMS, at most. */
  readonly segments: number;
  /** Either a service, */
  readonly http: HttpGateway | null;
  /** or an address at a provider, to which the message is sent by a route. */
  readonly smtp: SmtpGateway | null;
}

export interface HttpGateway {
  readonly url: string;
  readonly format: 'json' | 'form';
  readonly auth: 'none' | 'bearer' | 'basic';
  /** The user name of `basic`; '' where it stands with the secret. */
  readonly login: string;
  /** What the service calls number, text (or message) and sender. */
  readonly fields: { readonly to: string; readonly text: string; readonly from: string };
  /** Who sends, as the service wants it; '' for nobody. */
  readonly from: string;
}

export interface SmtpGateway {
  /** With {number} in it. */
  readonly address: string;
  /** The name of a route. */
  readonly route: string;
}

const KEYS = new Set([
  ...['name', 'domain', 'kind', 'country', 'segments', 'url', 'format', 'auth', 'login', 'to_field', 'text_field'],
  ...['from_field', 'from', 'address', 'route'],
]);

/** All tables of `gateways`. */
export function parseGateways(value: unknown): readonly GatewayConfig[] | Expected {
  return readTables(value, '[[outbound.gateways]] tables', readGateway);
}

function readGateway(table: Readonly<Record<string, unknown>>): GatewayConfig {
  const { name } = table;
  if (typeof name !== 'string' || !TABLE_NAME.test(name)) {
    throw new Wrong('a name of small letters, digits, "." and "-" for each of [[outbound.gateways]]');
  }
  const fields = new GatewayFields(`gateway ${name}`, table);
  fields.only(KEYS);
  const kind = fields.choice('kind', ['sms', 'fax'], 'sms');
  const http = fields.http(kind);
  const smtp = fields.smtp();
  if ((http === null) === (smtp === null)) throw new Wrong(`either url, or address and route, of gateway ${name}`);
  return { name, kind, http, smtp, ...fields.numbers(name) };
}

/** The values of a gateway's table. */
class GatewayFields extends Fields {
  numbers(name: string): Pick<GatewayConfig, 'domain' | 'country' | 'segments'> {
    const domain = this.text('domain', name).toLowerCase();
    if (!isHostname(domain)) throw this.wrong('domain', 'a domain such as "sms"');
    const country = this.text('country', '');
    if (!/^(?:[1-9]\d{0,2})?$/.test(country)) throw this.wrong('country', 'a country code such as "32"');
    return { domain, country, segments: this.integer('segments', 1, 255) ?? 6 };
  }

  http(kind: GatewayConfig['kind']): HttpGateway | null {
    if (this.text('url', '') === '') return null;
    return {
      url: this.url('url', ''),
      format: this.choice('format', ['json', 'form'], 'json'),
      auth: this.choice('auth', ['none', 'bearer', 'basic'], 'none'),
      login: this.text('login', ''),
      from: this.text('from', ''),
      fields: {
        to: this.text('to_field', 'to'),
        text: this.text('text_field', kind === 'sms' ? 'text' : 'message'),
        from: this.text('from_field', 'from'),
      },
    };
  }

  smtp(): SmtpGateway | null {
    const address = this.text('address', '');
    if (address === '') return null;
    if (!/^[^\s@<>]*\{number\}[^\s@<>]*@[^\s@<>]+$/.test(address)) {
      throw this.wrong('address', 'an address such as "{number}@fax.example"');
    }
    return { address, route: this.text('route', '') };
  }
}
