// How mail to single domains is protected, whatever their DNS says: lines of `[outbound] tls`.

import { Expected, isHostname } from './parts.ts';

/**
 * none: never by TLS; may: by TLS where it can be; encrypt: by TLS, under any certificate; verify: under one of a known
 * authority for the mail host's name.
 */
export type TlsLevel = 'none' | 'may' | 'encrypt' | 'verify';

export interface TlsRule {
  /** A recipient domain, in lower case. */
  readonly domain: string;
  readonly level: TlsLevel;
  /** Mail hosts that alone count, or `*.` and a domain; none: all that DNS names. With `verify` only. */
  readonly hosts: readonly string[];
}

const LEVELS: readonly string[] = ['none', 'may', 'encrypt', 'verify'] satisfies TlsLevel[];

/** `example.org verify mx.example.org *.example.net`. */
export function parseTlsRule(item: string): TlsRule | Expected {
  const [domain = '', level = '', ...hosts] = item.trim().toLowerCase().split(/\s+/);
  const named = hosts.every((host) => isHostname(host.replace(/^\*\./, '')));
  return isHostname(domain) && LEVELS.includes(level) && named && (hosts.length === 0 || level === 'verify')
    ? { domain, level: level as TlsLevel, hosts }
    : new Expected('"domain none|may|encrypt|verify [mail hosts]", such as "example.org verify *.example.org"');
}
