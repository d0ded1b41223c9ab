// What a provider's refusal means: something about the message, that we are too fast, or that our login is wrong. Only the
// first is the sender's business; by the other two nobody's mail may come back (F225).

import type { ServerReply } from '#protocols/smtp/client/reply.ts';
import type { TransactionResult } from '#protocols/smtp/client/transaction.ts';
import type { Carried } from '../carrier.ts';

export type Meaning = 'message' | 'throttled' | 'login';

/** Refusals that say 5xx and mean that a day's quota is used up: Exchange Online's and Gmail's. */
const QUOTA = /SubmissionQuotaExceeded|RecipientLimitExceeded|daily (?:user )?(?:sending|SMTP relay) (?:quota|limit)/i;

/** Exchange Online's 5.7.57 (not logged in), 5.7.139 (SMTP AUTH is turned off); RFC 4954 6 and RFC 3463 3.8. */
const LOGIN = new Set(['5.7.57', '5.7.139', '5.7.8', '5.7.9', '5.7.14']);

/** What a reply to MAIL, RCPT or the message means. */
export function meaningOf({ code, enhanced, text }: ServerReply): Meaning {
  if (code === 530 || code === 535 || code === 538 || LOGIN.has(enhanced)) return 'login';
  if (QUOTA.test(text)) return 'throttled';
  // 421 and 45x 4.7.x: a policy says no for now; 432 4.3.2: too many connections (learn.microsoft.com).
  if (code === 421 || code === 432) return 'throttled';
  return code >= 450 && code < 460 && enhanced.startsWith('4.7.') ? 'throttled' : 'message';
}

/** The result with our own faults as temporary ones, and whether the route has to rest. */
export function judged({ replies, dsn }: TransactionResult): Carried {
  const meanings = replies.map(meaningOf);
  const told = replies.map((reply, i) =>
    meanings[i] === 'message' || reply.code < 500
      ? reply
      : { ...reply, code: 451, enhanced: `4${reply.enhanced.slice(1)}` },
  );
  const [first] = told;
  const alert = meanings.includes('login');
  // One recipient of several who has to wait (greylisting, say) is nothing about us.
  const rests = first !== undefined && (alert || !meanings.includes('message'));
  return { replies: told, dsn, ...(rests ? { rest: { reply: first, ms: null, alert } } : {}) };
}
