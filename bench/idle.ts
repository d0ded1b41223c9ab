// `node bench/idle.ts [--connections 500] [--tls] [--large]`: what a connection in IDLE costs the server in memory, in
// INBOXes that are empty or, with --large, all in one mailbox of 100,000 messages.
// Each figure is of a server that was started for it, knows the users' passwords and has each account open; what it took
// more once all were in IDLE, and V8 has had the time to collect what was left of their logins.
import { readFileSync, rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { ImapWire } from '#test/support/wire.ts';
import { fill, LARGE_NAME, login, user } from './drivers.ts';
import { type Delay, openFolder, type Side, sampleMailbox, startOwn, USERS } from './side.ts';

/** Connections that are opened at once. */
const OPENING = 4;
/** Connections that are there before: what each account costs, above all its open database, is no connection's. */
const WARM = 4 * USERS;
/** V8 collects 8 s after the last work, and twice. */
const SETTLE_MS = 25_000;
/**
 * Connections that are opened at least, so many at a time as are asked for: garbage that V8 has or has not collected when
 * memory is read is 5 MB either way, 10 KB for each of 500, most of it of threads that serve no connection.
 */
const MEASURED = 2_000;

export interface IdleOptions {
  readonly connections: number;
  readonly tls: boolean;
  /** All select the large mailbox, which is filled with the messages of this file. */
  readonly large?: string;
}

/** Where sessions are. */
interface Place {
  readonly tls: boolean;
  readonly mailbox: string;
  /** In the accounts of so many users, in turn. */
  readonly users: number;
}

/** KB of each connection, and how long the event loops were held while they were opened. */
export async function idleMemory(
  options: IdleOptions,
): Promise<{ readonly kilobytes: number; readonly delays: Delay[] }> {
  const { tls, connections, large } = options;
  // What filling it takes stays with another server.
  await using side = await startOwn(large === undefined ? {} : { prepare: (first) => fill(first, large) });
  const place = large === undefined ? { tls, mailbox: 'INBOX', users: USERS } : { tls, mailbox: LARGE_NAME, users: 1 };
  if (large === undefined) await logInEverybody(side);
  const warm = await openIdle(side, WARM, place);
  await sleep(SETTLE_MS);
  await side.delays();
  const before = proportionalKilobytes(side.pid);
  const clients: ImapWire[] = [];
  while (clients.length < MEASURED) {
    clients.push(...(await openIdle(side, connections, place)));
    await sleep(SETTLE_MS);
  }
  const delays = await side.delays();
  const kilobytes = (proportionalKilobytes(side.pid) - before) / clients.length;
  for (const client of [...warm, ...clients]) client.wire.destroy();
  return { kilobytes, delays };
}

/** The first login of each user on each thread costs an argon2, which the next ones are spared. */
export async function logInEverybody(side: Side): Promise<void> {
  // Which thread a connection comes to is chance: after so many rounds hardly any user is new to one of two threads.
  for (let round = 0; round < 6; round += 1) {
    for (let number = 1; number <= USERS; number += 1) (await login(side, number)).wire.destroy();
  }
}

/** Opens connections that are logged in, have a mailbox selected and wait in IDLE. */
async function openIdle(side: Side, count: number, { tls, mailbox, users }: Place): Promise<ImapWire[]> {
  const clients: ImapWire[] = [];
  let next = 0;
  const open = async () => {
    while (next < count) {
      const number = (next++ % users) + 1;
      const client = await ImapWire.open(tls ? side.imaps : side.imap, { secure: tls });
      await client.login(user(side, number), side.password);
      await client.ok(`SELECT ${mailbox}`);
      client.wire.send('idle IDLE\r\n');
      await client.response();
      clients.push(client);
    }
  };
  await Promise.all(Array.from({ length: OPENING }, open));
  return clients;
}

/** Memory of a process in KB, what it shares counted in parts. */
function proportionalKilobytes(pid: number): number {
  return Number(/^Pss:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1]);
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      ...{ connections: { type: 'string', default: '500' }, tls: { type: 'boolean', default: false } },
      large: { type: 'boolean', default: false },
    },
  });
  const { tls, large } = values;
  const scratch = openFolder();
  try {
    const sample = large ? { large: sampleMailbox(scratch, 600) } : {};
    const { kilobytes, delays } = await idleMemory({ connections: Number(values.connections), tls, ...sample });
    const where = large ? ', all in one mailbox of 100,000 messages' : '';
    const kind = tls ? 'TLS connections' : 'connections';
    console.log(`${kilobytes.toFixed(1)} KB for each of ${values.connections} ${kind} in IDLE${where}`);
    for (const { thread, longest } of delays)
      console.log(`event loop of thread ${thread}: ${longest.toFixed(0)} ms at most`);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}
