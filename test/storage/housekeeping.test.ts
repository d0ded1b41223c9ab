// The walk over all accounts: what is swept, what is pruned, and what is left alone.
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import pino from 'pino';
import { expect, test } from 'vitest';
import { SqlMailAccount } from '#storage/account/mail-account.ts';
import { Housekeeping } from '#storage/background/housekeeping.ts';
import { createFileBlobs } from '#storage/blobs/files.ts';
import { openDataDirectory } from '#storage/data-directory.ts';
import { SqlDirectory } from '#storage/directory/directory.ts';
import { createStoreShared } from '#storage/engines/sqlite/shared.ts';
import { one } from '#storage/operation.ts';
import { Sealer } from '#storage/secrets/sealing.ts';
import { temporaryFolder } from '#test/support/folder.ts';

const DAY = 86_400_000;
const log = pino({ level: 'silent' });

async function open(data: string) {
  const clock = { now: Date.UTC(2026, 10, 22) };
  const now = () => clock.now;
  const fatal = (error: Error) => {
    throw error;
  };
  const { engine, ...rest } = await openDataDirectory({
    data,
    log,
    shared: createStoreShared(),
    main: true,
    handles: 10,
    fatal,
    now,
  });
  const blobs = createFileBlobs({ directory: data, log });
  const directory = new SqlDirectory({ engine, now, sealer: new Sealer(Buffer.alloc(32, 1)) });
  await directory.addDomain('example.test');
  const { id } = await directory.addAccount({ address: 'anna@example.test', passwordHash: 'x', quota: null });
  const signal = new AbortController().signal;
  const housekeeping = new Housekeeping({ engine, blobs, log, now, signal });
  const quota: { bytes: number | null } = { bytes: null };
  const loose = () => housekeeping.sweepLoose(id);
  const mail = new SqlMailAccount(id, {
    engine,
    blobs,
    now,
    quota: async () => quota.bytes,
    loose,
    retention: 14 * DAY,
  });
  const inbox = (await mail.mailboxByPath('INBOX'))?.id ?? 0;
  const append = async (bytes: Uint8Array) => {
    await using staging = blobs.stage({ maxBytes: 10_000_000 });
    await staging.write(bytes);
    await using staged = await staging.finish();
    const [appended] = await mail.append(inbox, [{ staged }]);
    return appended?.uid ?? 0;
  };
  const walk = () => housekeeping.walk();
  const count = async (table: string) => {
    const row = await engine.read({ kind: 'account', id }, () =>
      one<{ n: number }>(`SELECT count(*) AS n FROM ${table}`),
    );
    return row?.n;
  };
  const folder = join(data, 'accounts', id.slice(0, 2), id, 'blobs');
  return {
    clock,
    id,
    engine,
    mail,
    inbox,
    append,
    walk,
    housekeeping,
    quota,
    count,
    folder,
    [Symbol.asyncDispose]: rest[Symbol.asyncDispose],
  };
}

const large = (name: string) => {
  const noise = Buffer.alloc(200_000);
  for (let i = 0; i < noise.length; i++) noise[i] = 33 + ((i * 7919 + (i >> 3) * 104_729 + name.length) % 90);
  return Buffer.concat([Buffer.from(`Subject: ${name}\r\nMessage-ID: <${name}@x>\r\n\r\n`), noise]);
};

test('an expunged message and its body go when their time has come, and not before', async () => {
  await using folder = await temporaryFolder();
  await using store = await open(folder.path);
  const [first, second] = [await store.append(large('first')), await store.append(large('second-one'))];
  expect(await readdir(store.folder)).toHaveLength(2);
  await store.mail.expunge(store.inbox, [[first, first]], { onlyDeleted: false });
  await store.walk();
  expect([await store.count('message'), await store.count('expunged')]).toEqual([2, 1]);
  store.clock.now += 15 * DAY;
  await store.walk();
  expect([await store.count('message'), await store.count('expunged'), await store.count('reference')]).toEqual([
    1, 0, 1,
  ]);
  expect(await readdir(store.folder)).toHaveLength(1);
  expect(second).toBe(2);
});

test('a body that a killed run left without a message is removed', async () => {
  await using folder = await temporaryFolder();
  await using store = await open(folder.path);
  await store.append(large('kept'));
  await writeFile(join(store.folder, '0'.repeat(64)), 'left over');
  await store.housekeeping.sweepAllBlobs();
  expect(await readdir(store.folder)).toHaveLength(1);
});

test('a body whose delivery was refused does not stay', async () => {
  await using folder = await temporaryFolder();
  await using store = await open(folder.path);
  await store.append(large('kept'));
  store.quota.bytes = 1;
  await expect(store.append(large('refused-one'))).rejects.toMatchObject({ code: 'over-quota' });
  await store.housekeeping.looseSwept();
  expect(await readdir(store.folder)).toHaveLength(1);
});

test('the log is cut 30 days back, by the marks of daily walks', async () => {
  await using folder = await temporaryFolder();
  await using store = await open(folder.path);
  const cursor = await store.mail.cursor('mail');
  await store.append(large('old'));
  await store.walk();
  store.clock.now += 20 * DAY;
  await store.append(large('newer-one'));
  const later = await store.mail.cursor('mail');
  await store.walk();
  expect((await store.mail.changes('mail', cursor, 100)).rows).toHaveLength(2);
  store.clock.now += 11 * DAY;
  await store.walk();
  await expect(store.mail.changes('mail', cursor, 100)).rejects.toMatchObject({ code: 'stale-cursor' });
  expect((await store.mail.changes('mail', later, 100)).rows).toEqual([]);
  expect(await store.count('change')).toBeLessThanOrEqual(2);
});

test('an idle account is not written to by a walk of the same day', async () => {
  await using folder = await temporaryFolder();
  await using store = await open(folder.path);
  await store.walk();
  const generation = store.engine.generation({ kind: 'account', id: store.id });
  await store.walk();
  expect(store.engine.generation({ kind: 'account', id: store.id })).toBe(generation);
});
