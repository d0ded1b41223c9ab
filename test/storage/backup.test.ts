// Backup and restore, beside a running store: of everything and of one account, twice from the same backup.
import { existsSync } from 'node:fs';
import { readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import pino from 'pino';
import { expect, test } from 'vitest';
import { createStoreShared, type OpenStore, type OpenStoreOptions, openStore } from '#storage/open.ts';
import type { Mailbox } from '#storage/ports.ts';
import { temporaryFolder } from '#test/support/folder.ts';

function open(data: string, options: Partial<OpenStoreOptions> = {}): Promise<OpenStore> {
  const fatal = (error: Error) => {
    throw error;
  };
  const log = pino({ level: 'silent' });
  const shared = createStoreShared();
  return openStore({ data, log, shared, main: true, handles: 10, retentionDays: 14, fatal, ...options });
}

async function addAccount(store: OpenStore, name: string): Promise<string> {
  const domains = await store.directory.domains();
  if (domains.length === 0) await store.directory.addDomain('example.test');
  const account = { address: `${name}@example.test`, passwordHash: `$hash$${name}`, quota: 1_000_000_000 };
  return (await store.directory.addAccount(account)).id;
}

async function inboxOf(store: OpenStore, id: string): Promise<Mailbox> {
  const inbox = await store.mail(id).mailboxByPath('INBOX');
  if (inbox === undefined) throw new Error('no INBOX');
  return inbox;
}

async function append(store: OpenStore, id: string, subject: string, size = 100) {
  const noise = Buffer.alloc(size);
  for (let i = 0; i < size; i++) noise[i] = 33 + ((i * 7919 + (i >> 3) * 104_729 + subject.length) % 90);
  const { id: mailbox } = await inboxOf(store, id);
  await using staging = store.stage({ maxBytes: 10_000_000 });
  await staging.write(Buffer.concat([Buffer.from(`Subject: ${subject}\r\n\r\n`), noise]));
  await using staged = await staging.finish();
  const [appended] = await store.mail(id).append(mailbox, [{ staged }]);
  if (appended === undefined) throw new Error('nothing appended');
  return appended;
}

/** The subjects of an INBOX by UID, each read from its body. */
async function subjects(store: OpenStore, id: string): Promise<Record<number, string>> {
  const inbox = await inboxOf(store, id);
  const found: Record<number, string> = {};
  for await (const page of store.mail(id).placements(inbox.id, [[1, inbox.uidnext]])) {
    for (const { uid, message } of page) {
      const bytes = await (await store.mail(id).content(message)).bytes();
      found[uid] = /^Subject: (.*)\r$/m.exec(Buffer.from(bytes).toString('latin1'))?.[1] ?? '';
    }
  }
  return found;
}

const findings = (store: OpenStore) => Array.fromAsync(store.verify());

test('a backup made under load is whole, and brings everything back into an empty data directory', async () => {
  await using folder = await temporaryFolder();
  const backup = join(folder.path, 'backup');
  const ids: string[] = [];
  const acknowledged: string[][] = [];
  {
    await using store = await open(join(folder.path, 'data'));
    for (const name of ['anna', 'bert', 'carl']) ids.push(await addAccount(store, name));
    const stop = new AbortController();
    const writers = ids.map(async (id, index) => {
      acknowledged[index] = [];
      for (let n = 0; !stop.signal.aborted; n++) {
        await append(store, id, `m${n}`, n % 4 === 0 ? 150_000 : 100);
        if (!stop.signal.aborted) acknowledged[index]?.push(`m${n}`);
      }
    });
    while (acknowledged.some((list) => list.length < 5)) await new Promise((resolve) => setTimeout(resolve, 5));
    const before = acknowledged.map((list) => [...list]);
    expect(await store.backup(backup)).toEqual({ accounts: 3, damaged: [] });
    stop.abort();
    await Promise.all(writers);
    acknowledged.splice(0, 3, ...before);
  }
  await using store = await open(join(folder.path, 'other'));
  const report = await store.restore(backup);
  expect(report.accounts.map(({ address }) => address).sort()).toEqual(
    ['anna', 'bert', 'carl'].map((name) => `${name}@example.test`),
  );
  expect(await findings(store)).toEqual([]);
  for (const [index, id] of ids.entries()) {
    const found = Object.values(await subjects(store, id));
    expect(found).toEqual(expect.arrayContaining(acknowledged[index] ?? []));
    expect(new Set(found).size).toBe(found.length);
  }
  expect((await store.directory.login('anna'))?.hash).toBe('$hash$anna');
});

test('one account is restored while the others go on, twice, and nothing seen is given to other content', async () => {
  await using folder = await temporaryFolder();
  const backup = join(folder.path, 'backup');
  await using store = await open(join(folder.path, 'data'));
  const [anna, bert] = [await addAccount(store, 'anna'), await addAccount(store, 'bert')];
  const mail = store.mail(anna);
  await append(store, anna, 'kept');
  const cursorOfBackup = await mail.cursor('mail');
  await store.backup(backup);
  const seen = new Map<string, string>();
  const see = async (): Promise<number> => {
    const { uidvalidity } = await inboxOf(store, anna);
    for (const [uid, subject] of Object.entries(await subjects(store, anna))) {
      const name = `${uidvalidity}/${uid}`;
      expect(seen.get(name) ?? subject).toBe(subject);
      seen.set(name, subject);
    }
    return uidvalidity;
  };
  const messages = new Set<number>();
  const modseqs: number[] = [];
  let bertGoesOn = 0;
  for (const round of ['one', 'two', 'three']) {
    const appended = await append(store, anna, `after-${round}`, 150_000);
    expect(messages.has(appended.message)).toBe(false);
    messages.add(appended.message);
    await see();
    const cursor = await mail.cursor('mail');
    const generation = mail.generation();
    const restoring = store.restore(backup, 'Anna@example.test');
    bertGoesOn += (await append(store, bert, round)).uid > 0 ? 1 : 0;
    expect(await restoring).toEqual({ accounts: [{ id: anna, address: 'anna@example.test' }], setAside: [] });
    expect(mail.generation()).not.toBe(generation);
    expect(await subjects(store, anna)).toEqual({ 1: 'kept' });
    await see();
    // What was seen after the backup can't be told; what was seen before it can.
    await expect(mail.changes('mail', cursor, 100)).rejects.toMatchObject({ code: 'stale-cursor' });
    const { rows } = await mail.changes('mail', cursorOfBackup, 100);
    expect(rows.every(({ kind, reason }) => kind === 'remove' && reason === 'skipped')).toBe(true);
    const { modseq } = await inboxOf(store, anna);
    expect(modseq).toBeGreaterThan(Math.max(0, ...modseqs));
    modseqs.push(modseq);
    expect(await findings(store)).toEqual([]);
  }
  expect(bertGoesOn).toBe(3);
  expect(Object.values(await subjects(store, bert))).toEqual(['one', 'two', 'three']);
});

test('with nothing to read in its place a restored account has new UIDVALIDITYs, each time others', async () => {
  await using folder = await temporaryFolder();
  const backup = join(folder.path, 'backup');
  await using store = await open(join(folder.path, 'data'));
  const anna = await addAccount(store, 'anna');
  await append(store, anna, 'kept');
  await store.backup(backup);
  const uidvalidities = [(await inboxOf(store, anna)).uidvalidity];
  const file = join(folder.path, 'data', 'accounts', anna.slice(0, 2), anna, 'mail.db');
  // Lost, then damaged, then removed by the administrator.
  const losses = [
    () => rm(join(file, '..'), { recursive: true }),
    () => writeFile(file, 'x'.repeat(8192)),
    () => store.directory.removeAccount(anna),
  ];
  for (const lose of losses) {
    await lose();
    await store.restore(backup, 'anna@example.test');
    expect(await subjects(store, anna)).toEqual({ 1: 'kept' });
    uidvalidities.push((await inboxOf(store, anna)).uidvalidity);
    expect(await findings(store)).toEqual([]);
  }
  expect(new Set(uidvalidities).size).toBe(uidvalidities.length);
  expect((await store.directory.login('anna'))?.hash).toBe('$hash$anna');
});

test('a restore of everything sets accounts aside that the backup does not have', async () => {
  await using folder = await temporaryFolder();
  const backup = join(folder.path, 'backup');
  await using store = await open(join(folder.path, 'data'));
  await addAccount(store, 'anna');
  await store.backup(backup);
  const bert = await addAccount(store, 'bert');
  const { setAside } = await store.restore(backup);
  expect(setAside).toHaveLength(1);
  expect(existsSync(join(setAside[0] ?? '', 'mail.db'))).toBe(true);
  expect((await store.directory.accounts()).map(({ address }) => address)).toEqual(['anna@example.test']);
  await expect(store.mail(bert).mailboxes()).rejects.toMatchObject({ code: 'not-found' });
  expect(await findings(store)).toEqual([]);
});

test('a folder that is no whole backup, is in use, or has no such account is refused', async () => {
  await using folder = await temporaryFolder();
  const backup = join(folder.path, 'backup');
  await using store = await open(join(folder.path, 'data'));
  await addAccount(store, 'anna');
  await expect(store.restore(backup)).rejects.toMatchObject({ code: 'invalid' });
  await store.backup(backup);
  await expect(store.backup(backup)).rejects.toMatchObject({ code: 'exists' });
  await expect(store.restore(backup, 'bert@example.test')).rejects.toMatchObject({ code: 'not-found' });
  const [account] = await store.directory.accounts();
  await store.directory.removeAccount(account?.id ?? '');
  await addAccount(store, 'anna');
  await expect(store.restore(backup, 'anna@example.test')).rejects.toMatchObject({ code: 'exists' });
  await rm(join(backup, 'backup.json'));
  await expect(store.restore(backup)).rejects.toMatchObject({ code: 'invalid' });
  expect(await readdir(join(folder.path, 'data', 'staging'))).toEqual([]);
});

test('a damaged account is named by the backup, and the others are in it', async () => {
  await using folder = await temporaryFolder();
  const backup = join(folder.path, 'backup');
  const data = join(folder.path, 'data');
  let anna = '';
  {
    await using store = await open(data);
    anna = await addAccount(store, 'anna');
    await append(store, await addAccount(store, 'bert'), 'kept');
  }
  await writeFile(join(data, 'accounts', anna.slice(0, 2), anna, 'mail.db'), 'x'.repeat(8192));
  await using store = await open(data);
  const report = await store.backup(backup);
  expect(report).toMatchObject({ accounts: 1, damaged: [{ account: anna, address: 'anna@example.test' }] });
});

test('after a restore of everything the next start is of a boot that is known', async () => {
  await using folder = await temporaryFolder();
  const [data, backup] = [join(folder.path, 'data'), join(folder.path, 'backup')];
  {
    await using store = await open(data, { shared: createStoreShared({ bootId: 'boot-1' }) });
    await append(store, await addAccount(store, 'anna'), 'kept');
    await store.backup(backup);
    await store.restore(backup);
  }
  await using store = await open(data, { shared: createStoreShared({ bootId: 'boot-2' }) });
  const [account] = await store.directory.accounts();
  const { uidnext } = await inboxOf(store, account?.id ?? '');
  expect(uidnext).toBe(1_000_002);
});

test('a restored queue is whole, and held until somebody has looked at it', async () => {
  await using folder = await temporaryFolder();
  await using store = await open(join(folder.path, 'data'));
  await using staging = store.stage({ maxBytes: 1_000_000 });
  await staging.write(Buffer.from(`Subject: out\r\n\r\n${'a large body '.repeat(20_000)}`));
  await using staged = await staging.finish();
  const recipients = [{ address: 'you@other.test', domain: 'other.test', original: '', notify: 2 }];
  const id = await store.queue.add({
    ...{ staged, prefix: new Uint8Array(), owner: '', sender: 'me@example.test', utf8: false, eightBit: false },
    ...{ requireTls: false, envelopeId: '', returnFull: false, notBefore: 0, expires: 9e12, recipients },
  });
  await store.backup(join(folder.path, 'backup'));
  await store.queue.remove({});
  await rm(join(folder.path, 'data', 'queue', 'blobs'), { recursive: true });
  await store.restore(join(folder.path, 'backup'));
  const [listing] = await store.queue.list({}, 0, 10);
  expect(listing).toMatchObject({ id, recipients: [{ state: 'held' }] });
  expect(await store.queue.due(9e12, 10)).toEqual([]);
  let size = 0;
  for await (const piece of (await store.queue.content(id)).read()) size += piece.length;
  expect(size).toBe(staged.size);
  expect(await findings(store)).toEqual([]);
});
