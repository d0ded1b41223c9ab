// The https listener until the web side is served: our own MTA-STS policy (RFC 8461 3.3), and for everything else an honest
// 503 (RFC 9110 15.6.4), after which ActiveSync and web clients try again by themselves.
import type { Logger } from 'pino';
import type { ProtocolServer } from '../ports.ts';
import { createTextServer, plainText } from './server.ts';

const POLICY = '/.well-known/mta-sts.txt';
const HOST = /^mta-sts\.([a-z0-9.-]+?)\.?(?::\d+)?$/i;

export interface PublicContext {
  /** The MTA-STS policy of a domain; null: it has none. */
  policy(domain: string): Promise<string | null>;
  readonly log: Logger;
}

export function createPublicServer({ policy, log }: PublicContext): ProtocolServer {
  return createTextServer(async (path, host) => {
    const [, domain] = path === POLICY ? (HOST.exec(host) ?? []) : [];
    if (domain === undefined) {
      return plainText(503, 'this server has no web interface yet', { 'Retry-After': '3600' });
    }
    const text = await policy(domain.toLowerCase());
    return text === null ? plainText(404, 'not found') : { status: 200, type: 'text/plain', text };
  }, log);
}
