// The operator's listener: /healthz says whether the store answers, /metrics is for Prometheus. No login: it belongs on
// a loopback or an inner address.
import type { Logger } from 'pino';
import type { ProtocolServer } from '../ports.ts';
import { HEALTH_MS } from './limits.ts';
import { type Answer, createTextServer, plainText } from './server.ts';

export interface HealthContext {
  /** Rejects when the store does not answer. */
  check(): Promise<unknown>;
  /** All threads' counts in the Prometheus text format. */
  metrics(): Promise<string>;
  readonly log: Logger;
}

export function createHealthServer(context: HealthContext): ProtocolServer {
  return createTextServer((path) => answer(context, path), context.log);
}

async function answer(context: HealthContext, path: string): Promise<Answer> {
  if (path === '/healthz') return await health(context);
  if (path === '/metrics') {
    return { status: 200, type: 'text/plain; version=0.0.4; charset=utf-8', text: await context.metrics() };
  }
  return plainText(404, 'not found');
}

async function health({ check, log }: HealthContext): Promise<Answer> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error(`the store did not answer within ${HEALTH_MS} ms`)), HEALTH_MS);
  try {
    await Promise.race([check(), late.promise]);
    return plainText(200, 'ok');
  } catch (error) {
    log.error({ err: error }, 'the server is not healthy');
    return plainText(503, 'the store does not answer');
  } finally {
    clearTimeout(timer);
  }
}
