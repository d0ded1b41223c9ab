// What is counted for reports on TLS (RFC 8460 4.2 and 4.3): each session with the hosts of a domain that asks for
// reports, by the policy that held for it and by what came of it.

import type { Resolving } from '#protocols/dns/mail-hosts.ts';
import { DnsFailure } from '#protocols/dns/resolver.ts';
import type { Tlsa } from '#protocols/dns/tlsa.ts';
import type { TlsResults } from '#storage/ports.ts';
import type { TlsAttempt } from '../connector.ts';
import { REPORT_URIS } from '../limits.ts';

export const DAY_MS = 86_400_000;

/** Counts; never rejects for what it can't look up. */
export function tlsCollector(
  resolver: Resolving,
  results: Pick<TlsResults, 'add'>,
  now: () => number,
): (attempt: TlsAttempt) => Promise<void> {
  return async (attempt) => {
    // RFC 8460 5.3: nor is ever a report about reports, which go without a policy.
    if (attempt.need === 'optional' || (await reportUris(resolver, attempt.domain)).length === 0) return;
    const { host, address } = attempt;
    const result = resultOf(attempt);
    const where = { 'receiving-mx-hostname': host, ...(address !== '' && { 'receiving-ip': address }) };
    await results.add(Math.floor(now() / DAY_MS), attempt.domain, {
      policy: JSON.stringify(policyOf(attempt)),
      result,
      detail: result === '' ? '' : JSON.stringify(where),
    });
  };
}

/** Where a domain wants its reports (RFC 8460 3); none where it does not say so, or can't be asked. */
export async function reportUris(resolver: Resolving, domain: string): Promise<string[]> {
  try {
    const { records } = await resolver.resolve(`_smtp._tls.${domain}`, 'TXT');
    const texts = records.flatMap((record) => (record.type === 'TXT' ? [[record.data].flat().join('')] : []));
    const [text, ...more] = texts.filter((one) => /^v=TLSRPTv1\s*;/.test(one));
    if (text === undefined || more.length > 0) return [];
    const rua = /;\s*rua\s*=\s*([^;]+)/.exec(text)?.[1] ?? '';
    const uris = rua.split(',').map((uri) => uri.trim());
    return uris.filter((uri) => /^(?:mailto:|https:\/\/)\S+$/i.test(uri)).slice(0, REPORT_URIS);
  } catch (error) {
    if (error instanceof DnsFailure) return [];
    throw error;
  }
}

/** What a session came to: one thing, so that it is counted once. A policy that can't be had is what its domain wants to know. */
function resultOf({ failure, fault, dane }: TlsAttempt): string {
  if (fault !== null && dane === null) return fault;
  return failure === null ? '' : resultType(failure);
}

/** RFC 8460 4.4, `policy`. */
function policyOf({ domain, host, policy, fault, dane }: TlsAttempt): Record<string, unknown> {
  if (dane !== null) {
    return { 'policy-type': 'tlsa', 'policy-string': dane.map(tlsaText), 'policy-domain': domain, 'mx-host': [host] };
  }
  if (policy === null && fault !== null) return { 'policy-type': 'sts', 'policy-string': [], 'policy-domain': domain };
  if (policy === null) return { 'policy-type': 'no-policy-found', 'policy-domain': domain };
  const lines = ['version: STSv1', `mode: ${policy.mode}`, ...policy.hosts.map((name) => `mx: ${name}`)];
  return { 'policy-type': 'sts', 'policy-string': lines, 'policy-domain': domain, 'mx-host': policy.hosts };
}

function tlsaText({ usage, selector, matching, data }: Tlsa): string {
  return `${usage} ${selector} ${matching} ${Buffer.from(data).toString('hex')}`;
}

/** RFC 8460 4.3. */
export function resultType({ enhanced, text }: { readonly enhanced: string; readonly text: string }): string {
  if (enhanced === '4.7.4') return 'starttls-not-supported';
  if (/TLSA records can not be validated/.test(text)) return 'dnssec-invalid';
  if (/another name/i.test(text) && !/not trusted/i.test(text)) return 'certificate-host-mismatch';
  if (/expired/i.test(text)) return 'certificate-expired';
  if (/not trusted|not signed/i.test(text)) return 'certificate-not-trusted';
  return 'validation-failure';
}
