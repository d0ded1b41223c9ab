// What is said of an address that nothing is sent to.

import type { SmtpReply } from '#protocols/ports.ts';
import { SUPPRESSED_CHARACTERS } from './limits.ts';

/** `reply`: what it said the last time; '' where an administrator has named it. */
export function suppressedReply(address: string, reply: string): SmtpReply {
  const why =
    reply === '' ? 'the administrator says so' : `the last time it said: ${reply.slice(0, SUPPRESSED_CHARACTERS)}`;
  const text = `nothing is sent to <${address}>, ${why}; to send again: posthuis suppression remove ${address}`;
  return { code: 550, enhanced: '5.7.1', text };
}
