// Contracts of the change feed: pages, cursors, floors, and who is woken when.
import { describe, expect, test } from 'vitest';
import { markLog, pruneLog } from '#storage/changes/prune.ts';
import { type ChangeClass, Flag, type MailAccount } from '#storage/ports.ts';
import type { SqlStore } from '#test/support/sql-store.ts';
import { ALL, changesSince, deliver, freshAccount, mailboxAt, message, placementsOf } from './fixture.ts';

/** Cuts a class's log to its last rows. */
async function prune(store: SqlStore, account: MailAccount, rows: number, changeClass: ChangeClass = 'mail') {
  const key = { kind: 'account', id: account.id } as const;
  const keep = { rows, age: 86_400_000 };
  while (await store.engine.write(key, () => pruneLog(account.id, changeClass, store.clock.now, keep)));
}

export function changeContracts(store: () => SqlStore, many: number): void {
  describe('changes', () => {
    test('pages of any size give the same rows, also in the middle of a transaction’s', async () => {
      const account = await freshAccount(store());
      const inbox = await mailboxAt(account, 'INBOX');
      const cursor = await account.cursor('mail');
      await deliver(store(), account, inbox.id, [message(), message(), message()]);
      await account.setFlags(inbox.id, [[1, 2]], { action: 'add', flags: Flag.seen, keywords: [] });
      await account.move(inbox.id, ALL, (await mailboxAt(account, 'Trash')).id);
      const whole = await account.changes('mail', cursor, 1_000);
      expect(whole.rows.map((row) => row.kind).join()).toBe('add,add,add,set,remove,remove,remove,add,add,add');
      expect(whole.more).toBe(false);
      for (const limit of [1, 2, 3, 7, 10]) {
        const paged = await changesSince(account, cursor, limit);
        expect(paged.rows).toEqual(whole.rows);
        expect(paged.cursor).toBe(whole.cursor);
      }
      expect(whole.cursor).toBe(await account.cursor('mail'));
      expect(await account.changes('mail', whole.cursor, 5)).toEqual({ rows: [], cursor: whole.cursor, more: false });
    });

    test('a filter leaves out rows and never the way past them', async () => {
      const account = await freshAccount(store());
      const [inbox, trash] = [await mailboxAt(account, 'INBOX'), await mailboxAt(account, 'Trash')];
      const cursor = await account.cursor('mail');
      await deliver(store(), account, inbox.id, [message()]);
      while ((await mailboxAt(account, 'INBOX')).total < 4_096) await account.copy(inbox.id, ALL, inbox.id);
      await deliver(store(), account, trash.id, [message(), message()]);
      const found = [];
      let pages = 0;
      for (let at = cursor; ; pages += 1) {
        const page = await account.changes('mail', at, 1, { collection: trash.id });
        found.push(...page.rows);
        at = page.cursor;
        if (!page.more) break;
      }
      expect(found.map((row) => [row.collection, row.uid])).toEqual([
        [trash.id, 1],
        [trash.id, 2],
      ]);
      expect(pages).toBeLessThan(10);
      await account.setSubscribed('one', 'x', true);
      await account.setSubscribed('two', 'y', true);
      const names = async (reader: string) => {
        const start = await account.changes('mail', cursor, 1, { reader });
        const rows = [...start.rows];
        for (let page = start; page.more; ) {
          page = await account.changes('mail', page.cursor, 500, { reader });
          rows.push(...page.rows);
        }
        return rows.map((row) => row.name).filter((name) => name !== '');
      };
      expect(await names('one')).toEqual(['x']);
      expect(await names('two')).toEqual(['y']);
      expect(await names('')).toEqual([]);
    });

    test.each(['', 'x', '1', '0.1', '1.1.1.1', '-1.5', '1.99999999999999999999', '7.1', '1.9007199254740991', '1. 1'])(
      'the cursor %j is stale: it was never given',
      async (cursor) => {
        const account = await freshAccount(store());
        await expect(account.changes('mail', cursor, 5)).rejects.toMatchObject({ code: 'stale-cursor' });
      },
    );

    test('below the floor a cursor is stale, at it and above it is good', async () => {
      const account = await freshAccount(store());
      const inbox = await mailboxAt(account, 'INBOX');
      const cursors = [await account.cursor('mail')];
      for (let index = 0; index < 6; index += 1) {
        await deliver(store(), account, inbox.id, [message(), message()]);
        cursors.push(await account.cursor('mail'));
      }
      const middle = (await account.changes('mail', cursors[1] ?? '', 1)).cursor;
      const whole = await account.changes('mail', cursors[3] ?? '', 100);
      await prune(store(), account, 6);
      for (const stale of [...cursors.slice(0, 3), middle]) {
        await expect(account.changes('mail', stale, 5)).rejects.toMatchObject({ code: 'stale-cursor' });
      }
      expect(await account.changes('mail', cursors[3] ?? '', 100)).toEqual(whole);
      const half = (await account.changes('mail', cursors[3] ?? '', 1)).cursor;
      await prune(store(), account, 5);
      await expect(account.changes('mail', half, 5)).rejects.toMatchObject({ code: 'stale-cursor' });
      await prune(store(), account, 0);
      const end = cursors.at(-1) ?? '';
      expect(await account.changes('mail', end, 5)).toEqual({ rows: [], cursor: end, more: false });
    });

    test('the log is cut by age from the marks', async () => {
      const account = await freshAccount(store());
      const { engine, clock } = store();
      const key = { kind: 'account', id: account.id } as const;
      const inbox = await mailboxAt(account, 'INBOX');
      const now = clock.now;
      const keep = { rows: 100_000, age: 10_000 };
      const old = await account.cursor('mail');
      await deliver(store(), account, inbox.id, [message()]);
      await engine.write(key, () => markLog(account.id, now, keep));
      const marked = await account.cursor('mail');
      await deliver(store(), account, inbox.id, [message()]);
      await engine.write(key, () => markLog(account.id, now + 9_000, keep));
      const cut = (at: number) => engine.write(key, () => pruneLog(account.id, 'mail', at, keep));
      await cut(now + 9_999);
      expect((await account.changes('mail', old, 9)).rows).toHaveLength(2);
      await cut(now + 10_000);
      await expect(account.changes('mail', old, 9)).rejects.toMatchObject({ code: 'stale-cursor' });
      expect((await account.changes('mail', marked, 9)).rows).toHaveLength(1);
      await engine.write(key, () => markLog(account.id, now + 30_000, keep));
      await cut(now + 30_000);
      await expect(account.changes('mail', marked, 9)).rejects.toMatchObject({ code: 'stale-cursor' });
    });

    test(`${many} changes of mail leave the states and floors of the other classes alone`, async () => {
      const account = await freshAccount(store());
      const [inbox, trash] = [await mailboxAt(account, 'INBOX'), await mailboxAt(account, 'Trash')];
      const before = await account.cursor('contacts');
      const old = await account.cursor('mail');
      await deliver(store(), account, inbox.id, [message()]);
      let rows = 1;
      for (let total = 1; total < many / 20; total *= 2) {
        await account.copy(inbox.id, ALL, inbox.id);
        rows += total;
      }
      const total = rows;
      for (let from = inbox.id; rows < many; rows += 2 * total) {
        const to = from === inbox.id ? trash.id : inbox.id;
        await account.move(from, ALL, to);
        from = to;
        await prune(store(), account, many / 10);
        await prune(store(), account, many / 10, 'contacts');
      }
      expect(await account.cursor('contacts')).toBe(before);
      expect(await account.changes('contacts', before, 9)).toEqual({ rows: [], cursor: before, more: false });
      await expect(account.changes('mail', old, 9)).rejects.toMatchObject({ code: 'stale-cursor' });
    });

    test('a listing since a modseq has exactly what changed after it', async () => {
      const account = await freshAccount(store());
      const inbox = await mailboxAt(account, 'INBOX');
      await deliver(store(), account, inbox.id, [message(), message(), message(), message()]);
      const { modseq } = await mailboxAt(account, 'INBOX');
      await account.setFlags(inbox.id, [[2, 3]], { action: 'add', flags: Flag.seen, keywords: [] });
      await deliver(store(), account, inbox.id, [message()]);
      const uids = async (since: number) => (await placementsOf(account, inbox.id, since)).map((row) => row.uid);
      expect(await uids(modseq)).toEqual([2, 3, 5]);
      expect(await uids(modseq + 1)).toEqual([5]);
      expect(await uids(modseq + 2)).toEqual([]);
      expect(await uids(0)).toEqual([1, 2, 3, 4, 5]);
    });

    test('the log goes on after a modseq as it does after its cursor; after one that was not given nothing comes', async () => {
      const account = await freshAccount(store());
      const inbox = await mailboxAt(account, 'INBOX');
      await deliver(store(), account, inbox.id, [message()]);
      const { modseq } = await mailboxAt(account, 'INBOX');
      expect(await account.cursorAfter('mail', modseq)).toBe(await account.cursor('mail'));
      await deliver(store(), account, inbox.id, [message(), message()]);
      const after = (await account.cursorAfter('mail', modseq)) ?? '';
      expect((await changesSince(account, after, 9)).rows.map((row) => row.uid)).toEqual([2, 3]);
      const beyond = (await account.cursorAfter('mail', Number.MAX_SAFE_INTEGER)) ?? '';
      expect((await changesSince(account, beyond, 9)).rows).toEqual([]);
      expect(await account.cursorAfter('mail', 0)).toBeNull();
    });

    test('a commit raises the generation before it is answered, and wakes subscribers', async () => {
      const account = await freshAccount(store());
      const inbox = await mailboxAt(account, 'INBOX');
      const other = store().mail(account.id);
      const before = other.generation();
      const woken = Promise.withResolvers<void>();
      using _subscription = other.subscribe(woken.resolve);
      await deliver(store(), account, inbox.id, [message()]);
      expect(other.generation()).not.toBe(before);
      await woken.promise;
    });

    test('changes at the same time follow each other, and none is lost', async () => {
      const account = await freshAccount(store());
      const inbox = await mailboxAt(account, 'INBOX');
      const cursor = await account.cursor('mail');
      const sent = await Promise.all(
        Array.from({ length: 40 }, () => deliver(store(), account, inbox.id, [message()])),
      );
      const modseqs = sent.flat().map((row) => row.modseq);
      expect(new Set(modseqs).size).toBe(40);
      const { rows } = await changesSince(account, cursor, 7);
      expect(rows.map((row) => row.modseq)).toEqual(modseqs.sort((a, b) => a - b));
      expect(rows.map((row) => row.uid)).toEqual(Array.from({ length: 40 }, (_, index) => index + 1));
    });
  });
}
