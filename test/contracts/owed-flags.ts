// Contracts of flags that a whole large mailbox is given at once: they are there for everybody, before every row has them.
import { describe, expect, test } from 'vitest';
import { OWED_MESSAGES } from '#storage/account/limits.ts';
import { one } from '#storage/operation.ts';
import { Flag, type FlagChange, type MailAccount, type Placement } from '#storage/ports.ts';
import type { SqlStore } from '#test/support/sql-store.ts';
import {
  ALL,
  changesSince,
  deliver,
  filled,
  freshAccount,
  listingOf,
  mailboxAt,
  message,
  placementsOf,
} from './fixture.ts';

const COUNT = OWED_MESSAGES + 50;
const SEEN: FlagChange = { action: 'add', flags: Flag.seen, keywords: [] };
const DELETED: FlagChange = { action: 'add', flags: Flag.deleted, keywords: [] };

/** Is anything owed to the messages of a mailbox? */
async function owes({ engine }: SqlStore, { id }: MailAccount, mailbox: number): Promise<boolean> {
  const row = await engine.read({ kind: 'account', id }, () =>
    one<{ owed: number }>('SELECT owed FROM mailbox WHERE account = $1 AND id = $2', [id, mailbox]),
  );
  return row?.owed !== 0;
}

/** A large mailbox whose messages are all owed a flag. */
async function owing(store: SqlStore, change = SEEN): Promise<{ account: MailAccount; id: number; modseq: number }> {
  const { account, id } = await filled(store, COUNT);
  const { modseq } = await account.setFlags(id, ALL, change);
  expect(await owes(store, account, id)).toBe(true);
  return { account, id, modseq };
}

const flagsOf = (rows: readonly Pick<Placement, 'flags'>[]) => [...new Set(rows.map(({ flags }) => flags))];

