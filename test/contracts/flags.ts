// Contracts of flags and keywords: what changes, what gets a new modseq, and how little of it is logged.
import { describe, expect, test } from 'vitest';
import { KEYWORDS, KEYWORDS_PER_MESSAGE } from '#storage/account/limits.ts';
import { Flag, type FlagChange, type MailAccount, type UidSet } from '#storage/ports.ts';
import type { SqlStore } from '#test/support/sql-store.ts';
import { ALL, changesSince, filled, mailboxAt, message, placementsOf, sequence, stage } from './fixture.ts';

const add = (flags: number, keywords: string[] = []): FlagChange => ({ action: 'add', flags, keywords });
const remove = (flags: number, keywords: string[] = []): FlagChange => ({ action: 'remove', flags, keywords });
const replace = (flags: number, keywords: string[] = []): FlagChange => ({ action: 'replace', flags, keywords });

/** Flags and keyword names of a mailbox, by UID. */
async function flagsOf(account: MailAccount, mailbox: number): Promise<Map<number, string>> {
  const names = await account.keywords();
  const rows = await placementsOf(account, mailbox);
  return new Map(
    rows.map((row) => {
      const keywords = row.keywords === '' ? [] : row.keywords.split(' ').map((id) => names.get(Number(id)));
      return [row.uid, [row.flags, ...keywords].join(' ')];
    }),
  );
}

