// Debian's mail clients, run as a user runs them against the real server, with TLS.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { temporaryFolder } from '#test/support/folder.ts';
import { Installation, type Running } from '#test/support/installation.ts';
import { ImapWire, SmtpWire } from '#test/support/wire.ts';

export const PASSWORD = 'correct horse';
/** For what a client does, on a slow and busy machine, ms: one that hangs is ended. */
export const PATIENCE = 300_000;

/** A server with anna and bert, ready for clients. */
export interface Server extends AsyncDisposable {
  readonly running: Running;
  /** A folder for the client's own files. */
  readonly folder: string;
  /** The self-signed certificate, good for localhost and 127.0.0.1. */
  readonly certificate: string;
}

export async function startServer(): Promise<Server> {
  const folder = await temporaryFolder();
  const program = new Installation({
    folder: folder.path,
    threads: 2,
    plaintext: false,
    listen: { smtp: 0, submission: 0, submissions: 0, imap: 0, imaps: 0, pop3: 0, pop3s: 0 },
  });
  await program.populate(['anna', 'bert'], PASSWORD);
  const running = await program.serve();
  return {
    running,
    folder: folder.path,
    certificate: join(program.data, 'tls/self-signed.pem'),
    async [Symbol.asyncDispose]() {
      await running.stop();
      await folder[Symbol.asyncDispose]();
    },
  };
}

/** Registers a client's tests if it is installed; a missing one fails under CI and is said to be missing elsewhere. */
export function client(command: string, tests: () => void): void {
  if (spawnSync('sh', ['-c', `command -v ${command}`]).status === 0) {
    describe(command, tests);
  } else if (process.env.CI === undefined) {
    console.warn(`${command} is not installed: its tests are not run`);
    test(`${command} is not installed, and this is not CI`, () => undefined);
  } else {
    test(`${command} is installed`, () => {
      throw new Error(`${command} is not installed`);
    });
  }
}

export interface Outcome {
  readonly status: number | null;
  readonly output: string;
}

/** Runs a client to its end. */
export async function run(
  command: string,
  args: readonly string[],
  options: { input?: string; home: string; env?: Record<string, string> },
): Promise<Outcome> {
  const child = spawn(command, args, {
    cwd: options.home,
    stdio: 'pipe',
    env: { ...process.env, HOME: options.home, LC_ALL: 'C', ...options.env },
    timeout: PATIENCE,
    killSignal: 'SIGKILL',
  });
  child.stdin.on('error', () => undefined);
  if (options.input !== undefined) child.stdin.end(options.input);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('latin1').on('data', (text: string) => {
      output += text;
    });
  }
  const [status] = (await once(child, 'close')) as [number | null];
  return { status, output };
}

/** The outcome of a client that must have succeeded. */
export function succeeded(outcome: Outcome): Outcome {
  expect(outcome.status, outcome.output.slice(-2000)).toBe(0);
  return outcome;
}

/** A small message of its own. */
export function message(subject: string, body = 'hello\r\n'): string {
  const id = subject.replace(/\W+/g, '-');
  return [
    'From: Peer <peer@peer.test>',
    'To: anna@example.test',
    `Subject: ${subject}`,
    'Date: Thu, 01 Oct 2026 10:00:00 +0000',
    `Message-ID: <${id}@peer.test>`,
    '',
    body,
  ].join('\r\n');
}

/** Delivers to anna on the MX port. */
export async function deliver(server: Server, messages: readonly string[]): Promise<void> {
  const smtp = await SmtpWire.open(server.running.port('smtp'));
  await smtp.command('EHLO peer.test');
  for (const text of messages) {
    smtp.wire.send('MAIL FROM:<peer@peer.test>\r\nRCPT TO:<anna@example.test>\r\n');
    await smtp.expect(250);
    await smtp.expect(250);
    await smtp.command('DATA');
    smtp.wire.send(`${text.replace(/^\./gm, '..')}\r\n.\r\n`);
    await smtp.expect(250);
  }
  await smtp.command('QUIT');
  smtp.wire.destroy();
}

export interface Listed {
  readonly uid: number;
  readonly flags: string;
  readonly subject: string;
}

/** What is in a mailbox now, seen over IMAP. */
export async function list(server: Server, mailbox: string, user = 'anna'): Promise<Listed[]> {
  const imap = await ImapWire.open(server.running.port('imaps'), { secure: true });
  await imap.login(`${user}@example.test`, PASSWORD);
  await imap.ok(`EXAMINE "${mailbox}"`);
  const { untagged } = await imap.ok('UID FETCH 1:* (UID FLAGS BODY.PEEK[HEADER.FIELDS (Subject)])');
  await imap.ok('LOGOUT');
  imap.wire.destroy();
  return untagged
    .filter(({ literals }) => literals.length > 0)
    .map(({ text, literals }) => ({
      uid: Number(/UID (\d+)/.exec(text)?.[1]),
      flags: (/FLAGS \(([^)]*)\)/.exec(text)?.[1] ?? '').replace(/ ?\\Recent/, ''),
      subject: /Subject: (.*?)\r\n/.exec(literals[0]?.toString('latin1') ?? '')?.[1] ?? '',
    }));
}
