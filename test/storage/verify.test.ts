// `verify` over a store: clean while it is being written, and each damage named.
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, open as openFile, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import Sqlite from 'better-sqlite3';
import pino from 'pino';
import { expect, test } from 'vitest';
import { FrameWriter } from '#storage/blobs/frames.ts';
import { Turns } from '#storage/blobs/turns.ts';
import { createStoreShared, type Finding, type OpenStore, openStore } from '#storage/open.ts';
import { temporaryFolder } from '#test/support/folder.ts';

function open(data: string): Promise<OpenStore> {
  const fatal = (error: Error) => {
    throw error;
  };
  const log = pino({ level: 'silent' });
  return openStore({ data, log, shared: createStoreShared(), main: true, handles: 10, retentionDays: 14, fatal });
}

async function append(store: OpenStore, id: string, bytes: Uint8Array): Promise<number> {
  const inbox = await store.mail(id).mailboxByPath('INBOX');
  await using staging = store.stage({ maxBytes: 10_000_000 });
  await staging.write(bytes);
  await using staged = await staging.finish();
  const [appended] = await store.mail(id).append(inbox?.id ?? 0, [{ staged }]);
  return appended?.uid ?? 0;
}

const message = (n: number) => Buffer.from(`Subject: ${n}\r\nMessage-ID: <${n}@x>\r\n\r\nHello ${n}\r\n`);
const large = () => {
  const noise = Buffer.alloc(200_000);
  for (let i = 0; i < noise.length; i++) noise[i] = 33 + ((i * 7919 + (i >> 3) * 104_729) % 90);
  return Buffer.concat([Buffer.from('Subject: large\r\n\r\n'), noise]);
};

/** Comes twice, and is stored once. */
const TWICE = Buffer.from(
  `Subject: twice\r\nMessage-ID: <twice@x>\r\n\r\n${Array.from({ length: 100 }, (_, n) => Math.sin(n)).join('\r\n')}`,
);

/** An account with three small messages, a large one, an expunged one and one that is there twice. */
async function filled(store: OpenStore, address: string): Promise<string> {
  const { id } = await store.directory.addAccount({ address, passwordHash: 'x', quota: null });
  for (let n = 1; n <= 4; n++) await append(store, id, message(n));
  await append(store, id, large());
  for (let n = 0; n < 2; n++) await append(store, id, TWICE);
  const mail = store.mail(id);
  const inbox = await mail.mailboxByPath('INBOX');
  await mail.expunge(inbox?.id ?? 0, [[2, 2]], { onlyDeleted: false });
  const sent = await mail.mailboxByPath('Sent');
  await mail.copy(inbox?.id ?? 0, [[1, 3]], sent?.id ?? 0);
  return id;
}

async function findings(store: OpenStore): Promise<Finding[]> {
  return await Array.fromAsync(store.verify());
}

type Damage = readonly [what: string, code: string, damage: (folder: string) => void | Promise<void>];

function sql(file: string, ...statements: string[]): void {
  const database = new Sqlite(file);
  database.unsafeMode();
  for (const statement of statements) database.exec(statement);
  database.close();
}

