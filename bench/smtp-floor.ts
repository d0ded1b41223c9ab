// How fast one SMTP session could be at all: bare servers in Node that only say what smtp-source waits for, with less and
// less of what a delivery needs, beside ours. `node bench/smtp-floor.ts [--rounds 5] [--messages 2000]`; what it showed is
// in docs/benchmarks/smtp-profile.md.
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fdatasync, openSync, rmSync, writeSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { append } from '#storage/account/append.ts';
import type { Incoming } from '#storage/account/incoming.ts';
import { Database } from '#storage/engines/sqlite/database.ts';
import type { AccountId } from '#storage/ports.ts';
import { Installation } from '#test/support/installation.ts';
import { openQuietStore } from '#test/support/store.ts';
import { user } from './drivers.ts';
import { median } from './report.ts';
import { openFolder, startOwn, treeCpuSeconds } from './side.ts';

/** What a bare server does with a message before it says 250. */
const KINDS = ['nothing', 'nine pages and a sync', 'the transaction and a sync'] as const;
type Kind = (typeof KINDS)[number];
type Keep = (done: () => void) => void;

/** Pages of the log that a delivery writes, each as SQLite writes it, and how far the file goes until it begins anew. */
const [PAGES, PAGE, HEAD, LENGTH] = [9, 4096, 24, 4 << 20];

/** Messages after which a log is 3 MB long. */
const MOVED_AFTER = 75;

const run = promisify(execFile);

