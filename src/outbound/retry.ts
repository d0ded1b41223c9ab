// When a recipient that could not be reached is tried again, and until when.

import type { Config, RetryTimes } from '#config/schema.ts';

export type Retry = (domain: string) => RetryTimes;

/** The times for a recipient's domain. */
export function retryTimes(outbound: Pick<Config['outbound'], 'retry' | 'domains'>): Retry {
  const own = new Map(outbound.domains.map(({ domain, ...times }) => [domain, times]));
  return (domain) => own.get(domain) ?? outbound.retry;
}

/**
 * The next attempt after `attempts` that failed, unix ms: the wait doubles, and differs by a tenth so that what failed
 * together is not tried together. Never after `expires`, so that the last attempt is made when the time is up.
 */
export function nextAttempt(
  times: RetryTimes,
  attempts: number,
  at: { readonly now: number; readonly expires: number; readonly random: number },
): number {
  const wait = Math.min(times.firstMs * 2 ** Math.min(attempts - 1, 30), times.longestMs);
  return Math.min(Math.round(at.now + wait * (0.9 + at.random * 0.2)), Math.max(at.expires, at.now + times.firstMs));
}
