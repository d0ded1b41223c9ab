// May mail leave by IPv6? From an address without a name in DNS (PTR) most servers take none, and it is lost in Junk at the
// others; by IPv4 the same mail is welcome.

import { isIPv6 } from 'node:net';
import { networkInterfaces } from 'node:os';
import type { Resolving } from '#protocols/dns/mail-hosts.ts';
import { DnsFailure } from '#protocols/dns/resolver.ts';
import { reverseNames } from '#protocols/dns/reverse.ts';
import { PTR_MS } from './limits.ts';

export interface OwnAddressesParts {
  readonly resolver: Resolving;
  /** [outbound] source. */
  readonly source: readonly string[];
  /** Those of this machine; for tests. */
  readonly addresses?: () => readonly string[];
  /** Unix ms. */
  readonly now: () => number;
}

/** Has the address that mail would leave from by IPv6 a name? What can't be looked up is believed to. */
export function sendsByIpv6(parts: OwnAddressesParts): () => Promise<boolean> {
  let kept: { readonly until: number; readonly answer: Promise<boolean> } | null = null;
  return () => {
    if (kept === null || kept.until < parts.now()) kept = { until: parts.now() + PTR_MS, answer: look(parts) };
    return kept.answer;
  };
}

async function look({ resolver, source, addresses = globalAddresses }: OwnAddressesParts): Promise<boolean> {
  const chosen = source.filter((address) => isIPv6(address));
  const ours = chosen.length > 0 ? chosen : addresses();
  if (ours.length === 0) return true;
  for (const address of ours) {
    try {
      if ((await reverseNames(resolver, address)).length > 0) return true;
    } catch (error) {
      if (!(error instanceof DnsFailure)) throw error;
      return true;
    }
  }
  return false;
}

/** 2000::/3 (RFC 4291 2.5.4). */
function globalAddresses(): string[] {
  return Object.values(networkInterfaces())
    .flatMap((list) => list ?? [])
    .filter(({ family, address }) => family === 'IPv6' && /^[23]/.test(address))
    .map(({ address }) => address);
}
