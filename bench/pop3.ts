// POP3: a maildrop of 2,000 messages, retrieved one by one and pipelined.
import { imapbench, user } from './drivers.ts';
import type { Report } from './report.ts';
import type { Side } from './side.ts';

const MESSAGES = 2_000;

interface Retrieval {
  readonly login_secs: number;
  readonly uidl_secs: number;
  readonly retr: { readonly per_s: number };
  readonly retr_pipelined: { readonly per_s: number };
  readonly server_cpu: number;
}

/** Puts the messages into the INBOX of a user that nothing else uses. */
export async function fillMaildrop(side: Side, sample: string): Promise<void> {
  await imapbench(side, 'fill', [
    '--user',
    user(side, 99),
    '--mailbox',
    'INBOX',
    '--count',
    MESSAGES,
    '--mbox',
    sample,
  ]);
}

export async function pop3Round(side: Side, as: 'own' | 'peer', report: Report): Promise<void> {
  await side.delays();
  const result = await imapbench<Retrieval>(side, 'pop3', ['--user', user(side, 99)]);
  const delays = await side.delays();
  report.add('RETR, one at a time', 'messages/s', { kind: 'ratio', least: 1 }, as, result.retr.per_s, delays);
  report.add('RETR, pipelined', 'messages/s', { kind: 'ratio', least: 1 }, as, result.retr_pipelined.per_s, delays);
  report.add(`UIDL of ${MESSAGES}`, 'ms', null, as, result.uidl_secs * 1000, delays);
  report.add('CPU of it all', 'ms/message', null, as, (result.server_cpu / (2 * MESSAGES)) * 1000, delays);
}
