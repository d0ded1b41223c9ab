// Is the sender of a message who he says he is (SPF, DKIM)? Asked only where something depends on it: before a message is
// sent on under his name, and before he is told what became of it. What looks that up is loaded when it is first asked.

import type { DnsServer } from '#protocols/dns/exchange.ts';
import type { Delivery } from './deliver.ts';

export interface Vouching {
  /** SPF or DKIM says that the sender of this message has sent it. What can't be found out is no. */
  confirmed(delivery: Delivery): Promise<boolean>;
  /** The policy of its sender's domain (SPF) lets every address that our mail leaves from send for it. */
  allowsUs(delivery: Delivery): Promise<boolean>;
}

export interface VouchingParts {
  /** [dns] servers. */
  readonly servers: readonly DnsServer[];
  /** What EHLO says when we send, by IPv4 and by IPv6. */
  readonly hostname: string;
  readonly hostname6?: string;
  /** [outbound] source. */
  readonly source: readonly string[];
  /** For tests; see VOUCHING_MS. */
  readonly limitMs?: number;
}

export function createVouching(parts: VouchingParts): Vouching {
  let loading: Promise<Vouching> | null = null;
  const load = async () => {
    const { vouchingBy } = await import('./vouching-by.ts');
    return vouchingBy(parts);
  };
  const loaded = () => {
    loading ??= load();
    return loading;
  };
  return {
    confirmed: async (delivery) => (await loaded()).confirmed(delivery),
    allowsUs: async (delivery) => (await loaded()).allowsUs(delivery),
  };
}

/** Vouches for nobody. */
export const NOBODY: Vouching = { confirmed: async () => false, allowsUs: async () => false };