const OF_AN_ACCOUNT: readonly Damage[] = [
  ['the account’s count of messages', 'wrong-messages', damaging('UPDATE counter SET messages = messages + 1')],
  ['the account’s bytes', 'wrong-bytes', damaging('UPDATE counter SET bytes = bytes - 1')],
  ['a placement’s thread', 'wrong-thread', damaging('UPDATE placement SET thread = thread + 1 WHERE uid = 1')],
  ['an expunged placement’s thread', 'wrong-thread', damaging('UPDATE expunged SET thread = thread + 1')],
  ['a mailbox’s total', 'wrong-total', damaging("UPDATE mailbox SET total = 9 WHERE name = 'INBOX'")],
  ['a mailbox’s unseen', 'wrong-unseen', damaging("UPDATE mailbox SET unseen = 9 WHERE name = 'INBOX'")],
  ['a mailbox’s bytes', 'wrong-mailbox-bytes', damaging("UPDATE mailbox SET bytes = 9 WHERE name = 'INBOX'")],
  ['a mailbox’s uidnext', 'wrong-uidnext', damaging("UPDATE mailbox SET uidnext = 3 WHERE name = 'INBOX'")],
  ['a mailbox’s modseq', 'wrong-modseq', damaging("UPDATE mailbox SET modseq = 999999 WHERE name = 'INBOX'")],
  ['a class’s floor', 'wrong-modseq', damaging("UPDATE class SET floor = 999999999 WHERE class = 'mail'")],
  ['the log’s modseqs', 'wrong-modseq', damaging('UPDATE change SET modseq = modseq + 1000000000000')],
  ['the next id', 'wrong-next-id', damaging('UPDATE counter SET next_id = 5')],
  ['the epoch', 'wrong-epoch', damaging('UPDATE counter SET epoch = 7')],
  ['the counter row', 'corrupt', damaging('DELETE FROM counter')],
  [
    'a placement without a message',
    'missing-message',
    damaging('DELETE FROM message WHERE id = (SELECT message FROM placement LIMIT 1)'),
  ],
  [
    'a message without content',
    'missing-content',
    damaging('DELETE FROM content WHERE message = (SELECT message FROM placement LIMIT 1)'),
  ],
  [
    'content without a body',
    'missing-body',
    damaging('UPDATE content SET body = NULL WHERE message = (SELECT min(id) FROM message)'),
  ],
  [
    'content whose body another has, which is gone',
    'missing-source',
    damaging('DELETE FROM content WHERE message = (SELECT source FROM content_use)'),
  ],
  [
    'content whose body another has, which has none',
    'missing-source',
    damaging("UPDATE content SET header = x'' WHERE message = (SELECT source FROM content_use)"),
  ],
  ['content that is not kept for who uses it', 'missing-use', damaging('DELETE FROM content_use')],
  [
    'content that is kept for who does not use it',
    'orphan-use',
    damaging('UPDATE content_use SET message = message + 1'),
  ],
  [
    'content that is used by the wrong one',
    'wrong-size',
    damaging('UPDATE content SET source = (SELECT min(id) FROM message) WHERE source IS NOT NULL'),
  ],
  [
    'a header that is nowhere',
    'damaged-content',
    damaging("UPDATE content SET header = x'' WHERE message = (SELECT min(id) FROM message)"),
  ],
  [
    'damaged content',
    'damaged-content',
    damaging("UPDATE content SET body = x'28b52ffd04' WHERE message = (SELECT min(id) FROM message)"),
  ],
  ['a size', 'wrong-size', damaging('UPDATE message SET size = size + 1 WHERE id = (SELECT min(id) FROM message)')],
  ['the size of a placement', 'wrong-size', damaging('UPDATE placement SET size = size + 1 WHERE uid = 1')],
  ['a placement in no mailbox', 'orphan-placement', damaging("DELETE FROM mailbox WHERE name = 'Sent'")],
  ['a message in no mailbox', 'orphan-message', damaging('DELETE FROM expunged')],
  [
    'content of no message',
    'orphan-content',
    damaging(
      "INSERT INTO content VALUES (99999, 'x', x'', x'', x'', NULL)",
      'UPDATE content SET account = (SELECT account FROM counter)',
    ),
  ],
  [
    'a UID that is there twice',
    'duplicate-uid',
    damaging(
      'CREATE TABLE copy AS SELECT * FROM placement',
      'DROP TABLE placement',
      'ALTER TABLE copy RENAME TO placement',
      'INSERT INTO placement SELECT * FROM placement WHERE uid = 1',
    ),
  ],
  ['a UID given again', 'duplicate-uid', damaging('UPDATE expunged SET uid = 1')],
  [
    'an item that is there twice',
    'duplicate-item',
    damaging(
      'DROP INDEX placement_item',
      'UPDATE placement SET item = (SELECT min(item) FROM placement WHERE uid = 1) WHERE uid = 3',
    ),
  ],
  [
    'an expunged placement without a message',
    'missing-message',
    damaging('DELETE FROM message WHERE id = (SELECT message FROM expunged)'),
  ],
  ['the modseq of a placement', 'wrong-modseq', damaging("UPDATE mailbox SET modseq = 1 WHERE name = 'INBOX'")],
  [
    'an annotation of no message',
    'orphan-annotation',
    damaging("INSERT INTO annotation SELECT account, 987654, 'x', '/comment', 'x', 1 FROM counter"),
  ],
  [
    'a mailbox in a mailbox that is gone',
    'orphan-mailbox',
    damaging("UPDATE mailbox SET parent = 987654 WHERE name = 'Archive'"),
  ],
  [
    'the file of another account',
    'foreign-row',
    damaging(
      "INSERT INTO counter SELECT 'another', modseq, next_id, uidvalidity, epoch, boot_id, bytes, messages FROM counter",
    ),
  ],
  ['the file itself', 'corrupt', (account) => writeFile(join(account, 'mail.db'), 'x'.repeat(8192))],
  [
    'an index',
    'corrupt',
    damaging(
      'PRAGMA writable_schema = 1',
      "UPDATE sqlite_schema SET sql = 'CREATE UNIQUE INDEX mailbox_name ON mailbox (account, parent, special)' WHERE name = 'mailbox_name'",
      'PRAGMA writable_schema = 0',
    ),
  ],
  ['a newer file', 'newer', damaging('PRAGMA user_version = 99')],
  ['a database that is not there', 'corrupt', (account) => rm(join(account, 'mail.db'))],
  ['a folder that is not there', 'missing-database', (account) => rm(account, { recursive: true })],
  [
    'a blob that is not there',
    'missing-blob',
    async (account) => {
      for (const name of await readdir(join(account, 'blobs'))) await rm(join(account, 'blobs', name));
    },
  ],
  [
    'a damaged blob',
    'damaged-blob',
    async (account) => {
      for (const name of await readdir(join(account, 'blobs'))) await writeFile(join(account, 'blobs', name), 'x');
    },
  ],
  [
    'a bit in the middle of a blob',
    'damaged-blob',
    eachBlob(async (file) => {
      const bytes = await readFile(file);
      bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1;
      await writeFile(file, bytes);
    }),
  ],
  [
    'a blob with the bytes of another message',
    'damaged-blob',
    eachBlob(async (file) => {
      await using handle = await openFile(file, 'w');
      const frames = new FrameWriter(handle, new Turns(1));
      await frames.write(new Uint8Array(200_000));
      await frames.finish();
    }),
  ],
  [
    'what somebody has seen in a mailbox that is gone',
    'orphan-seen',
    damaging("INSERT INTO reader_seen SELECT account, 987654, 'x', 1, 2, 1, 1 FROM counter"),
  ],
  [
    'what somebody has seen, said twice',
    'wrong-seen',
    damaging(
      "INSERT INTO reader_seen SELECT account, min(id), 'x', 1, 5, 1, 1 FROM mailbox GROUP BY account",
      "INSERT INTO reader_seen SELECT account, min(id), 'x', 3, 4, 0, 1 FROM mailbox GROUP BY account",
    ),
  ],
  ['a blob that nothing names', 'dangling-blob', (account) => writeFile(join(account, 'blobs', '0'.repeat(64)), 'x')],
];

