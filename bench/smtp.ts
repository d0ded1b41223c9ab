// SMTP: from a kept session to the durable mailbox.
import { deliver } from './drivers.ts';
import type { Report } from './report.ts';
import type { Side } from './side.ts';

/** Sessions, and messages that take some seconds on the slower side. */
const LOADS = [
  { sessions: 1, messages: 400, spread: false },
  { sessions: 20, messages: 2_000, spread: false },
  { sessions: 20, messages: 2_000, spread: true },
  { sessions: 100, messages: 2_000, spread: false },
  { sessions: 100, messages: 2_000, spread: true },
];

/** One round against one side. */
export async function smtpRound(side: Side, as: 'own' | 'peer', report: Report): Promise<void> {
  for (const { sessions, messages, spread } of LOADS) {
    await side.delays();
    const { perSecond, cpu } = await deliver(side, sessions, messages, spread);
    const delays = await side.delays();
    const where = spread ? 'a mailbox each' : 'one mailbox';
    const name = `accept to durable, ${sessions} ${sessions === 1 ? 'session' : 'sessions'}, ${where}`;
    const target = sessions === 1 ? null : ({ kind: 'ratio', least: 5 } as const);
    report.add(name, 'messages/s', target, as, perSecond, delays);
    report.add(`${name}: CPU`, 'ms/message', sessions === 1 ? null : { kind: 'ratio', most: 0.25 }, as, cpu, delays);
  }
}
