// The part of `posthuis check` that looks into DNS: is this server who it says it is, by name, by address and by the names
// of its addresses; do its domains lead here; and does their MTA-STS policy say so.

import { readFileSync } from 'node:fs';
import { isIPv6 } from 'node:net';
import type { Config } from '#config/schema.ts';
import { hostAddresses, mailHosts } from '#protocols/dns/mail-hosts.ts';
import { DnsFailure, Resolver } from '#protocols/dns/resolver.ts';
import { reverseNames } from '#protocols/dns/reverse.ts';
import { fetchSts } from '#protocols/smtp/client/sts-fetch.ts';
import { stsId, stsMatches } from '#protocols/smtp/client/sts-policy.ts';
import { ownPolicy, policyId } from '../outbound/own-policy.ts';
import { type Finding, warning } from './findings.ts';

export async function lookIntoDns(config: Config, domains: readonly string[]): Promise<Finding[]> {
  const resolver = new Resolver({ servers: config.dns.servers });
  return [
    ...(await asked('the name of this server', () => lookAtNames(resolver, config))),
    ...(await Promise.all(domains.map((domain) => asked(domain, () => lookAtDomain(resolver, config, domain))))).flat(),
  ];
}

async function asked(what: string, look: () => Promise<Finding[]>): Promise<Finding[]> {
  try {
    return await look();
  } catch (error) {
    if (error instanceof DnsFailure) return [warning(`${what} could not be looked up: ${error.message}`)];
    throw error;
  }
}

/** Many servers take no mail from an address whose name does not lead back to it. */
async function lookAtNames(resolver: Resolver, { outbound, hostname }: Config): Promise<Finding[]> {
  const { ehlo, ehloIpv6, source } = outbound;
  const findings: Finding[] = [];
  const own = new Set(source);
  for (const name of new Set([ehlo, ehloIpv6, hostname.toLowerCase()])) {
    const { addresses } = await hostAddresses(resolver, name);
    if (addresses.length === 0) findings.push(warning(`${name} has no address in DNS`));
    // Mail leaves by a family under the name that is set for it.
    for (const address of addresses) if (name === (isIPv6(address) ? ehloIpv6 : ehlo)) own.add(address);
  }
  for (const address of own) {
    const name = isIPv6(address) ? ehloIpv6 : ehlo;
    const names = await reverseNames(resolver, address);
    if (names.includes(name)) continue;
    const ipv4 = isIPv6(address) ? ', so that mail is sent by IPv4 only' : ' and many servers will refuse its mail';
    findings.push(
      warning(
        names.length === 0
          ? `${address} has no name in DNS (PTR)${ipv4}`
          : `${address} is ${names.join(', ')} in DNS (PTR), not ${name}`,
      ),
    );
  }
  return findings;
}

async function lookAtDomain(resolver: Resolver, config: Config, domain: string): Promise<Finding[]> {
  const found = await mailHosts(resolver, domain);
  const hosts = found.kind === 'hosts' ? found.hosts.map(({ name }) => name) : [];
  const findings: Finding[] = [];
  if (!hosts.includes(config.hostname.toLowerCase())) {
    findings.push(warning(`mail for ${domain} does not lead here: its MX is ${hosts.join(', ') || 'missing'}`));
  }
  const policy = ownPolicy(config);
  return policy === null
    ? findings
    : [...findings, ...(await lookAtPolicy(resolver, config, { domain, policy, hosts }))];
}

interface Policy {
  readonly domain: string;
  readonly policy: string;
  /** The domain's mail hosts. */
  readonly hosts: readonly string[];
}

async function lookAtPolicy(resolver: Resolver, config: Config, { domain, policy, hosts }: Policy): Promise<Finding[]> {
  const findings: Finding[] = [];
  const { records } = await resolver.resolve(`_mta-sts.${domain}`, 'TXT');
  const ids = records.flatMap((record) => (record.type === 'TXT' ? [stsId([record.data].flat().join(''))] : []));
  const id = policyId(policy);
  if (!ids.includes(id)) {
    findings.push(warning(`DNS does not name the MTA-STS policy: _mta-sts.${domain}. TXT "v=STSv1; id=${id}"`));
  }
  const mx = config.mtaSts.mx.length > 0 ? config.mtaSts.mx : [config.hostname.toLowerCase()];
  const unnamed = hosts.filter((host) => !stsMatches({ hosts: mx }, host));
  if (unnamed.length > 0) findings.push(warning(`the MTA-STS policy of ${domain} does not name ${unnamed.join(', ')}`));
  try {
    const { addresses } = await hostAddresses(resolver, `mta-sts.${domain}`);
    const extraCa = config.tls.extraCa === null ? [] : [readFileSync(config.tls.extraCa, 'utf8')];
    const served = await fetchSts({ domain, addresses, port: config.outbound.stsPort, extraCa });
    if (served !== policy) findings.push(warning(`https://mta-sts.${domain} serves another policy than this one`));
  } catch (error) {
    findings.push(warning(`the MTA-STS policy of ${domain} can't be fetched: ${(error as Error).message}`));
  }
  return findings;
}
