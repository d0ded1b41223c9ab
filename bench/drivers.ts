// Runs the shared load scripts against a side and reads what they print.
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { ImapWire } from '#test/support/wire.ts';
import { cpuSeconds, type Side } from './side.ts';

const run = promisify(execFile);
const here = import.meta.dirname;

/** Runs imapbench.py in one of its modes; its result, as it printed it. `step` is called with the name of each command. */
export async function imapbench<R>(
  side: Side,
  mode: string,
  args: readonly (string | number)[] = [],
  step: (name: string) => void = () => {},
): Promise<R> {
  const common = ['--port', side.imap, '--pport', side.pop3, '--pass', side.password, '--server-pid', side.pid];
  const all = [join(here, 'imapbench.py'), mode, ...common, '--userfmt', side.users, '--users', 100, ...args];
  const running = run('python3', all.map(String), { maxBuffer: 64 << 20 });
  if (running.child.stderr !== null)
    createInterface(running.child.stderr).on('line', (line) => step(line.split(' ')[0] ?? ''));
  const { stdout } = await running;
  return (JSON.parse(stdout) as { result: R }).result;
}

/** The large mailbox of DESIGN 6. */
export const LARGE = 100_000;
/** Its name, which is imapbench's. */
export const LARGE_NAME = 'big';

/** Fills the large mailbox of the first user. */
export async function fill(side: Side, sample: string, messages = LARGE): Promise<void> {
  await imapbench(side, 'fill', ['--user', user(side, 1), '--count', messages, '--mbox', sample]);
}

export interface Delivery {
  /** Messages a second until they were durable in the mailboxes. */
  readonly perSecond: number;
  /** CPU of all the side's processes for each message, ms. */
  readonly cpu: number;
}

export interface Load {
  readonly sessions: number;
  readonly messages: number;
  /** To the INBOX of as many users as there are sessions; else to that of one. */
  readonly spread: boolean;
  /** A new connection for each message; else the sessions are kept. */
  readonly fresh: boolean;
}

/** Delivers by SMTP, until the queue is empty and the messages are counted in the mailboxes. */
export async function deliver(side: Side, { sessions, messages, spread, fresh }: Load): Promise<Delivery> {
  const users = spread ? sessions : 1;
  const before = await inboxes(side, users);
  const recipient = `${spread ? side.users : user(side, 1)}@${side.domain}`;
  const cpu = cpuSeconds(side);
  const args = [side.smtp, recipient, messages, sessions, 8000, ...(side.queue === null ? [] : [side.queue])];
  const env = { ...process.env, FRESH: fresh ? '1' : '' };
  const { stdout } = await run('bash', [join(here, 'smtpload.sh'), ...args.map(String)], { env });
  const used = cpuSeconds(side) - cpu;
  const sent = Number(/messages=(\d+)/.exec(stdout)?.[1]);
  const arrived = (await inboxes(side, users)) - before;
  if (arrived !== sent) throw new Error(`${side.name}: ${sent} were accepted and ${arrived} arrived`);
  return { perSecond: Number(/delivered\/s=(\d+)/.exec(stdout)?.[1]), cpu: (used / sent) * 1000 };
}

/** The name of a numbered user. */
export function user(side: Pick<Side, 'users'>, number: number): string {
  return side.users.replace('%d', String(number));
}

export async function login(side: Side, number: number): Promise<ImapWire> {
  const client = await ImapWire.open(side.imap);
  await client.login(user(side, number), side.password);
  return client;
}

/** Messages in the INBOXes of the first so many users. */
async function inboxes(side: Side, users: number): Promise<number> {
  let sum = 0;
  for (let number = 1; number <= users; number += 1) {
    const client = await login(side, number);
    const { untagged } = await client.ok('STATUS INBOX (MESSAGES)');
    sum += Number(/MESSAGES (\d+)/.exec(untagged.map(({ text }) => text).join())?.[1]);
    client.wire.destroy();
  }
  return sum;
}
