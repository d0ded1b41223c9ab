// Contracts of mailboxes: names, system mailboxes, renaming, deleting, subscriptions, UIDVALIDITY.
import { describe, expect, test } from 'vitest';
import { DEPTH, MAILBOXES, NAME_BYTES, PATH_BYTES, SUBSCRIPTIONS } from '#storage/account/limits.ts';
import type { SqlStore } from '#test/support/sql-store.ts';
import { changesSince, deliver, freshAccount, mailboxAt, message, placementsOf, uidsOf } from './fixture.ts';

const SYSTEM = ['INBOX', 'Drafts', 'Sent', 'Junk', 'Trash', 'Archive', 'Templates'];

export function mailboxContracts(store: () => SqlStore): void {
  describe('mailboxes', () => {
    test('a new account has the system mailboxes, empty and subscribed (F114, F177)', async () => {
      const account = await freshAccount(store());
      const mailboxes = await account.mailboxes();
      expect(mailboxes.map((mailbox) => mailbox.path)).toEqual(SYSTEM);
      expect(mailboxes.map((mailbox) => mailbox.special)).toEqual(SYSTEM.map((path) => path.toLowerCase()));
      for (const mailbox of mailboxes) {
        expect(mailbox).toMatchObject({ parent: null, uidnext: 1, total: 0, unseen: 0, bytes: 0 });
        expect(mailbox.modseq).toBeGreaterThan(0);
      }
      expect(await account.subscriptions(account.id)).toEqual([...SYSTEM].sort());
    });

    test('system mailboxes are neither renamed nor deleted (F114)', async () => {
      const account = await freshAccount(store());
      for (const path of SYSTEM) {
        const { id } = await mailboxAt(account, path);
        await expect(account.deleteMailbox(id)).rejects.toMatchObject({ code: 'protected' });
        if (path === 'INBOX') continue;
        await expect(account.renameMailbox(id, 'Other')).rejects.toMatchObject({ code: 'protected' });
      }
      expect((await account.mailboxes()).map((mailbox) => mailbox.path)).toEqual(SYSTEM);
    });

    test('missing parents are made, and INBOX is one in any case', async () => {
      const account = await freshAccount(store());
      const made = await account.createMailbox('a/b/c');
      expect(made.path).toBe('a/b/c');
      expect(await mailboxAt(account, 'a/b')).toMatchObject({ path: 'a/b' });
      expect((await account.createMailbox('inbox/sub')).path).toBe('INBOX/sub');
      expect((await mailboxAt(account, 'iNbOx')).special).toBe('inbox');
      expect(await account.mailboxByPath('inbox/SUB')).toBeUndefined();
      expect(await account.mailbox(made.id)).toEqual(await mailboxAt(account, 'a/b/c'));
      expect(await account.mailbox(123_456)).toBeUndefined();
    });

    test('names are one in composed and decomposed Unicode', async () => {
      const account = await freshAccount(store());
      const made = await account.createMailbox('Gel\u0065\u0301');
      expect(made.path).toBe('Gel\u00e9');
      expect((await mailboxAt(account, 'Gele\u0301')).id).toBe(made.id);
      await expect(account.createMailbox('Gel\u00e9')).rejects.toMatchObject({ code: 'exists' });
    });

    test.each(['', '/', 'a//b', '/a', 'a/', 'a\nb', 'a\u0000', 'a\u2028', '\ud800', '#news', 'a\u0085b'])(
      'the name %j is refused as invalid',
      async (path) => {
        const account = await freshAccount(store());
        await expect(account.createMailbox(path)).rejects.toMatchObject({ code: 'invalid' });
      },
    );

    test('names that are too long or too deep are refused, those at the limit are not', async () => {
      const account = await freshAccount(store());
      const deep = (levels: number) => Array.from({ length: levels }, () => 'x').join('/');
      await expect(account.createMailbox(deep(DEPTH + 1))).rejects.toMatchObject({ code: 'limit' });
      await account.createMailbox(deep(DEPTH));
      await expect(account.createMailbox('é'.repeat(NAME_BYTES / 2 + 1))).rejects.toMatchObject({ code: 'limit' });
      await account.createMailbox('y'.repeat(NAME_BYTES));
      const long = Array.from({ length: PATH_BYTES / 250 + 1 }, () => 'z'.repeat(250)).join('/');
      await expect(account.createMailbox(long)).rejects.toMatchObject({ code: 'limit' });
      expect(await account.mailboxByPath(deep(500))).toBeUndefined();
    });

    test('a rename takes the inferiors along, makes missing superiors, and keeps ids, UIDs and UIDVALIDITY', async () => {
      const account = await freshAccount(store());
      const inner = await account.createMailbox('work/2026/may');
      await deliver(store(), account, inner.id, [message()]);
      const before = await mailboxAt(account, 'work/2026/may');
      await account.setSubscribed(account.id, 'work/2026/may', true);
      await account.renameMailbox((await mailboxAt(account, 'work/2026')).id, 'old/years/2026');
      expect(await account.mailboxByPath('work/2026')).toBeUndefined();
      expect(await mailboxAt(account, 'old/years/2026/may')).toEqual({ ...before, path: 'old/years/2026/may' });
      expect((await mailboxAt(account, 'work')).total).toBe(0);
      expect(await account.subscriptions(account.id)).toContain('old/years/2026/may');
      expect(await account.subscriptions(account.id)).not.toContain('work/2026/may');
    });

    test('a rename to a name that is taken, below itself or too deep is refused', async () => {
      const account = await freshAccount(store());
      const { id } = await account.createMailbox('a/b');
      const parent = await mailboxAt(account, 'a');
      await account.createMailbox('c');
      await expect(account.renameMailbox(id, 'c')).rejects.toMatchObject({ code: 'exists' });
      await expect(account.renameMailbox(id, 'a/b')).rejects.toMatchObject({ code: 'exists' });
      await expect(account.renameMailbox(parent.id, 'a/b/x')).rejects.toMatchObject({ code: 'invalid' });
      await expect(account.renameMailbox(parent.id, 'a/new/x')).rejects.toMatchObject({ code: 'invalid' });
      const deep = Array.from({ length: DEPTH }, (_, index) => `l${index}`).join('/');
      await expect(account.renameMailbox(parent.id, deep)).rejects.toMatchObject({ code: 'limit' });
      await expect(account.renameMailbox(9_999, 'd')).rejects.toMatchObject({ code: 'not-found' });
      expect(await account.mailboxByPath('l0')).toBeUndefined();
    });

    test('INBOX renamed gives its messages to the new mailbox and stays (RFC 9051 6.3.6)', async () => {
      const account = await freshAccount(store());
      const inbox = await mailboxAt(account, 'INBOX');
      await account.createMailbox('INBOX/sub');
      const sent = await deliver(store(), account, inbox.id, [message(), message({ subject: 'two' })]);
      await account.renameMailbox(inbox.id, 'saved/all');
      const target = await mailboxAt(account, 'saved/all');
      const moved = await placementsOf(account, target.id);
      expect(moved.map((row) => row.item)).toEqual(sent.map((row) => row.item));
      expect(moved.map((row) => row.uid)).toEqual([1, 2]);
      expect(await mailboxAt(account, 'INBOX')).toMatchObject({
        id: inbox.id,
        total: 0,
        uidnext: 3,
        unseen: 0,
        bytes: 0,
      });
      expect(await account.mailboxByPath('INBOX/sub')).toBeDefined();
      await expect(account.renameMailbox(inbox.id, 'saved/all')).rejects.toMatchObject({ code: 'exists' });
    });

    test('a mailbox is deleted, and its messages can be restored', async () => {
      const account = await freshAccount(store());
      const inner = await account.createMailbox('a/b');
      const outer = await mailboxAt(account, 'a');
      const [sent] = await deliver(store(), account, inner.id, [message()]);
      const cursor = await account.cursor('mail');
      await account.deleteMailbox(inner.id);
      expect(await account.mailboxByPath('a/b')).toBeUndefined();
      expect((await account.quota()).messages).toBe(0);
      const { rows } = await changesSince(account, cursor);
      expect(rows).toMatchObject([
        { kind: 'remove', uid: 1, item: sent?.item, object: sent?.message, thread: sent?.thread, collection: inner.id },
        { kind: 'set', reason: 'deleted', object: inner.id, uid: 0, name: 'a/b' },
      ]);
      await account.restore([sent?.item ?? 0]);
      const inbox = await mailboxAt(account, 'INBOX');
      expect(await placementsOf(account, inbox.id)).toMatchObject([{ item: sent?.item, message: sent?.message }]);
      await account.deleteMailbox(outer.id);
      await expect(account.deleteMailbox(outer.id)).rejects.toMatchObject({ code: 'not-found' });
    });

    test('a mailbox that is deleted above others leaves its name to them, which is no mailbox (RFC 3501 6.3.5)', async () => {
      const account = await freshAccount(store());
      const inner = await account.createMailbox('a/b/c');
      const [outer, middle] = [await mailboxAt(account, 'a'), await mailboxAt(account, 'a/b')];
      const [sent] = await deliver(store(), account, outer.id, [message()]);
      await deliver(store(), account, inner.id, [message({ subject: 'kept' })]);
      const cursor = await account.cursor('mail');
      await account.deleteMailbox(outer.id);
      expect(await account.mailbox(outer.id)).toBeUndefined();
      expect(await account.mailboxByPath('a')).toBeUndefined();
      expect((await account.mailboxes()).map(({ path }) => path)).not.toContain('a');
      expect(await mailboxAt(account, 'a/b')).toEqual({ ...middle, parent: null });
      expect(await mailboxAt(account, 'a/b/c')).toMatchObject({ id: inner.id, parent: middle.id, total: 1 });
      expect((await changesSince(account, cursor)).rows).toMatchObject([
        { kind: 'remove', uid: 1, item: sent?.item, collection: outer.id },
        { kind: 'set', reason: 'deleted', object: outer.id, name: 'a' },
        { kind: 'set', reason: 'renamed', object: middle.id, name: 'a/b' },
      ]);
      for (const work of [
        () => account.deleteMailbox(outer.id),
        () => account.renameMailbox(outer.id, 'z'),
        () => account.copy(inner.id, [[1, 1]], outer.id),
        () => account.metadata(outer.id),
      ]) {
        await expect(work()).rejects.toMatchObject({ code: 'not-found' });
      }
      // What was in it comes back into INBOX.
      await account.restore([sent?.item ?? 0]);
      expect((await mailboxAt(account, 'INBOX')).total).toBe(1);
    });

    test('a mailbox made again at a name that was left is another one, above the same mailboxes', async () => {
      const account = await freshAccount(store());
      const inner = await account.createMailbox('a/b');
      const outer = await mailboxAt(account, 'a');
      await account.deleteMailbox(outer.id);
      const beside = await account.createMailbox('a/d');
      expect(beside.parent).toBeNull();
      await expect(account.renameMailbox(beside.id, 'a')).rejects.toMatchObject({ code: 'exists' });
      const cursor = await account.cursor('mail');
      const again = await account.createMailbox('a');
      expect(again.id).not.toBe(outer.id);
      expect(again.uidvalidity).toBeGreaterThan(outer.uidvalidity);
      expect(await mailboxAt(account, 'a/b')).toEqual({ ...inner, parent: again.id });
      expect(await mailboxAt(account, 'a/d')).toEqual({ ...beside, parent: again.id });
      expect((await changesSince(account, cursor)).rows).toMatchObject([
        { reason: 'created', object: again.id, name: 'a' },
        { reason: 'renamed', object: inner.id, name: 'a/b' },
        { reason: 'renamed', object: beside.id, name: 'a/d' },
      ]);
      await expect(account.createMailbox('a')).rejects.toMatchObject({ code: 'exists' });
    });

    test('a name that was left goes with the last mailbox below it', async () => {
      const account = await freshAccount(store());
      const inner = await account.createMailbox('a/b/c');
      for (const path of ['a', 'a/b']) await account.deleteMailbox((await mailboxAt(account, path)).id);
      await account.renameMailbox(inner.id, 'a/x');
      await account.renameMailbox(inner.id, 'c');
      // Were the name there still, nothing could be renamed to it.
      await account.renameMailbox(inner.id, 'a');
      expect(await mailboxAt(account, 'a')).toMatchObject({ id: inner.id, parent: null });
      const deep = await account.createMailbox('a/b/c');
      for (const path of ['a', 'a/b']) await account.deleteMailbox((await mailboxAt(account, path)).id);
      await account.deleteMailbox(deep.id);
      expect((await account.createMailbox('a')).parent).toBeNull();
      expect(await account.mailboxByPath('a/b')).toBeUndefined();
    });

    test('a mailbox that is deleted and made again has another id and a greater UIDVALIDITY, whatever the clock says', async () => {
      const account = await freshAccount(store());
      const { clock } = store();
      const now = clock.now;
      const seen: number[] = [];
      for (const step of [0, 0, -3_600_000, 5_000, -1, 0]) {
        clock.now += step;
        const made = await account.createMailbox('again');
        expect(made.uidnext).toBe(1);
        seen.push(made.uidvalidity);
        await account.deleteMailbox(made.id);
      }
      clock.now = now;
      expect(seen).toEqual([...new Set(seen)].sort((a, b) => a - b));
    });

    test('one special use belongs to one mailbox', async () => {
      const account = await freshAccount(store());
      await expect(account.createMailbox('Sent 2', { special: 'sent' })).rejects.toMatchObject({ code: 'invalid' });
    });

    test('subscriptions are by subscriber, need no mailbox, and are logged for the one they concern', async () => {
      const account = await freshAccount(store());
      const cursor = await account.cursor('mail');
      await account.setSubscribed('other', 'not/there', true);
      await account.setSubscribed('other', 'not/there', true);
      await account.setSubscribed('other', 'inbox', true);
      expect(await account.subscriptions('other')).toEqual(['INBOX', 'not/there']);
      expect(await account.subscriptions(account.id)).toEqual([...SYSTEM].sort());
      await account.setSubscribed('other', 'not/there', false);
      await account.setSubscribed('other', 'not/there', false);
      expect(await account.subscriptions('other')).toEqual(['INBOX']);
      const { rows } = await changesSince(account, cursor);
      expect(rows.map((row) => [row.reason, row.name, row.reader])).toEqual([
        ['subscribed', 'not/there', 'other'],
        ['subscribed', 'INBOX', 'other'],
        ['unsubscribed', 'not/there', 'other'],
      ]);
      await expect(account.setSubscribed('other', 'a\nb', true)).rejects.toMatchObject({ code: 'invalid' });
      expect(SUBSCRIPTIONS).toBeGreaterThan(MAILBOXES);
    });

    test('annotations of a mailbox go with it, those of the account stay, a tag\u2019s colour is the keyword\u2019s (F119)', async () => {
      const account = await freshAccount(store());
      const { id } = await account.createMailbox('annotated');
      const [value, colour] = [Buffer.from('x\0y'), Buffer.from('#3366cc')];
      const tag = '/private/vendor/posthuis/tags/work/color';
      await account.setMetadata(id, [
        ['/private/a', value],
        ['/shared/b', value],
      ]);
      await account.setMetadata(id, [['/private/a', null]]);
      await account.setMetadata(null, [[tag, colour]]);
      const bytes = async (mailbox: number | null) =>
        [...(await account.metadata(mailbox))].map(([name, found]) => [name, Buffer.from(found)]);
      expect(await bytes(id)).toEqual([['/shared/b', value]]);
      expect(await bytes(null)).toEqual([[tag, colour]]);
      expect([...(await account.keywords()).values()]).toContain('work');
      await account.deleteMailbox(id);
      await expect(account.metadata(id)).rejects.toMatchObject({ code: 'not-found' });
      await expect(account.setMetadata(id, [['/private/a', value]])).rejects.toMatchObject({ code: 'not-found' });
    });

    test('UIDs go on after everything was expunged', async () => {
      const account = await freshAccount(store());
      const { id } = await account.createMailbox('uids');
      await deliver(store(), account, id, [message(), message()]);
      await account.expunge(id, [[1, 2]], { onlyDeleted: false });
      await deliver(store(), account, id, [message()]);
      expect(await uidsOf(account, id)).toEqual([3]);
    });
  });
}
