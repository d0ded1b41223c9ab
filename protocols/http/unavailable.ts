// The https listener until the web side is served: an honest 503 (RFC 9110 15.6.4).
import type { Logger } from 'pino';
import type { ProtocolServer } from '../ports.ts';
import { createTextServer, plainText } from './server.ts';

/** Answers every path alike; ActiveSync and web clients try again by themselves. */
export function createUnavailableServer(log: Logger): ProtocolServer {
  return createTextServer(() => plainText(503, 'this server has no web interface yet', { 'Retry-After': '3600' }), log);
}