async function serve(kind: Kind, folder: string): Promise<void> {
  const keep = kind === 'nothing' ? (done: () => void) => done() : await keeper(kind, folder);
  const server = createServer({ noDelay: true }, (socket) => {
    let content = false;
    socket.write('220 floor.test ESMTP\r\n');
    socket.on('data', (chunk: Buffer) => {
      if (content) {
        if (!chunk.subarray(-5).equals(Buffer.from('\r\n.\r\n'))) return;
        content = false;
        keep(() => socket.write('250 2.6.0 Message accepted\r\n'));
        return;
      }
      content = chunk.subarray(0, 4).toString() === 'DATA';
      socket.write(content ? '354 End with CR LF . CR LF\r\n' : '250 2.0.0 OK\r\n');
    });
    socket.on('error', () => socket.destroy());
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  process.stdout.write(`${(server.address() as AddressInfo).port}\n`);
}

async function keeper(kind: Exclude<Kind, 'nothing'>, folder: string): Promise<Keep> {
  return kind === 'nine pages and a sync' ? pages(folder) : await transaction(folder);
}

function pages(folder: string): Keep {
  const fd = openSync(join(folder, 'pages'), 'w');
  const [head, page] = [Buffer.alloc(HEAD, 1), Buffer.alloc(PAGE, 2)];
  let at = 0;
  return (done) => {
    for (let written = 0; written < PAGES; written += 1) {
      writeSync(fd, head, 0, HEAD, at);
      writeSync(fd, page, 0, PAGE, at + HEAD);
      at += HEAD + PAGE;
    }
    if (at > LENGTH) at = 0;
    fdatasync(fd, done);
  };
}

/**
 * Our own transaction, of a message that was made ready beforehand. Its log is moved into the database now and then, as by
 * the background thread, but synced by nobody.
 */
async function transaction(folder: string): Promise<Keep> {
  const program = new Installation({ folder, listen: {} });
  const [account, mailbox] = await someAccount(program);
  const file = join(program.data, 'accounts', account.slice(0, 2), account, 'mail.db');
  const database = new Database({ file, busyTimeout: 0 });
  const log = openSync(`${file}-wal`, 'r');
  let hash = 0;
  return (done) => {
    hash += 1;
    const entries = [{ ...MESSAGE, messageId: hash, references: [hash], deliveryId: hash }];
    if (hash % MOVED_AFTER === 0) database.withoutSyncs(() => database.checkpoint('PASSIVE'));
    database.write(() => append({ account, mailbox, path: undefined, entries, now: Date.now(), quota: null }));
    fdatasync(log, done);
  };
}

async function someAccount(program: Installation): Promise<[AccountId, number]> {
  await program.populate(['user'], 'pass-word', 'floor.test');
  await using store = await openQuietStore(program.data);
  const found = await store.directory.resolve('user@floor.test');
  if (found.kind !== 'local' || found.accounts[0] === undefined) throw new Error('there is no account');
  const { id } = found.accounts[0];
  return [id, (await store.mail(id).mailboxByPath('INBOX'))?.id ?? 0];
}

/** As smtp-source's messages of 8,000 octets come out of our own staging, within some bytes. */
const MESSAGE: Incoming = {
  ...{ size: 8_300, received: 1, receivedOffset: 0, sent: 1, messageId: 1, references: [], ancestors: null },
  ...{ deliveredTo: 'user@floor.test', traits: 0, envelope: 'e'.repeat(250), structure: 's'.repeat(80) },
  ...{ preview: 'X'.repeat(100), deliveryId: 1, prefix: Buffer.alloc(250, 'p'), header: Buffer.alloc(120, 'h') },
  ...{ body: Buffer.alloc(60, 'b'), blob: '', flags: 0, keywords: [], annotations: undefined },
};

interface Runner {
  readonly name: string;
  readonly port: number;
  readonly pid: number;
  readonly recipient: string;
  readonly perSecond: number[];
  readonly cpu: number[];
}

async function measure(rounds: number, messages: number): Promise<void> {
  await using own = await startOwn({ settings: '[log]\nlevel = "warn"\n[search]\nindex_after = 86400' });
  const children: ChildProcess[] = [];
  const folders: string[] = [];
  try {
    const runners: Runner[] = [];
    for (const kind of KINDS) {
      const folder = openFolder();
      folders.push(folder);
      const child = spawn(process.execPath, [import.meta.filename, 'serve', kind, folder], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      children.push(child);
      const [port] = (await once(child.stdout, 'data')) as [Buffer];
      runners.push(runner(`bare: ${kind}`, Number(port), child.pid as number, 'user@floor.test'));
    }
    runners.push(runner('ours', own.smtp, own.pid, `${user(own, 1)}@${own.domain}`));
    // The first round is that of code which is not compiled yet.
    for (let round = 0; round <= rounds; round += 1) for (const one of runners) await turn(one, messages, round > 0);
    for (const { name, perSecond, cpu } of runners) {
      const spread = `${Math.min(...perSecond).toFixed(0)} to ${Math.max(...perSecond).toFixed(0)}`;
      console.log(
        `${name}: ${median(perSecond).toFixed(0)} messages/s (${spread}), ${median(cpu).toFixed(2)} ms CPU a message`,
      );
    }
  } finally {
    for (const child of children) child.kill();
    for (const folder of folders) rmSync(folder, { recursive: true, force: true });
  }
}

function runner(name: string, port: number, pid: number, recipient: string): Runner {
  return { name, port, pid, recipient, perSecond: [], cpu: [] };
}

async function turn({ port, pid, recipient, perSecond, cpu }: Runner, messages: number, counts: boolean) {
  const [started, used] = [performance.now(), treeCpuSeconds([pid])];
  const what = ['-d', '-s', '1', '-m', messages, '-l', 8000, '-f', 'sender@peer.test', '-t', recipient];
  await run('smtp-source', [...what, `127.0.0.1:${port}`].map(String));
  if (!counts) return;
  perSecond.push((messages * 1000) / (performance.now() - started));
  cpu.push(((treeCpuSeconds([pid]) - used) * 1000) / messages);
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { rounds: { type: 'string', default: '5' }, messages: { type: 'string', default: '2000' } },
});
const [mode, kind, folder = ''] = positionals;
if (mode === 'serve') await serve(KINDS.find((one) => one === kind) ?? 'nothing', folder);
else await measure(Number(values.rounds), Number(values.messages));
