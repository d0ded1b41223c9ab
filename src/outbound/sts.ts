// The MTA-STS policy that holds for a domain now (RFC 8461 5): the one that is kept, as long as its DNS names no other;
// fetched where it does. What can't be looked up or fetched changes nothing, and is told for reports (RFC 8460 4.3).

import type { Logger } from 'pino';
import { hostAddresses } from '#protocols/dns/mail-hosts.ts';
import { DnsFailure, type Resolver } from '#protocols/dns/resolver.ts';
import { HttpFailure } from '#protocols/http/client.ts';
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

/** Why a policy that a domain's DNS announces could not be had (RFC 8460 4.3.2.2). */
export type StsFault = 'sts-policy-fetch-error' | 'sts-policy-invalid' | 'sts-webpki-invalid';

export interface PolicyFound {
  /** null: none holds. */
  readonly policy: KeptPolicy | null;
  /** Why not, although there should be one. */
  readonly fault: StsFault | null;
}

/** The policy of a domain. */
export type PolicyOf = (domain: string) => Promise<PolicyFound>;

interface Failed {
  /** It is not tried again before, unix ms. */
  readonly until: number;
  readonly fault: StsFault;
}

export function createPolicies(parts: StsParts): PolicyOf {
  const asking = new Map<string, Promise<PolicyFound>>();
  /** Domains whose policy could not be fetched. */
  const failed = new Map<string, Failed>();
  return (domain) => {
    const asked = asking.get(domain) ?? policyOf(parts, failed, domain).finally(() => asking.delete(domain));
    asking.set(domain, asked);
    return asked;
  };
}

async function policyOf(parts: StsParts, failed: Map<string, Failed>, domain: string): Promise<PolicyFound> {
  const { policies, now, log } = parts;
  const known = await policies.get(domain);
  const kept = known !== undefined && known.expires > now() ? known : null;
  const id = await announced(parts, domain);
  const before = failed.get(domain);
  // A policy that is kept holds, whatever became of another one since (RFC 8461 3.3).
  const without = (fault: StsFault | null) => ({ policy: kept, fault: kept === null ? fault : null });
  if (id === null || id === kept?.id) return without(null);
  if (before !== undefined && before.until > now()) return without(before.fault);
  try {
    const { addresses } = await hostAddresses(parts.resolver, `mta-sts.${domain}`);
    const text = await fetchSts({ domain, addresses, port: parts.port, extraCa: parts.extraCa });
    const policy = parseStsPolicy(text);
    if (policy === null) throw new UnreadablePolicy(`the policy of ${domain} can't be read`);
    const { mode, hosts, maxAgeSeconds } = policy;
    const fetched = { id, mode, hosts, expires: now() + maxAgeSeconds * 1_000 };
    await policies.put(domain, fetched);
    return { policy: fetched, fault: null };
  } catch (error) {
    const fault = faultOf(error);
    log.info({ err: error, domain, fault, kept: kept !== null }, 'an MTA-STS policy could not be fetched');
    if (failed.size >= POLICY_TRIES) failed.clear();
    failed.set(domain, { until: now() + POLICY_WAIT_MS, fault });
    return without(fault);
  }
}

class UnreadablePolicy extends Error {}

function faultOf(error: unknown): StsFault {
  if (error instanceof UnreadablePolicy) return 'sts-policy-invalid';
  const cause = error instanceof HttpFailure ? error.cause : null;
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  // Node's names for what is wrong with a certificate (X509_V_ERR_*).
  return /CERT|^UNABLE_TO_(?:GET|VERIFY)|^SELF_SIGNED/.test(code) ? 'sts-webpki-invalid' : 'sts-policy-fetch-error';
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
