// How many durable appends a second the store alone takes, without any protocol: 8 KB messages, by 20 writers into 1, 20
// and 100 accounts, and by one writer. `node bench/store.ts [SECONDS]`.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { createStoreShared, openStore } from '#storage/open.ts';
import type { Store } from '#storage/ports.ts';

const SECONDS = Number(process.argv[2] ?? 3);
const ONLY = process.argv[3];
const quiet = () => undefined;
const log = { fatal: console.error, error: console.error, warn: console.error, info: quiet, debug: quiet };

interface Inbox {
  readonly id: string;
  readonly mailbox: number;
}

const data = await mkdtemp(join(tmpdir(), 'posthuis-bench-'));
try {
  await using store = await openStore({
    ...{ data, log, shared: createStoreShared(), main: true, handles: 500, retentionDays: 14 },
    fatal: (error) => {
      throw error;
    },
  });
  const inboxes = await makeAccounts(store, ONLY === undefined ? 100 : Number(ONLY.split('x')[1]));
  console.log(`durable appends of 8 KB a second, ${SECONDS} s each`);
  for (const [writers, accounts] of [
    [1, 1],
    [20, 1],
    [20, 20],
    [100, 100],
  ] as const) {
    if (ONLY !== undefined && ONLY !== `${writers}x${accounts}`) continue;
    console.log(await measure(store, inboxes.slice(0, accounts), writers));
  }
} finally {
  await rm(data, { recursive: true });
}

async function makeAccounts(store: Store, count: number): Promise<Inbox[]> {
  await store.directory.addDomain('example.test');
  const made: Inbox[] = [];
  for (let i = 0; i < count; i++) {
    const { id } = await store.directory.addAccount({
      address: `user${i}@example.test`,
      passwordHash: '$none$',
      quota: null,
    });
    const inbox = await store.mail(id).mailboxByPath('INBOX');
    made.push({ id, mailbox: inbox?.id ?? 0 });
  }
  return made;
}

async function measure(store: Store, inboxes: readonly Inbox[], writers: number): Promise<string> {
  const delay = monitorEventLoopDelay({ resolution: 1 });
  const cpu = process.cpuUsage();
  const start = performance.now();
  const end = start + SECONDS * 1000;
  const times: number[] = [];
  delay.enable();
  const one = async (writer: number) => {
    const inbox = inboxes[writer % inboxes.length] as Inbox;
    for (let n = 0; performance.now() < end; n++) {
      const begun = performance.now();
      await append(store, inbox, message(writer, n));
      times.push(performance.now() - begun);
    }
  };
  await Promise.all(Array.from({ length: writers }, (_, writer) => one(writer)));
  delay.disable();
  const took = (performance.now() - start) / 1000;
  const used = process.cpuUsage(cpu);
  times.sort((a, b) => a - b);
  const p = (share: number) => (times[Math.floor(times.length * share)] ?? 0).toFixed(1);
  return [
    `${String(writers).padStart(4)} writers, ${String(inboxes.length).padStart(3)} accounts:`,
    `${(times.length / took).toFixed(0).padStart(6)}/s`,
    `CPU ${((used.user + used.system) / times.length).toFixed(0)} us each`,
    `p50 ${p(0.5)} p99 ${p(0.99)} ms`,
    `event loop p99 ${(delay.percentile(99) / 1e6).toFixed(1)} max ${(delay.max / 1e6).toFixed(1)} ms`,
  ].join('  ');
}

async function append(store: Store, { id, mailbox }: Inbox, bytes: Uint8Array): Promise<void> {
  await using staging = store.stage({ maxBytes: 1_000_000 });
  await staging.write(bytes);
  await using staged = await staging.finish();
  await store.mail(id).append(mailbox, [{ staged }]);
}

// Words in an order that differs, so that it compresses like text.
function message(writer: number, n: number): Uint8Array {
  const words = ['letter', 'invoice', 'meeting', 'tomorrow', 'please', 'number', 'regards', 'office', 'delivery'];
  let seed = writer * 7919 + n;
  let text = '';
  while (text.length < 7_600) {
    seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
    text += `${words[seed % words.length]}${seed % 1000}${seed % 11 === 0 ? '\r\n' : ' '}`;
  }
  const header = [
    'From: Anna Example <anna@example.test>',
    'To: Bert Example <bert@example.test>',
    `Subject: message ${n} of writer ${writer}`,
    `Message-ID: <${writer}.${n}.${Date.now()}@example.test>`,
    'Date: Mon, 21 Sep 2026 10:00:00 +0200',
    'MIME-Version: 1.0',
    'Content-Type: text/plain; charset=utf-8',
  ];
  return Buffer.from(`${header.join('\r\n')}\r\n\r\n${text}`);
}