const OF_THE_STORE: readonly Damage[] = [
  [
    'an account that the directory does not know',
    'unknown-account',
    (data) => sql(join(data, 'directory.db'), "DELETE FROM mail_account WHERE local = 'bert'"),
  ],
  [
    'a credential of nobody',
    'orphan-credential',
    (data) => sql(join(data, 'directory.db'), "INSERT INTO credential VALUES ('x', 'password', '', 1)"),
  ],
  [
    'an alias of no domain',
    'orphan-alias',
    (data) => sql(join(data, 'directory.db'), "INSERT INTO alias VALUES ('nowhere.test', 'x', 0, 79, 0)"),
  ],
  [
    'targets of no alias',
    'orphan-alias',
    (data) => sql(join(data, 'directory.db'), "INSERT INTO alias_target VALUES ('x.test', 'x', 0, 'a@x.test')"),
  ],
  [
    'a share of nobody',
    'orphan-share',
    (data) => sql(join(data, 'directory.db'), "INSERT INTO acl VALUES ('x', 1, 'account', 'y', 0, 1)"),
  ],
  [
    'a member of no group',
    'orphan-member',
    (data) => sql(join(data, 'directory.db'), "INSERT INTO group_member VALUES (77, 'x')"),
  ],
  [
    'a group of no domain',
    'orphan-group',
    (data) => sql(join(data, 'directory.db'), "INSERT INTO mail_group VALUES ('nowhere.test', 'x', 0, 78, 0)"),
  ],
  ['an account of no domain', 'orphan-account', (data) => sql(join(data, 'directory.db'), 'DELETE FROM domain')],
  [
    'a recipient of nothing',
    'orphan-recipient',
    (data) =>
      sql(
        join(data, 'queue.db'),
        "INSERT INTO queued_recipient VALUES (1, 1, '', '', '', 0, 'waiting', 0, 0, 0, '', '', '')",
      ),
  ],
  ['a recipient that the scheduler does not know', 'missing-destination', () => undefined],
  [
    'messages that nobody waits for, can not be read and are not counted',
    'missing-recipient',
    (data) =>
      sql(
        join(data, 'queue.db'),
        "INSERT INTO queued VALUES (7, 0, '', '', 5, 0, 0, 0, '', 0, 0, 0, x'', x'00', x'00', '', '', '', 0, 0, 0)",
        "INSERT INTO queued VALUES (8, 0, '', '', 5, 0, 0, 0, '', 0, 0, 0, x'', x'00', NULL, 'gone', '', '', 0, 0, 0)",
      ),
  ],
  ['the count of the queue', 'wrong-messages', () => undefined],
  ['a message that can not be read', 'damaged-content', () => undefined],
  ['a message whose file is gone', 'damaged-blob', () => undefined],
  [
    'a file that no message names',
    'dangling-blob',
    async (data) => {
      await mkdir(join(data, 'queue', 'blobs'), { recursive: true });
      await writeFile(join(data, 'queue', 'blobs', '0'.repeat(64)), 'x');
    },
  ],
];

