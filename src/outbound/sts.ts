// The MTA-STS policy that holds for a domain now (RFC 8461 5): the one that is kept, as long as its DNS names no other;
// fetched where it does. What can't be looked up or fetched changes nothing.

import type { Logger } from 'pino';
import { hostAddresses } from '#protocols/dns/mail-hosts.ts';
import { DnsFailure, type Resolver } from '#protocols/dns/resolver.ts';
import { fetchSts } from '#protocols/smtp/client/sts-fetch.ts';
import { parseStsPolicy, stsId } from '#protocols/smtp/client/sts-policy.ts';
import type { KeptPolicy, Policies } from '#storage/ports.ts';
import { POLICY_TRIES, POLICY_WAIT_MS } from './limits.ts';

export interface StsParts {
  readonly resolver: Pick<Resolver, 'resolve'>;
  readonly policies: Policies;
  /** The port of policy servers. */
  readonly port: number;
  readonly extraCa: readonly string[];
  readonly log: Logger;
  /** Unix ms. */
  readonly now: () => number;
}

/** The policy of a domain, or null where none holds. */
export type PolicyOf = (domain: string) => Promise<KeptPolicy | null>;

export function createPolicies(parts: StsParts): PolicyOf {
  const asking = new Map<string, Promise<KeptPolicy | null>>();
  /** Domains whose policy could not be fetched, and until when it is not tried again. */
  const failed = new Map<string, number>();
  return (domain) => {
    const asked = asking.get(domain) ?? policyOf(parts, failed, domain).finally(() => asking.delete(domain));
    asking.set(domain, asked);
    return asked;
  };
}

async function policyOf(parts: StsParts, failed: Map<string, number>, domain: string): Promise<KeptPolicy | null> {
  const { policies, now, log } = parts;
  const known = await policies.get(domain);
  const kept = known !== undefined && known.expires > now() ? known : null;
  const id = await announced(parts, domain);
  if (id === null || id === kept?.id || (failed.get(domain) ?? 0) > now()) return kept;
  try {
    const { addresses } = await hostAddresses(parts.resolver, `mta-sts.${domain}`);
    const text = await fetchSts({ domain, addresses, port: parts.port, extraCa: parts.extraCa });
    const policy = parseStsPolicy(text);
    if (policy === null) throw new Error(`the policy of ${domain} can't be read`);
    const { mode, hosts, maxAgeSeconds } = policy;
    const fetched = { id, mode, hosts, expires: now() + maxAgeSeconds * 1_000 };
    await policies.put(domain, fetched);
    return fetched;
  } catch (error) {
    log.info({ err: error, domain, kept: kept !== null }, 'an MTA-STS policy could not be fetched');
    if (failed.size >= POLICY_TRIES) failed.clear();
    failed.set(domain, now() + POLICY_WAIT_MS);
    return kept;
  }
}

/** The id in DNS (RFC 8461 3.1): of one record alone; null if there is none, or it can't be looked up. */
async function announced({ resolver }: StsParts, domain: string): Promise<string | null> {
  try {
    const { records } = await resolver.resolve(`_mta-sts.${domain}`, 'TXT');
    const texts = records.flatMap((record) => (record.type === 'TXT' ? [textOf(record.data)] : []));
    const [text, more] = texts.filter((one) => one.startsWith('v=STSv1'));
    return text === undefined || more !== undefined ? null : stsId(text);
  } catch (error) {
    if (error instanceof DnsFailure) return null;
    throw error;
  }
}

function textOf(data: string | Buffer | (string | Buffer)[]): string {
  return [data].flat().join('');
}
