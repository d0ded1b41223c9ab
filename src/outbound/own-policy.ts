// Our own MTA-STS policy (RFC 8461 3.2): the same text for all of our domains, and the id that DNS names it by.

import { hash } from 'node:crypto';
import type { Config } from '#config/schema.ts';
import type { Directory } from '#storage/ports.ts';

type PolicyConfig = Pick<Config, 'hostname' | 'mtaSts'>;

/** The policy's text; null: there is none. */
export function ownPolicy({ hostname, mtaSts }: PolicyConfig): string | null {
  const { mode, maxAgeMs, mx } = mtaSts;
  if (mode === null) return null;
  const hosts = mx.length > 0 ? mx : [hostname.toLowerCase()];
  const lines = ['version: STSv1', `mode: ${mode}`, ...hosts.map((host) => `mx: ${host}`)];
  return [...lines, `max_age: ${Math.floor(maxAgeMs / 1_000)}`, ''].join('\r\n');
}

/** RFC 8461 3.1: another id for another text. */
export function policyId(text: string): string {
  return hash('sha256', text).slice(0, 20);
}

/** The policy of a domain of ours. */
export function policyServer(config: PolicyConfig, directory: Pick<Directory, 'resolve'>) {
  const text = ownPolicy(config);
  return async (domain: string): Promise<string | null> => {
    return text !== null && (await directory.resolve(`postmaster@${domain}`)).kind !== 'foreign' ? text : null;
  };
}
