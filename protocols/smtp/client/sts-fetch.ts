// Fetches a policy file (RFC 8461 3.3): by HTTPS with a trusted certificate for that very name, without redirects,
// bounded in time and size.

import { request } from '#protocols/http/client.ts';
import { STS_BYTES, STS_MS } from './limits.ts';

export interface StsFetchOptions {
  readonly domain: string;
  /** Addresses of `mta-sts.` and the domain. */
  readonly addresses: readonly string[];
  readonly port: number;
  /** More authorities, PEM. */
  readonly extraCa: readonly string[];
}

/** The file's text. Rejects when there is none that can be believed. */
export async function fetchSts({ domain, addresses, port, extraCa }: StsFetchOptions): Promise<string> {
  const { status, text } = await request({
    ...{ url: new URL(`https://mta-sts.${domain}:${port}/.well-known/mta-sts.txt`), method: 'GET', extraCa },
    ...{
      headers: { host: `mta-sts.${domain}`, accept: 'text/plain' },
      addresses: addresses.slice(0, 1),
      waitMs: STS_MS,
      most: STS_BYTES,
    },
  });
  if (status !== 200) throw new Error(`mta-sts.${domain} answers ${status}`); // redirects are not followed
  return text;
}
