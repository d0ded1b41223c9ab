// MTA-STS (RFC 8461): what a domain's policy says, and whether a mail host is one of those it names.

import { STS_HOSTS } from './limits.ts';

export interface StsPolicy {
  /** enforce: mail goes under a trusted certificate to the hosts named, or not at all. */
  readonly mode: 'enforce' | 'testing' | 'none';
  /** Host names, or `*.` and a domain. */
  readonly hosts: readonly string[];
  readonly maxAgeSeconds: number;
}

/** RFC 8461 3.2: a year and a bit. */
const MAX_AGE = 31_557_600;
const HOST = /^(?:\*\.)?[a-z0-9-]+(?:\.[a-z0-9-]+)*$/;

/** The policy's id in a TXT record at `_mta-sts` (RFC 8461 3.1), or null if it is none. */
export function stsId(text: string): string | null {
  return /^v=STSv1\s*;(?:.*;)?\s*id\s*=\s*([A-Za-z0-9]{1,32})\s*(?:;|$)/.exec(text)?.[1] ?? null;
}

/** Reads a policy file (RFC 8461 3.2); null if it can't be one. */
export function parseStsPolicy(text: string): StsPolicy | null {
  const hosts: string[] = [];
  const single = new Map<string, string>();
  for (const line of text.split(/\r?\n/)) {
    const [, name = '', value = ''] = /^\s*([A-Za-z0-9_.-]+)\s*:\s*(.*?)\s*$/.exec(line) ?? [];
    if (name === 'mx') hosts.push(value.toLowerCase());
    else if (name !== '' && !single.has(name)) single.set(name, value);
  }
  const mode = single.get('mode');
  const age = single.get('max_age') ?? '';
  if (single.get('version') !== 'STSv1' || !/^\d{1,10}$/.test(age)) return null;
  if (mode !== 'enforce' && mode !== 'testing' && mode !== 'none') return null;
  if ((hosts.length === 0 && mode !== 'none') || hosts.length > STS_HOSTS || !hosts.every((host) => HOST.test(host))) {
    return null;
  }
  return { mode, hosts, maxAgeSeconds: Math.min(Number(age), MAX_AGE) };
}

/** RFC 8461 4.1: the name itself, or one label in place of the asterisk. */
export function stsMatches(policy: Pick<StsPolicy, 'hosts'>, host: string): boolean {
  const parent = host.slice(host.indexOf('.') + 1);
  return policy.hosts.some((named) => named === host || (named.startsWith('*.') && named.slice(2) === parent));
}