/** Does something to each blob of an account. */
function eachBlob(damage: (file: string) => Promise<void>): (account: string) => Promise<void> {
  return async (account) => {
    for (const name of await readdir(join(account, 'blobs'))) await damage(join(account, 'blobs', name));
  };
}

function damaging(...statements: string[]): (account: string) => void {
  return (account) => sql(join(account, 'mail.db'), ...statements);
}

test('each thing that verify checks is damaged here', async () => {
  const checks = join(import.meta.dirname, '../../storage/verify');
  const sources = await Promise.all((await readdir(checks)).map((name) => readFile(join(checks, name), 'utf8')));
  const codes = sources.flatMap((text) => [...text.matchAll(/code: '([a-z-]+)'/g)].map(([, code]) => code));
  expect(codes.length).toBeGreaterThan(40);
  const damaged = new Set([...OF_AN_ACCOUNT, ...OF_THE_STORE].map(([, code]) => code));
  expect(codes.filter((code = '') => !damaged.has(code))).toEqual([]);
});

test('verify names what is wrong with each account', async () => {
  await using folder = await temporaryFolder();
  const accounts = new Map<string, string>();
  {
    await using store = await open(folder.path);
    await store.directory.addDomain('example.test');
    for (const [n] of OF_AN_ACCOUNT.entries()) {
      const id = await filled(store, `a${n}@example.test`);
      accounts.set(`a${n}@example.test`, join(folder.path, 'accounts', id.slice(0, 2), id));
    }
    expect(await findings(store)).toEqual([]);
  }
  for (const [n, [, , damage]] of OF_AN_ACCOUNT.entries()) await damage(accounts.get(`a${n}@example.test`) ?? '');
  await using store = await open(folder.path);
  const found = await findings(store);
  for (const [n, [what, code]] of OF_AN_ACCOUNT.entries()) {
    const codes = found.filter(({ address }) => address === `a${n}@example.test`).map((finding) => finding.code);
    expect(codes, what).toContain(code);
    // One damage is a few findings, and none of another account.
    expect(codes.length, `${what}: ${codes}`).toBeLessThan(15);
  }
});