export function owedFlagContracts(store: () => SqlStore): void {
  describe('flags of all messages at once', () => {
    test('they are one commit and one row of the log, and only what changes has a new modseq (RFC 7162 3.1)', async () => {
      const { account, id } = await filled(store(), COUNT);
      const direct = await account.setFlags(id, [[10, 20]], { ...SEEN, flags: Flag.seen | Flag.flagged });
      const cursor = await account.cursor('mail');
      const generation = account.generation();
      const { modseq } = await account.setFlags(id, ALL, SEEN);
      expect(account.generation()).toBe(generation + 1);
      expect((await changesSince(account, cursor)).rows).toMatchObject([
        { kind: 'set', reason: 'flags', collection: id, uid: 1, last: COUNT, name: `+${Flag.seen}` },
      ]);
      expect(await mailboxAt(account, 'INBOX')).toMatchObject({ modseq, counted: modseq, total: COUNT, unseen: 0 });
      expect(await owes(store(), account, id)).toBe(true);
      const rows = await placementsOf(account, id);
      expect(await owes(store(), account, id)).toBe(false);
      expect(flagsOf(rows)).toEqual([Flag.seen, Flag.seen | Flag.flagged]);
      const kept = rows.filter((row) => row.modseq === direct.modseq).map(({ uid }) => uid);
      expect(kept).toEqual(Array.from({ length: 11 }, (_, at) => at + 10));
      expect(rows.filter((row) => row.modseq === modseq).length).toBe(COUNT - 11);
    });

    test('one after the other, whoever comes next finds what came before', async () => {
      const { account, id } = await owing(store());
      await account.setFlags(id, ALL, DELETED);
      await account.setFlags(id, ALL, { ...SEEN, action: 'remove' });
      expect(await mailboxAt(account, 'INBOX')).toMatchObject({ total: COUNT, unseen: COUNT });
      expect(flagsOf(await listingOf(account, id))).toEqual([Flag.deleted]);
    });

    test('no change is no commit, and leaves nothing to do', async () => {
      const { account, id } = await owing(store(), { ...SEEN, flags: Flag.seen | Flag.answered });
      await placementsOf(account, id);
      const generation = account.generation();
      await account.setFlags(id, ALL, SEEN);
      await account.setFlags(id, ALL, { ...SEEN, flags: Flag.answered });
      await account.setFlags(id, ALL, { ...DELETED, action: 'remove' });
      expect(account.generation()).toBe(generation);
      expect(await owes(store(), account, id)).toBe(false);
    });

    test('new messages come with flags of their own', async () => {
      const { account, id } = await owing(store());
      const [added] = await deliver(store(), account, id, [message()], { flags: Flag.draft });
      expect(await owes(store(), account, id)).toBe(true);
      expect(await mailboxAt(account, 'INBOX')).toMatchObject({ total: COUNT + 1, unseen: 1 });
      const rows = await placementsOf(account, id);
      expect(rows.at(-1)).toMatchObject({ uid: added?.uid, flags: Flag.draft });
      expect(flagsOf(rows.slice(0, -1))).toEqual([Flag.seen]);
    });

    test('a part of a mailbox is changed at once, and a small mailbox', async () => {
      const { account, id } = await filled(store(), COUNT);
      await account.setFlags(id, [[2, COUNT]], SEEN);
      expect(await owes(store(), account, id)).toBe(false);
      await account.setFlags(id, [[1, COUNT - 1]], DELETED);
      expect(await owes(store(), account, id)).toBe(false);
      const small = await filled(store(), 100);
      await small.account.setFlags(small.id, ALL, SEEN);
      expect(await owes(store(), small.account, small.id)).toBe(false);
      expect(await mailboxAt(account, 'INBOX')).toMatchObject({ unseen: 1 });
    });

    test('a change of one of them finds it as it is', async () => {
      const { account, id, modseq } = await owing(store());
      const refused = await account.setFlags(id, [[7, 7]], DELETED, { unchangedSince: modseq - 1 });
      expect(refused.modified).toEqual([7]);
      await account.setFlags(id, [[7, 7]], { ...SEEN, action: 'remove' });
      expect(await mailboxAt(account, 'INBOX')).toMatchObject({ unseen: 1 });
      const rows = await placementsOf(account, id);
      expect(rows.filter(({ flags }) => flags === 0).map(({ uid }) => uid)).toEqual([7]);
    });

    test('what has changed since a modseq is all of them', async () => {
      const { account, id, modseq } = await owing(store());
      expect((await placementsOf(account, id, modseq - 1)).length).toBe(COUNT);
    });

    test('a copy and a moved one have them, few or many', async () => {
      for (const many of [false, true]) {
        const { account, id } = await owing(store());
        const { id: trash } = await mailboxAt(account, 'Trash');
        await account.copy(id, many ? ALL : [[1, 2]], trash);
        expect(flagsOf(await placementsOf(account, trash))).toEqual([Flag.seen]);
        await account.setFlags(id, ALL, DELETED);
        await account.move(id, many ? ALL : [[3, 4]], trash);
        expect(flagsOf(await placementsOf(account, trash))).toEqual([Flag.seen, Flag.seen | Flag.deleted]);
        expect(await mailboxAt(account, 'Trash')).toMatchObject({ unseen: 0 });
      }
    });

    test('EXPUNGE takes them all', async () => {
      const { account, id } = await owing(store(), DELETED);
      const { uids } = await account.expunge(id, ALL, { onlyDeleted: true });
      expect([uids.length, new Set(uids).size]).toEqual([COUNT, COUNT]);
      expect(await mailboxAt(account, 'INBOX')).toMatchObject({ total: 0, unseen: 0 });
    });

    test('what is deleted with its mailbox comes back with them', async () => {
      const account = await freshAccount(store());
      const inbox = (await mailboxAt(account, 'INBOX')).id;
      const { id } = await account.createMailbox('large');
      await deliver(store(), account, inbox, [message()]);
      for (let total = 1; total < COUNT; total = (await mailboxAt(account, 'INBOX')).total) {
        await account.copy(inbox, [[1, Math.min(total, COUNT - total)]], inbox);
      }
      const item = (await placementsOf(account, inbox))[0]?.item ?? 0;
      await account.move(inbox, ALL, id);
      await account.setFlags(id, ALL, SEEN);
      expect(await owes(store(), account, id)).toBe(true);
      await account.deleteMailbox(id);
      const { target } = await account.restore([item], inbox);
      const restored = (await placementsOf(account, inbox)).filter(({ uid }) => target.includes(uid));
      expect(flagsOf(restored)).toEqual([Flag.seen]);
    });

    test('an INBOX that is renamed gives up its messages with them', async () => {
      const { account } = await owing(store());
      await account.renameMailbox((await mailboxAt(account, 'INBOX')).id, 'old');
      expect(flagsOf(await placementsOf(account, (await mailboxAt(account, 'old')).id))).toEqual([Flag.seen]);
      expect(await mailboxAt(account, 'old')).toMatchObject({ total: COUNT, unseen: 0 });
    });

    test('a replaced one is counted as it was', async () => {
      const { account, id } = await owing(store());
      const staged = await (async () => {
        const staging = store().stage({ maxBytes: 1_000 });
        await staging.write(Buffer.from(message({ subject: 'again' })));
        return await staging.finish();
      })();
      await account.replace(id, 5, { staged });
      await staged[Symbol.asyncDispose]();
      expect(await mailboxAt(account, 'INBOX')).toMatchObject({ total: COUNT, unseen: 1 });
    });

    test('an annotation made meanwhile stays the newer change', async () => {
      const { account, id } = await filled(store(), COUNT);
      const { id: trash } = await mailboxAt(account, 'Trash');
      await account.copy(id, [[1, 1]], trash);
      await account.setFlags(id, ALL, SEEN);
      const comment = { name: '/comment', shared: true, value: 'later' };
      await account.annotate(trash, ALL, [comment], { reader: 'anna' });
      expect(await owes(store(), account, id)).toBe(true);
      const { modseq } = await mailboxAt(account, 'INBOX');
      expect((await placementsOf(account, id))[0]).toMatchObject({ uid: 1, flags: Flag.seen, modseq });
    });

    test('a flag that a reader of all gives to all is owed like any other', async () => {
      const { account, id } = await filled(store(), COUNT);
      const both: FlagChange = { ...SEEN, flags: Flag.seen | Flag.flagged };
      await account.setFlags(id, ALL, both, { reader: 'bert' });
      expect(await owes(store(), account, id)).toBe(true);
      expect(await account.readerStatus(id, 'bert')).toMatchObject({ unseen: 0 });
      expect(await mailboxAt(account, 'INBOX')).toMatchObject({ unseen: COUNT });
      expect(flagsOf(await placementsOf(account, id))).toEqual([Flag.flagged]);
    });
  });
}