export function flagContracts(store: () => SqlStore): void {
  describe('flags', () => {
    test('flags and keywords are added, removed and replaced', async () => {
      const { account, id } = await filled(store(), 3);
      await account.setFlags(id, [[1, 2]], add(Flag.seen | Flag.flagged, ['Work', '$Junk']));
      expect([...(await flagsOf(account, id)).values()]).toEqual(['5 Work $Junk', '5 Work $Junk', '0']);
      await account.setFlags(id, [[2, 9]], remove(Flag.seen, ['WORK', 'unknown']));
      expect([...(await flagsOf(account, id)).values()]).toEqual(['5 Work $Junk', '4 $Junk', '0']);
      await account.setFlags(id, ALL, replace(Flag.draft, ['later', 'work']));
      expect([...(await flagsOf(account, id)).values()]).toEqual(['16 Work later', '16 Work later', '16 Work later']);
      await account.setFlags(
        id,
        [
          [1, 1],
          [3, 3],
        ],
        replace(0),
      );
      expect([...(await flagsOf(account, id)).values()]).toEqual(['0', '16 Work later', '0']);
      expect([...(await account.keywords()).values()]).toEqual(['Work', '$Junk', 'later']);
    });

    test('only what really changes gets a new modseq, and no change is no commit (RFC 7162 3.1)', async () => {
      const { account, id } = await filled(store(), 4);
      await account.setFlags(id, [[2, 2]], add(Flag.seen));
      const before = await placementsOf(account, id);
      const cursor = await account.cursor('mail');
      const { modseq } = await account.setFlags(id, [[1, 3]], add(Flag.seen));
      const after = await placementsOf(account, id);
      expect(after.map((row) => row.modseq)).toEqual([modseq, before[1]?.modseq, modseq, before[3]?.modseq]);
      expect((await changesSince(account, cursor)).rows).toMatchObject([
        { kind: 'set', reason: 'flags', collection: id, uid: 1, last: 1 },
        { kind: 'set', reason: 'flags', collection: id, uid: 3, last: 3 },
      ]);
      expect(await mailboxAt(account, 'INBOX')).toMatchObject({ modseq, counted: modseq, unseen: 1 });
      const generation = account.generation();
      expect(await account.setFlags(id, [[1, 3]], add(Flag.seen))).toEqual({ modseq, modified: [] });
      expect(account.generation()).toBe(generation);
      await account.setFlags(id, [[1, 3]], add(Flag.flagged));
      expect(await mailboxAt(account, 'INBOX')).toMatchObject({ modseq: modseq + 1, counted: modseq });
    });

    test('what was changed after unchangedSince is left alone and told (RFC 7162 3.1.3)', async () => {
      for (const count of [6, 3_000]) {
        const { account, id } = await filled(store(), count);
        const { modseq } = await mailboxAt(account, 'INBOX');
        await account.setFlags(
          id,
          [
            [2, 3],
            [count, count],
          ],
          add(Flag.flagged),
        );
        const step = await account.setFlags(id, ALL, add(Flag.seen), { unchangedSince: modseq });
        expect(step.modified).toEqual([2, 3, count]);
        const flags = await flagsOf(account, id);
        expect([1, 2, 3, 4, count].map((uid) => flags.get(uid))).toEqual(['1', '4', '4', '1', '4']);
        expect((await mailboxAt(account, 'INBOX')).unseen).toBe(3);
        const none = await account.setFlags(id, [[1, 4]], add(Flag.draft), { unchangedSince: 0 });
        expect(none.modified).toEqual([1, 2, 3, 4]);
      }
    });

    test('a STORE over 100,000 messages writes at most 10 rows of the log', async () => {
      const { account, id } = await filled(store(), 100_000);
      for (const change of [add(Flag.seen), add(0, ['work']), replace(Flag.flagged), remove(Flag.flagged)]) {
        const cursor = await account.cursor('mail');
        await account.setFlags(id, ALL, change);
        const { rows } = await changesSince(account, cursor);
        expect(rows.length).toBeLessThanOrEqual(10);
        const covered = rows.flatMap((row) => [row.uid, row.last]);
        expect([Math.min(...covered), Math.max(...covered)]).toEqual([1, 100_000]);
      }
      expect(await mailboxAt(account, 'INBOX')).toMatchObject({ total: 100_000, unseen: 100_000 });
      let seen = 0;
      for await (const page of account.placements(id, ALL)) seen += page.filter((row) => row.flags === 0).length;
      expect(seen).toBe(100_000);
    });

    test('every set of UIDs changes exactly its messages', async () => {
      const { account, id } = await filled(store(), 1_200);
      await account.expunge(
        id,
        [
          [100, 150],
          [700, 700],
        ],
        { onlyDeleted: false },
      );
      const live = new Set((await placementsOf(account, id)).map((row) => row.uid));
      const odd = sequence(0, 599).map((index) => [index * 2 + 1, index * 2 + 1] as const);
      const sets: UidSet[] = [
        odd,
        [[1, 64]],
        [
          [50, 200],
          [300, 1_100],
        ],
        [[1_200, 9_999]],
        [],
        [[101, 149]],
      ];
      for (const uids of sets) {
        await account.setFlags(id, ALL, replace(0));
        await account.setFlags(id, uids, add(Flag.answered, ['some']));
        const expected = uids.flatMap(([first, last]) => sequence(first, Math.min(last, 1_200)));
        const changed = [...(await flagsOf(account, id))].filter(([, flags]) => flags === '2 some');
        expect(changed.map(([uid]) => uid)).toEqual(expected.filter((uid) => live.has(uid)));
      }
    });

    test('messages with many different keywords are changed like any others', async () => {
      const { account, id } = await filled(store(), 200);
      for (const bit of sequence(0, 5)) {
        const uids = sequence(1, 200).filter((uid) => (uid >> bit) & 1);
        await account.setFlags(
          id,
          uids.map((uid) => [uid, uid] as const),
          add(0, [`bit${bit}`]),
        );
      }
      await account.setFlags(id, ALL, add(Flag.flagged, ['all']));
      await account.setFlags(id, [[1, 150]], remove(0, ['bit0']));
      const flags = await flagsOf(account, id);
      for (const uid of sequence(1, 200)) {
        const bits = sequence(uid <= 150 ? 1 : 0, 5).filter((bit) => (uid >> bit) & 1);
        expect(flags.get(uid)).toBe(['4', ...bits.map((bit) => `bit${bit}`), 'all'].join(' '));
      }
    });

    test.each(['', 'a b', 'a(b', 'a"b', 'a]b', 'a\\b', 'a%', 'é', 'x'.repeat(256)])(
      '%j is no keyword',
      async (name) => {
        const { account, id } = await filled(store(), 1);
        await expect(account.setFlags(id, ALL, add(0, [name]))).rejects.toMatchObject({ code: 'invalid' });
      },
    );

    test('keywords have limits per message and per account, and a refused change leaves nothing', async () => {
      const { account, id } = await filled(store(), 2);
      const names = sequence(1, KEYWORDS + 1).map((index) => `k${index}`);
      const most = names.slice(0, KEYWORDS_PER_MESSAGE);
      await account.setFlags(id, ALL, add(0, most));
      await expect(account.setFlags(id, ALL, add(0, ['one-more']))).rejects.toMatchObject({ code: 'limit' });
      expect([...(await account.keywords()).values()]).toEqual(most);
      await account.setFlags(id, ALL, replace(0));
      for (let from = 0; from < KEYWORDS; from += 50) {
        await account.setFlags(id, [[1, 1]], replace(0, names.slice(from, from + 50)));
      }
      await expect(account.setFlags(id, [[2, 2]], add(0, ['k0']))).rejects.toMatchObject({ code: 'limit' });
      expect((await account.keywords()).size).toBe(KEYWORDS);
      const staged = await stage(store(), message());
      await expect(account.append(id, [{ staged, keywords: ['k0'] }])).rejects.toMatchObject({ code: 'limit' });
    });
  });
}
