// Times the store by itself, without protocols: `node bench/storage.ts [messages]`. Syncs are left out, so that what is
// timed is the work of a thread; durability is the benchmarks' over sockets.
import { performance } from 'node:perf_hooks';
import Sqlite from 'better-sqlite3';
import { Flag, type MailAccount, type Staged } from '#storage/ports.ts';
import { temporaryFolder } from '#test/support/folder.ts';
import { accountFile, NO_SYNC, openSqlStore } from '#test/support/sql-store.ts';

const MESSAGES = Number(process.argv[2] ?? 100_000);
const ALL = [[1, 4_294_967_295]] as const;

/** A message of about 8 KB with a header of usual size. */
function text(index: number): string {
  const head = [
    'Received: from mx.example.org (mx.example.org [192.0.2.1]) by mail.example.test with ESMTPS id 1234567890',
    `Message-ID: <${index}.abcdef@example.org>`,
    `References: <${index - 1}.abcdef@example.org> <${index - 2}.abcdef@example.org>`,
    'From: =?utf-8?q?Anna_M=C3=BCller?= <anna@example.org>',
    'To: Bert <bert@example.test>, Carl <carl@example.test>',
    `Subject: the message of number ${index} about the usual things`,
    'Date: Sun, 22 Nov 2026 10:00:00 +0100',
    'MIME-Version: 1.0',
    'Content-Type: text/plain; charset=utf-8',
  ];
  let body = '';
  for (let line = 0; body.length < 7_500; line += 1)
    body += `Line ${line} of ${index}: ${(index * 7919 + line * 104729).toString(36)} and so on\r\n`;
  return `${head.join('\r\n')}\r\n\r\n${body}`;
}

/** What the maintenance thread does: the log is moved into the file, so that the next phase starts with none. */
let checkpoint = () => {};

async function timed(name: string, unit: number, work: () => Promise<unknown>): Promise<void> {
  checkpoint();
  const cpu = process.cpuUsage();
  const start = performance.now();
  await work();
  const ms = performance.now() - start;
  const used = process.cpuUsage(cpu);
  const each = unit === 0 ? '' : `${((ms * 1000) / unit).toFixed(2)} us each`;
  console.log(
    `${name.padEnd(42)} ${ms.toFixed(1).padStart(9)} ms  cpu ${((used.user + used.system) / 1000).toFixed(1).padStart(8)} ms  ${each}`,
  );
}

async function drain(pages: AsyncIterable<readonly unknown[]>): Promise<number> {
  let rows = 0;
  for await (const page of pages) rows += page.length;
  return rows;
}

async function main(account: MailAccount, stageOne: (index: number) => Promise<Staged>): Promise<void> {
  const inbox = (await account.mailboxByPath('INBOX'))?.id ?? 0;
  const trash = (await account.mailboxByPath('Trash'))?.id ?? 0;
  const bodies = await Promise.all(Array.from({ length: 200 }, (_, index) => stageOne(index)));
  await timed('stage 1,000 (scan, hash, zstd)', 1_000, async () => {
    for (let i = 0; i < 1_000; i += 1) await stageOne(i);
  });
  await timed('append, references known', 5_000, async () => {
    for (let i = 0; i < 5_000; i += 1)
      if (i % 500 === 499) checkpoint();
      else await account.append(inbox, [{ staged: bodies[i % 200] as Staged }]);
  });
  let fresh: typeof bodies = [];
  for (let i = 0; i < 3_000; i += 1) fresh.push(await stageOne(1_000 + i * 3));
  await timed('append, three new references each', 3_000, async () => {
    for (const staged of fresh) await account.append(inbox, [{ staged, deliveryId: 'x' }]);
  });
  fresh = [];
  await timed(`append up to ${MESSAGES}, 50 at once`, MESSAGES - 8_000, async () => {
    for (let i = 8_000; i < MESSAGES; i += 50)
      await account.append(
        inbox,
        bodies.slice(0, 50).map((staged) => ({ staged })),
      );
  });
  for (let round = 0; round < 2; round += 1) {
    await timed('SELECT: placements', MESSAGES, () => drain(account.placements(inbox, ALL)));
    await timed('placements since (none changed)', MESSAGES, () =>
      drain(account.placements(inbox, ALL, { since: 1e15 - 1 })),
    );
    await timed('listing: nothing extra', MESSAGES, () => drain(account.listing(inbox, ALL, [])));
    await timed('listing: envelope', MESSAGES, () => drain(account.listing(inbox, ALL, ['envelope'])));
    await timed('listing: structure', MESSAGES, () => drain(account.listing(inbox, ALL, ['structure'])));
    await timed('listing: header, 10,000', 10_000, () => drain(account.listing(inbox, [[1, 10_000]], ['header'])));
  }
  await timed('content().bytes(), 2,000', 2_000, async () => {
    for (let i = 0; i < 2_000; i += 1) await (await account.content(10 + i)).bytes();
  });
  const change = (action: 'add' | 'remove', flags: number, keywords: string[] = []) => ({ action, flags, keywords });
  await timed('STORE 1:* +\\Seen', MESSAGES, () => account.setFlags(inbox, ALL, change('add', Flag.seen)));
  await timed('STORE 1:* +\\Seen again (no change)', MESSAGES, () =>
    account.setFlags(inbox, ALL, change('add', Flag.seen)),
  );
  await timed('STORE 1:* +work', MESSAGES, () => account.setFlags(inbox, ALL, change('add', 0, ['work'])));
  await timed('STORE one message, 5,000 times', 5_000, async () => {
    for (let i = 1; i <= 5_000; i += 1) await account.setFlags(inbox, [[i, i]], change('remove', Flag.seen));
  });
  const odd = Array.from({ length: 5_000 }, (_, i) => [i * 2 + 1, i * 2 + 1] as const);
  await timed('STORE 5,000 odd UIDs +\\Flagged', 5_000, () =>
    account.setFlags(inbox, odd, change('add', Flag.flagged)),
  );
  await timed('COPY 1:* (bulk)', MESSAGES, () => account.copy(inbox, ALL, trash));
  await timed('MOVE 10,000 (bulk)', 10_000, () => account.move(inbox, [[1, 10_000]], trash));
  await timed('MOVE one, 2,000 times', 2_000, async () => {
    for (let i = 10_001; i <= 12_000; i += 1) await account.move(inbox, [[i, i]], trash);
  });
  await timed('EXPUNGE 20,000', 20_000, () => account.expunge(trash, [[1, 20_000]], { onlyDeleted: false }));
  await timed('mailboxes(), 1,000 times', 1_000, async () => {
    for (let i = 0; i < 1_000; i += 1) await account.mailboxes();
  });
}

const folder = await temporaryFolder();
const store = await openSqlStore(folder.path, { sync: NO_SYNC });
await store.directory.addDomain('example.test');
const { id } = await store.directory.addAccount({ address: 'anna@example.test', passwordHash: '-', quota: null });
const side = new Sqlite(accountFile(folder.path, id));
checkpoint = () => void side.pragma('wal_checkpoint(RESTART)');
await main(store.mail(id), async (index) => {
  const staging = store.stage({ maxBytes: 1e8 });
  await staging.write(Buffer.from(text(index)));
  return await staging.finish();
});
await timed('directory.resolve, 100,000 times', 100_000, async () => {
  for (let i = 0; i < 100_000; i += 1) await store.directory.resolve('anna+x@example.test');
});
side.close();
await store[Symbol.asyncDispose]();
await folder[Symbol.asyncDispose]();
