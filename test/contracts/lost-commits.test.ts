// A commit can be seen before it is durable, and power can fail between. From snapshots of the files after random
// commits (what was durable) the store is opened under another boot, while the first one went on and was seen: nothing
// that was seen and lost may be given to anything else, and no client may be told a wrong delta (DESIGN 4).
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { Flag, type MailAccount } from '#storage/ports.ts';
import { temporaryFolder } from '#test/support/folder.ts';
import { between, pick, type Random, seeded } from '#test/support/random.ts';
import { NO_SYNC, openSqlStore, type SqlStore } from '#test/support/sql-store.ts';
import { ALL, changesSince, deliver, mailboxAt, message, placementsOf } from './fixture.ts';

/** Everything that has a name which a client may remember. */
async function namesOf(account: MailAccount): Promise<Set<string>> {
  const names = new Set<string>();
  for (const { id, uidvalidity, modseq } of await account.mailboxes()) {
    names.add(`mailbox ${id}`).add(`uidvalidity ${uidvalidity}`).add(`modseq ${modseq}`);
    for (const row of await placementsOf(account, id)) {
      names.add(`uid ${uidvalidity}/${row.uid}`).add(`message ${row.message}`).add(`item ${row.item}`);
      names.add(`modseq ${row.modseq}`);
    }
  }
  for (const id of (await account.keywords()).keys()) names.add(`keyword ${id}`);
  return names;
}

let texts = 0;

/** One random change. */
async function change(store: SqlStore, account: MailAccount, random: Random): Promise<void> {
  const mailboxes = await account.mailboxes();
  const [from, to] = [pick(random, mailboxes).id, pick(random, mailboxes).id];
  const roll = random();
  texts += 1;
  if (roll < 0.4)
    await deliver(store, account, from, [message({ id: `<${texts}@x>` })], { keywords: [`k${texts % 9}`] });
  else if (roll < 0.55) await account.copy(from, ALL, to);
  else if (roll < 0.7) await account.move(from, ALL, to);
  else if (roll < 0.8) await account.expunge(from, [[1, between(random, 1, 5)]], { onlyDeleted: false });
  else if (roll < 0.9)
    await account.setFlags(from, ALL, { action: 'add', flags: pick(random, [1, 2, 4]), keywords: [] });
  else if (roll < 0.95) await account.createMailbox(`made ${texts}`);
  else await account.expunge(from, ALL, { onlyDeleted: false });
}

describe('a power cut after any commit', () => {
  test('what was seen and lost is never given to anything else, and cursors are told apart', async () => {
    await using folder = await temporaryFolder();
    const random = seeded(20_261_122);
    await using store = await openSqlStore(join(folder.path, 'first'), { sync: NO_SYNC, bootId: 'boot-1' });
    await store.directory.addDomain('example.test');
    const { id } = await store.directory.addAccount({ address: 'a@example.test', passwordHash: '-', quota: null });
    const account = store.mail(id);
    const cursors: string[] = [];
    for (let round = 0; round < 25; round += 1) {
      for (let step = between(random, 1, 4); step > 0; step -= 1) await change(store, account, random);
      const durable = await namesOf(account);
      cursors.push(await account.cursor('mail'));
      const modseq = Math.max(...(await account.mailboxes()).map((mailbox) => mailbox.modseq));
      const copy = join(folder.path, `round-${round}`);
      // Another process copies: closing a file here would drop the locks that SQLite has on it.
      execFileSync('cp', ['-r', join(folder.path, 'first'), copy]);
      const lost = new Set<string>();
      const lostCursors = new Set<string>();
      for (let step = between(random, 1, 6); step > 0; step -= 1) {
        await change(store, account, random);
        for (const name of await namesOf(account)) if (!durable.has(name)) lost.add(name);
        lostCursors.add(await account.cursor('mail'));
      }
      lostCursors.delete(cursors.at(-1) ?? '');
      const now = store.clock.now + between(random, 0, 3) * 1_000;
      await using after = await openSqlStore(copy, { sync: NO_SYNC, bootId: `boot-${round + 2}`, now });
      await checkAfter(after, id, { durable, lost, cursors, lostCursors, modseq, random });
    }
  });
});

interface Known {
  readonly durable: ReadonlySet<string>;
  readonly lost: ReadonlySet<string>;
  readonly cursors: readonly string[];
  readonly lostCursors: ReadonlySet<string>;
  /** The last one that was durable. */
  readonly modseq: number;
  readonly random: Random;
}

async function checkAfter(store: SqlStore, id: string, known: Known): Promise<void> {
  const account = store.mail(id);
  // A cursor up to the durable point leads to now; one after it is refused.
  const inbox = await mailboxAt(account, 'INBOX');
  await deliver(store, account, inbox.id, [message({ subject: 'after' })]);
  for (const cursor of known.cursors.slice(-5)) {
    const { rows } = await changesSince(account, cursor, 3);
    expect(rows.at(-1)).toMatchObject({ kind: 'add', collection: inbox.id });
    expect(rows.filter((row) => row.reason === 'skipped').length).toBe((await account.mailboxes()).length);
  }
  for (const cursor of known.lostCursors) {
    await expect(account.changes('mail', cursor, 9)).rejects.toMatchObject({ code: 'stale-cursor' });
  }
  // A client that saw a lost modseq is told everything; one that saw a durable one, what changed.
  const live = await placementsOf(account, inbox.id);
  for (const name of known.lost) {
    const [kind, value] = name.split(' ');
    if (kind !== 'modseq') continue;
    expect(await placementsOf(account, inbox.id, Number(value))).toEqual(live);
    const stale = await account.setFlags(inbox.id, ALL, change4, { unchangedSince: Number(value) });
    expect(stale.modified).toEqual(live.map((row) => row.uid));
    expect(await account.cursorAfter('mail', Number(value))).toBeNull();
  }
  expect(await placementsOf(account, inbox.id, known.modseq)).toHaveLength(1);
  const goingOn = (await account.cursorAfter('mail', known.modseq)) ?? '';
  expect((await changesSince(account, goingOn, 3)).rows.at(-1)).toMatchObject({ kind: 'add', collection: inbox.id });
  for (let step = 0; step < 8; step += 1) {
    for (const name of await namesOf(account)) {
      if (!known.durable.has(name)) expect([name, known.lost.has(name)]).toEqual([name, false]);
    }
    await change(store, account, known.random);
  }
}

const change4 = { action: 'add', flags: Flag.flagged, keywords: [] } as const;
