// Flags that are owed when a run ends, and the background thread's part.
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { OWED_MESSAGES } from '#storage/account/limits.ts';
import { SqlMailAccount } from '#storage/account/mail-account.ts';
import { Housekeeping } from '#storage/background/housekeeping.ts';
import type { Engine } from '#storage/engines/port.ts';
import { SqliteEngine } from '#storage/engines/sqlite/engine.ts';
import { layoutOf } from '#storage/engines/sqlite/layout.ts';
import { one } from '#storage/operation.ts';
import { Flag, type FlagChange } from '#storage/ports.ts';
import { verify } from '#storage/verify/verify.ts';
import { ALL, filled, mailboxAt, placementsOf } from '#test/contracts/fixture.ts';
import { temporaryFolder } from '#test/support/folder.ts';
import { NO_SYNC, openSqlStore, type SqlStore } from '#test/support/sql-store.ts';

const COUNT = OWED_MESSAGES + 1;

/** An account whose INBOX owes \Seen to all its messages. */
async function owing(store: SqlStore): Promise<{ account: string; mailbox: number; modseq: number }> {
  const { account, id } = await filled(store, COUNT);
  const { modseq } = await account.setFlags(id, ALL, { action: 'add', flags: Flag.seen, keywords: [] });
  return { account: account.id, mailbox: id, modseq };
}

async function findings({ engine, blobs }: SqlStore, folder: string): Promise<unknown[]> {
  if (!(engine instanceof SqliteEngine)) throw new Error('another engine');
  const { signal } = new AbortController();
  return await Array.fromAsync(verify({ engine, blobs, layout: layoutOf(folder), signal }));
}

test('flags that are owed when a run is cut short are there after it, and nothing is wrong meanwhile', async () => {
  await using folder = await temporaryFolder();
  let account = '';
  {
    await using store = await openSqlStore(folder.path, { sync: NO_SYNC, bootId: 'one' });
    ({ account } = await owing(store));
  }
  // After a power cut: UIDs and modseqs are skipped.
  await using store = await openSqlStore(folder.path, { sync: NO_SYNC, bootId: 'two' });
  expect(await findings(store, folder.path)).toEqual([]);
  const mail = store.mail(account);
  const { id, unseen } = await mailboxAt(mail, 'INBOX');
  const rows = await placementsOf(mail, id);
  expect([unseen, rows.length, rows.every(({ flags }) => flags === Flag.seen)]).toEqual([0, COUNT, true]);
  expect(await findings(store, folder.path)).toEqual([]);
});

test('the background thread gives messages what they are owed, and nobody hears of it again', async () => {
  await using folder = await temporaryFolder();
  await using store = await openSqlStore(folder.path, { sync: NO_SYNC });
  const { account, mailbox, modseq } = await owing(store);
  const { engine, blobs } = store;
  if (!(engine instanceof SqliteEngine)) throw new Error('another engine');
  const cursor = await store.mail(account).cursor('mail');
  const { signal } = new AbortController();
  const housekeeping = new Housekeeping({ engine, blobs, log: pino({ level: 'silent' }), now: Date.now, signal });
  housekeeping.settleFlags(account, mailbox);
  await housekeeping.flagsSettled();
  const count = (sql: string) =>
    engine.read({ kind: 'account', id: account }, () => one<{ n: number }>(sql, [account, mailbox]));
  expect(await count('SELECT owed AS n FROM mailbox WHERE account = $1 AND id = $2')).toEqual({ n: 0 });
  expect(
    await count(`SELECT count(*) AS n FROM placement WHERE account = $1 AND mailbox = $2 AND flags = 1
      AND modseq = ${modseq}`),
  ).toEqual({ n: COUNT });
  expect(await store.mail(account).cursor('mail')).toBe(cursor);
});

test('whoever settles and is each time met by a new change of all is served all the same', async () => {
  await using folder = await temporaryFolder();
  await using store = await openSqlStore(folder.path, { sync: NO_SYNC });
  const { account, mailbox } = await owing(store);
  const { engine, blobs, clock } = store;
  const other = store.mail(account);
  let turn = 0;
  const owe = async (): Promise<void> => {
    const change: FlagChange = { action: turn++ % 2 === 0 ? 'add' : 'remove', flags: Flag.flagged, keywords: [] };
    await other.setFlags(mailbox, ALL, change);
  };
  const quickOther: Engine = {
    read: (db, op) => engine.read(db, op),
    write: (db, op) => engine.write(db, op),
    series: async (db, next) => {
      await engine.series(db, next);
      await owe();
    },
    bulk: (db, name, args) => engine.bulk(db, name, args),
    createAccount: (id) => engine.createAccount(id),
    destroyAccount: (id) => engine.destroyAccount(id),
    generation: (db) => engine.generation(db),
    subscribe: (db, wake) => engine.subscribe(db, wake),
    close: () => engine.close(),
  };
  const quota = () => Promise.resolve(null);
  const mail = new SqlMailAccount(account, {
    engine: quickOther,
    blobs,
    now: () => clock.now,
    quota,
    retention: 1_000,
  });
  const trash = (await mailboxAt(mail, 'Trash')).id;
  const answered: FlagChange = { action: 'add', flags: Flag.answered, keywords: [] };
  expect((await placementsOf(mail, mailbox)).length).toBe(COUNT);
  await owe();
  expect((await mail.setFlags(mailbox, [[1, 1]], answered)).modified).toEqual([]);
  await owe();
  expect((await mail.setFlags(mailbox, [[1, COUNT - 1]], answered)).modified).toEqual([]);
  await owe();
  expect((await mail.copy(mailbox, [[2, 2]], trash)).target).toEqual([1]);
  await owe();
  expect((await mail.expunge(mailbox, [[3, COUNT]], { onlyDeleted: false })).uids.length).toBe(COUNT - 2);
  expect(await mailboxAt(mail, 'INBOX')).toMatchObject({ total: 2, unseen: 0 });
  expect(await findings(store, folder.path)).toEqual([]);
});