test('verify names what is wrong with the directory and the queue', async () => {
  await using folder = await temporaryFolder();
  {
    await using store = await open(folder.path);
    await store.directory.addDomain('example.test');
    for (const name of ['anna', 'bert']) await filled(store, `${name}@example.test`);
  }
  for (const [, , damage] of OF_THE_STORE) await damage(folder.path);
  await using store = await open(folder.path);
  const found = await findings(store);
  for (const [what, code] of OF_THE_STORE)
    expect(
      found.map((finding) => finding.code),
      what,
    ).toContain(code);
});

test('a blob under the name that it had at first, the hash of the whole message, is in order', async () => {
  await using folder = await temporaryFolder();
  let account = '';
  {
    await using store = await open(folder.path);
    await store.directory.addDomain('example.test');
    const id = await filled(store, 'anna@example.test');
    account = join(folder.path, 'accounts', id.slice(0, 2), id);
  }
  const name = createHash('sha256').update(large()).digest('hex');
  await eachBlob((file) => rename(file, join(account, 'blobs', name)))(account);
  sql(join(account, 'mail.db'), `UPDATE message SET blob = '${name}' WHERE blob <> ''`);
  await using store = await open(folder.path);
  expect(await findings(store)).toEqual([]);
});

test('verify finds nothing while the store is being written, and accounts come and go', async () => {
  await using folder = await temporaryFolder();
  await using store = await open(folder.path);
  await store.directory.addDomain('example.test');
  const id = await filled(store, 'anna@example.test');
  const mail = store.mail(id);
  const inbox = (await mail.mailboxByPath('INBOX'))?.id ?? 0;
  const stop = new AbortController();
  const writing = async () => {
    for (let n = 10; !stop.signal.aborted; n++) {
      const uid = await append(store, id, n % 5 === 0 ? large() : message(n));
      if (n % 3 === 0) await mail.expunge(inbox, [[uid, uid]], { onlyDeleted: false });
      if (n % 20 === 0) {
        const account = { address: `u${n}@example.test`, passwordHash: 'x', quota: null };
        const { id: other } = await store.directory.addAccount(account);
        if (n % 40 === 0) await store.directory.removeAccount(other);
      }
    }
  };
  const writer = writing();
  for (let round = 0; round < 3; round++) expect(await findings(store)).toEqual([]);
  stop.abort();
  await writer;
});

test('an account whose creation was cut short is removed after a killed run, unless there is mail in it', async () => {
  await using folder = await temporaryFolder();
  const names = ['named', 'empty', 'filled', 'begun'] as const;
  const ids = new Map<string, string>();
  {
    await using store = await open(folder.path);
    await store.directory.addDomain('example.test');
    for (const name of names) {
      const { id } = await store.directory.addAccount({
        address: `${name}@example.test`,
        passwordHash: 'x',
        quota: null,
      });
      ids.set(name, id);
    }
    await append(store, ids.get('filled') ?? '', message(1));
  }
  const accountOf = (name: string) => {
    const id = ids.get(name) ?? '';
    return join(folder.path, 'accounts', id.slice(0, 2), id);
  };
  // As if it had been killed before the rows of three came.
  sql(
    join(folder.path, 'directory.db'),
    "DELETE FROM mail_account WHERE local <> 'named'",
    'UPDATE boot SET clean = 0',
  );
  for (const file of await readdir(accountOf('begun'))) await rm(join(accountOf('begun'), file));
  await using store = await open(folder.path);
  expect((await findings(store)).filter(({ code }) => code === 'unknown-account')).toMatchObject([
    { database: ids.get('filled') },
  ]);
  expect(names.filter((name) => existsSync(accountOf(name)))).toEqual(['named', 'filled']);
});

test('a store that is closed while it is verified ends the verification first', async () => {
  await using folder = await temporaryFolder();
  const store = await open(folder.path);
  await store.directory.addDomain('example.test');
  for (let n = 0; n < 3; n++) await filled(store, `a${n}@example.test`);
  const outcome = findings(store).then(
    (found) => found,
    (error: unknown) => error,
  );
  await new Promise((resolve) => setTimeout(resolve, 20));
  await store[Symbol.asyncDispose]();
  const ended = await outcome;
  if (!Array.isArray(ended)) expect(ended).toMatchObject({ code: 'closed' });
  else expect(ended).toEqual([]);
});
