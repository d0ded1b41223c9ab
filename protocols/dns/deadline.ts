// A resolver with one deadline for all that is asked of it: what it has not answered by then is a DnsFailure. For a peer that
// waits for us while we ask about it: its DNS may be slow on purpose, question after question.

import type { QuestionType } from './exchange.ts';
import type { Resolving } from './mail-hosts.ts';
import { DnsFailure } from './resolver.ts';

/** `ms`: from now. What is under way when it is over ends by itself, and its answer is kept. */
export function untilDeadline(resolver: Resolving, ms: number): Resolving {
  const end = performance.now() + ms;
  return {
    async resolve(name, type) {
      const left = end - performance.now();
      if (left <= 0) throw timedOut(name, type);
      const { promise: late, reject } = Promise.withResolvers<never>();
      const timer = setTimeout(() => reject(timedOut(name, type)), left);
      try {
        return await Promise.race([resolver.resolve(name, type), late]);
      } finally {
        clearTimeout(timer);
      }
    },
  };
}

function timedOut(name: string, type: QuestionType): DnsFailure {
  return new DnsFailure({ name, type }, 'TIMEOUT');
}
