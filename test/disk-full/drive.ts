// A real full disk: `node test/disk-full/drive.ts FOLDER`, where FOLDER is a small file system of its own (.ci/run mounts a
// tmpfs). Mail comes in until nothing more fits: delivery must then answer 452 4.3.1 and IMAP NO [UNAVAILABLE], what was
// acknowledged must be there, and when there is room again everything must go on without a restart.
import { randomBytes } from 'node:crypto';
import { closeSync, openSync, rmSync, statfsSync, writeFileSync, writeSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { inspect } from '#test/support/inspect.ts';
import { Installation, type Running } from '#test/support/installation.ts';
import { disagreements, Ledger, TOKEN_HEADER } from '#test/support/ledger.ts';
import { ImapWire, SmtpWire } from '#test/support/wire.ts';

/** Larger than this is not a disk of its own that is meant to be filled. */
const LARGEST = 200 * 2 ** 20;
/** Set aside at the start; its removal makes room. */
const BALLAST = 6 * 2 ** 20;

const accounts = ['anna', 'bert'].map((name) => ({ name, address: `${name}@example.test`, password: 'correct horse' }));
const ledger = new Ledger();
const never = { connection: 'all', bytes: 0 };
let number = 0;

function expect(what: string, given: string, wanted: RegExp): void {
  if (!wanted.test(given)) throw new Error(`${what}: ${given}`);
  console.log(`${what}: ${given}`);
}

/** A message that does not compress. */
function message(size: number): { token: string; bytes: Buffer } {
  number += 1;
  const token = `m${number}`;
  const noise = randomBytes(Math.ceil(size * 0.73))
    .toString('base64')
    .replace(/(.{70})/g, '$1\r\n');
  const bytes = Buffer.from(`Subject: ${token}\r\n${TOKEN_HEADER}: ${token}\r\n\r\n${noise}\r\n`, 'latin1');
  ledger.content(token, bytes);
  return { token, bytes };
}

/** Delivers to both; the reply to the data, or the first refusal before it. */
async function deliver(server: Running, size: number): Promise<string> {
  const { token, bytes } = message(size);
  const client = await SmtpWire.open(server.port('smtp'));
  try {
    await client.command('EHLO peer.test');
    for (const line of ['MAIL FROM:<p@peer.test>', ...accounts.map(({ address }) => `RCPT TO:<${address}>`), 'DATA']) {
      const reply = await client.command(line);
      if (reply.code >= 400) return `${reply.code} ${reply.lines.join(' ')}`;
    }
    const attempt = ledger.begin(never, { kind: 'add', token, places: accounts.map(({ name }) => `${name}/INBOX`) });
    client.wire.send(bytes);
    const reply = await client.command('.');
    // A temporary refusal may have reached one of the two; the sender's repetition completes it.
    if (reply.code === 250) attempt.acknowledged = never;
    return `${reply.code} ${reply.lines.join(' ')}`;
  } finally {
    client.wire.destroy();
  }
}

async function append(client: ImapWire, size: number): Promise<string> {
  const { token, bytes } = message(size);
  const attempt = ledger.begin(never, { kind: 'add', token, places: ['anna/Archive'] });
  const { status, text } = await client.command('APPEND Archive', bytes);
  if (status === 'OK') attempt.acknowledged = never;
  else attempt.refused = true;
  return `${status} ${text}`;
}

async function agree(server: Running, when: string): Promise<void> {
  const { found, wrong } = await inspect(server.port('imap'), accounts, ledger);
  const faults = [...wrong, ...disagreements(ledger, found, () => true)];
  if (faults.length > 0) throw new Error(`${when}: ${faults.slice(0, 10).join('\n')}`);
  console.log(`${when}: ${found.length} messages, all as acknowledged`);
}

async function verify(program: Installation, when: string): Promise<void> {
  const { status, stdout, stderr } = await program.run(['verify']);
  if (status !== 0) throw new Error(`verify ${when}: status ${status}\n${stdout}${stderr}`);
}

/** Repeats something until it is refused; there may be room left in a log that is used again. */
async function untilRefused(attempt: (tries: number) => Promise<string>): Promise<string> {
  for (let tries = 0; tries < 20_000; tries += 1) {
    const reply = await attempt(tries);
    if (!/^(250|OK) /.test(reply)) return reply;
  }
  throw new Error('the disk does not fill up');
}

/** Writes a file until nothing more fits. */
function fillUp(file: string): void {
  const descriptor = openSync(file, 'w');
  const block = Buffer.alloc(4_096, 1);
  try {
    for (;;) writeSync(descriptor, block);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOSPC')) throw error;
  } finally {
    closeSync(descriptor);
  }
}

async function main(folder: string): Promise<void> {
  const { blocks, bsize } = statfsSync(folder);
  if (blocks * bsize > LARGEST) throw new Error(`${folder} is not on a small file system`);
  const ballast = join(folder, 'ballast');
  writeFileSync(ballast, Buffer.alloc(BALLAST, 1));
  const program = new Installation({ folder, threads: 2, listen: { smtp: 0, imap: 0 } });
  await program.populate(
    accounts.map(({ name }) => name),
    'correct horse',
  );
  const server = await program.serve();
  const reader = await ImapWire.open(server.port('imap'));
  await reader.login('anna', 'correct horse');

  expect('first delivery', await deliver(server, 6_000), /^250 /);
  expect('first APPEND', await append(reader, 6_000), /^OK /);
  const mixed = (tries: number) => deliver(server, tries % 4 === 0 ? 150_000 : 6_000);
  expect('delivery to a full disk', await untilRefused(mixed), /^452 4\.3\.1 /);
  const small = () => deliver(server, 3_000);
  expect('small delivery to a full disk', await untilRefused(small), /^452 4\.3\.1 /);
  expect('small APPEND to a full disk', await untilRefused(() => append(reader, 3_000)), /^NO \[UNAVAILABLE\]/);
  expect('large APPEND to a full disk', await untilRefused(() => append(reader, 150_000)), /^NO \[UNAVAILABLE\]/);
  expect('NOOP beside it', (await reader.command('NOOP')).status, /^OK$/);
  await agree(server, 'on the full disk');

  rmSync(ballast);
  expect('delivery with room again', await deliver(server, 6_000), /^250 /);
  expect('large delivery with room again', await deliver(server, 150_000), /^250 /);
  expect('APPEND with room again', await append(reader, 6_000), /^OK /);
  await agree(server, 'with room again');
  await verify(program, 'under the running server');
  reader.wire.destroy();
  const { status } = await server.stop();
  if (status !== 0) throw new Error(`the server ended with status ${status}:\n${server.output}`);
  await verify(program, 'of the stopped server');
  // A server that can't even note that it has begun says why, in one line, and begins when there is room again.
  fillUp(ballast);
  const { status: refused, stdout, stderr } = await program.run(['serve']);
  expect('a start on the full disk', `${refused} ${stdout}${stderr}`, /^1 posthuis: the disk is full: [^\n]+\n$/);
  rmSync(ballast);
  const again = await program.serve();
  await agree(again, 'after a restart');
  await again.stop();
}

const folder = process.argv[2];
if (folder === undefined) throw new Error('usage: node test/disk-full/drive.ts FOLDER');
await main(resolve(folder));
