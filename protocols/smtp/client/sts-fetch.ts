// Fetches a policy file (RFC 8461 3.3): by HTTPS with a trusted certificate for that very name, without redirects,
// bounded in time and size.

import { rootCertificates } from 'node:tls';
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
  const { request } = await import('node:https');
  const [address] = addresses;
  if (address === undefined) throw new Error(`mta-sts.${domain} has no address`);
  const name = `mta-sts.${domain}`;
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const asked = request({
    ...{ host: address, port, servername: name, path: '/.well-known/mta-sts.txt', method: 'GET', agent: false },
    headers: { host: name, accept: 'text/plain' },
    ...(extraCa.length === 0 ? {} : { ca: [...rootCertificates, ...extraCa] }),
    signal: AbortSignal.timeout(STS_MS),
  });
  asked.on('error', reject);
  asked.on('response', (response) => {
    if (response.statusCode !== 200) {
      reject(new Error(`${name} answers ${response.statusCode}`)); // redirects are not followed
      asked.destroy();
      return;
    }
    let text = '';
    response.setEncoding('utf8');
    response.on('data', (chunk: string) => {
      text += chunk;
      if (text.length <= STS_BYTES) return;
      reject(new Error(`${name} sends too much`));
      asked.destroy();
    });
    response.on('error', reject);
    response.on('end', () => resolve(text));
  });
  asked.end();
  return promise;
}
