// Contracts of messages: append, bytes, listings, copy, move, replace, expunge, restore, quota, deliveries twice.
import { describe, expect, test } from 'vitest';
import { DELIVERY_ID_MS, PREFIX_BYTES } from '#storage/account/limits.ts';
import { referencedBlobs, sweepExpunged } from '#storage/account/sweep.ts';
import { Flag, type MailAccount } from '#storage/ports.ts';
import type { SqlStore } from '#test/support/sql-store.ts';
import {
  ALL,
  changesSince,
  deliver,
  freshAccount,
  listingOf,
  mailboxAt,
  message,
  placementsOf,
  sequence,
  stage,
  uidsOf,
} from './fixture.ts';

async function textOf(account: MailAccount, id: number): Promise<string> {
  const content = await account.content(id);
  return Buffer.from(await content.bytes()).toString('latin1');
}

/** Text that zstd can't make small. */
function noise(bytes: number): string {
  let state = 1;
  const lines: string[] = [];
  for (let length = 0; length < bytes; length += 66) {
    let line = '';
    while (line.length < 64) {
      state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
      line += state.toString(36);
    }
    lines.push(line.slice(0, 64));
  }
  return `${lines.join('\r\n')}\r\n`;
}

export function messageContracts(store: () => SqlStore): void {
  describe('messages', () => {
    test('an append gives the next UIDs, and everything about it can be read back', async () => {
      const account = await freshAccount(store());
      const inbox = await mailboxAt(account, 'INBOX');
      const prefix = Buffer.from('Return-Path: <bert@example.test>\r\n');
      const text = message({ subject: 'the one', id: '<1@example.test>' });
      const entry = {
        ...{ prefix, flags: Flag.seen | Flag.flagged, keywords: ['$Work', 'later'] },
        ...{ received: { seconds: 1_700_000_000, offsetMinutes: -90 }, deliveredTo: 'anna+x@example.test' },
      };
      const [first, second] = await deliver(store(), account, inbox.id, [text, message()], entry);
      expect(first).toMatchObject({ mailbox: inbox.id, uidvalidity: inbox.uidvalidity, uid: 1, duplicate: false });
      expect(first?.item).toBe(first?.message);
      expect(first?.thread).toBe(first?.message);
      expect(second).toMatchObject({ uid: 2, modseq: first?.modseq });
      const [row] = await listingOf(account, inbox.id);
      expect(row).toMatchObject({
        ...{ uid: 1, message: first?.message, item: first?.item, flags: 5, modseq: first?.modseq },
        ...{ size: prefix.length + text.length, received: 1_700_000_000, receivedOffset: -90, sent: null },
        ...{ thread: first?.thread, saved: store().clock.now, traits: 0, preview: 'the text' },
      });
      expect(row?.envelope).toContain('"the one"');
      expect(Buffer.from(row?.header ?? []).toString()).toBe(
        prefix.toString() + text.slice(0, text.indexOf('the text')),
      );
      const names = await account.keywords();
      expect(row?.keywords.split(' ').map((id) => names.get(Number(id)))).toEqual(['$Work', 'later']);
      expect(await textOf(account, first?.message ?? 0)).toBe(prefix.toString() + text);
      const after = await mailboxAt(account, 'INBOX');
      const bytes = 2 * prefix.length + text.length + message().length;
      expect(after).toMatchObject({
        uidnext: 3,
        total: 2,
        unseen: 0,
        bytes,
        modseq: first?.modseq,
        counted: first?.modseq,
      });
      expect(await account.quota()).toEqual({ bytes, messages: 2, limit: null });
    });

    test('a listing gives of each header what its reader makes of it, the prefix in front', async () => {
      const account = await freshAccount(store());
      const inbox = await mailboxAt(account, 'INBOX');
      const prefix = Buffer.from('X-Before: it\r\n');
      await deliver(store(), account, inbox.id, [message(), message()], { prefix });
      const seen: string[] = [];
      const ofHeader = (header: Uint8Array) => {
        seen.push(Buffer.from(header).toString('latin1'));
        return header.slice(0, 8);
      };
      const rows = [];
      for await (const page of account.listing(inbox.id, ALL, ['header'], ofHeader)) rows.push(...page);
      expect(rows.map(({ header }) => Buffer.from(header ?? []).toString())).toEqual(['X-Before', 'X-Before']);
      const all = await listingOf(account, inbox.id);
      const whole = all.map(({ header }) => Buffer.from(header ?? []).toString('latin1'));
      expect(seen).toEqual(whole);
    });

    test('a listing gives contents, and what is at hand can be looked at: any part of it, in order', async () => {
      const account = await freshAccount(store());
      const inbox = await mailboxAt(account, 'INBOX');
      const prefix = Buffer.from('X-Before: it\r\n');
      const [small, large] = [message(), `Subject: large\r\n\r\n${'0123456789'.repeat(20_000)}\r\n`];
      await deliver(store(), account, inbox.id, [small, large, 'Subject: none\r\n\r\n'], { prefix });
      const contents = [];
      for await (const page of account.listing(inbox.id, ALL, ['content'])) contents.push(...page);
      for (const [at, text] of [small, large, 'Subject: none\r\n\r\n'].entries()) {
        const whole = prefix.toString() + text;
        const content = contents[at]?.content;
        expect(content).toMatchObject({ size: whole.length, prefixLength: prefix.length });
        const ends = [0, 1, prefix.length - 1, prefix.length, prefix.length + 5, text.indexOf('\r\n\r\n') + 18];
        for (const start of [...ends, whole.length - 1, whole.length]) {
          for (const end of [...ends, whole.length - 1, whole.length, whole.length + 9]) {
            let looked: string | undefined;
            const done = content?.look(start, end, (pieces) => {
              looked = Buffer.concat(pieces).toString('latin1');
            });
            const expected = whole.slice(start, Math.max(start, end));
            // Only a large body has to be waited for.
            expect(done).toBe(text !== large || Math.min(end, whole.length) <= prefix.length + 18);
            expect(looked, `${start} to ${end}`).toBe(done ? expected : undefined);
          }
        }
        expect(Buffer.from((await content?.bytes()) ?? []).toString('latin1')).toBe(whole);
      }
    });

    test('a listing gives bodies alone, which are looked at without their headers; a large one has to be read', async () => {
      const account = await freshAccount(store());
      const inbox = await mailboxAt(account, 'INBOX');
      const texts = ['first\r\n', `${'0123456789'.repeat(20_000)}\r\n`, ''];
      const messages = texts.map((text) => `Subject: x\r\n\r\n${text}`);
      await deliver(store(), account, inbox.id, messages, { prefix: Buffer.from('X-Before: it\r\n') });
      const seen: (string | boolean)[] = [];
      const see = (body: Uint8Array) => void seen.push(Buffer.from(body).toString('latin1'));
      for await (const page of account.listing(inbox.id, ALL, ['body'])) {
        for (const { body } of page) if (!body.lookAtBody([[0, 5]], see)) seen.push(false);
      }
      expect(seen).toEqual(['first\r\n', false, '']);
    });

    test('a listing reads only what is asked for', async () => {
      const account = await freshAccount(store());
      const inbox = await mailboxAt(account, 'INBOX');
      await deliver(store(), account, inbox.id, [message()]);
      const rows = [];
      for await (const page of account.listing(inbox.id, ALL, [])) rows.push(...page);
      for await (const page of account.listing(inbox.id, ALL, ['preview', 'keywords'])) rows.push(...page);
      for await (const page of account.listing(inbox.id, ALL, ['header', 'flags'])) rows.push(...page);
      expect(rows).toEqual([
        { uid: 1 },
        { uid: 1, preview: 'the text', keywords: '' },
        { uid: 1, flags: 0, header: expect.any(Uint8Array) },
      ]);
    });

    test.each([
      ['an empty one', ''],
      ['one of only a header', 'Subject: x\r\n\r\n'],
      ['one without a header', '\r\nbody'],
      ['one in the row', message({ body: noise(20_000) })],
      ['one in a blob', message({ body: noise(700_000) })],
    ])('any range of a message can be read: %s', async (_, text) => {
      const account = await freshAccount(store());
      const inbox = await mailboxAt(account, 'INBOX');
      const prefix = Buffer.from('X-Ours: 1\r\n');
      const [sent] = await deliver(store(), account, inbox.id, [text], { prefix });
      const content = await account.content(sent?.message ?? 0);
      const whole = prefix.toString() + text;
      expect(content.size).toBe(whole.length);
      expect(content.prefixLength).toBe(prefix.length);
      const { length } = whole;
      const cuts: [number, number][] = [
        [0, length],
        [3, 20],
        [length - 5, length],
        [length, length + 9],
        [Math.floor(length / 3), Math.floor(length / 2)],
      ];
      for (const [start, end] of cuts) {
        const bytes = await content.bytes(Math.max(0, start), end);
        expect(Buffer.from(bytes).toString('latin1') === whole.slice(Math.max(0, start), end)).toBe(true);
      }
    });

    test('messages and mailboxes that are not there are told as such', async () => {
      const account = await freshAccount(store());
      await expect(account.content(4_711)).rejects.toMatchObject({ code: 'not-found' });
      await expect(deliver(store(), account, 4_711, [message()])).rejects.toMatchObject({ code: 'not-found' });
      await expect(account.expunge(4_711, ALL, { onlyDeleted: true })).rejects.toMatchObject({ code: 'not-found' });
      const inbox = await mailboxAt(account, 'INBOX');
      await expect(account.copy(inbox.id, ALL, 4_711)).rejects.toMatchObject({ code: 'not-found' });
      await expect(account.move(4_711, ALL, inbox.id)).rejects.toMatchObject({ code: 'not-found' });
      expect(await placementsOf(account, 4_711)).toEqual([]);
    });

    test('an append that names a path is refused where the mailbox is called otherwise', async () => {
      const account = await freshAccount(store());
      const box = await account.createMailbox('a/b/c');
      await using staged = await stage(store(), message());
      await account.append(box.id, [{ staged }], { path: 'a/b/c' });
      await account.renameMailbox((await mailboxAt(account, 'a')).id, 'd');
      const stale = account.append(box.id, [{ staged }], { path: 'a/b/c' });
      await expect(stale).rejects.toMatchObject({ code: 'not-found' });
      await account.append(box.id, [{ staged }], { path: 'd/b/c' });
      expect((await mailboxAt(account, 'd/b/c')).total).toBe(2);
    });

    test('a refused entry leaves none of its command', async () => {
      const account = await freshAccount(store());
      const inbox = await mailboxAt(account, 'INBOX');
      const staged = await stage(store(), message());
      const entries = [{ staged }, { staged, keywords: ['not a keyword'] }];
      await expect(account.append(inbox.id, entries)).rejects.toMatchObject({ code: 'invalid' });
      const long = { staged, prefix: Buffer.alloc(PREFIX_BYTES + 1) };
      await expect(account.append(inbox.id, [{ staged }, long])).rejects.toMatchObject({ code: 'limit' });
      expect(await mailboxAt(account, 'INBOX')).toEqual(inbox);
    });

    test('three hundred messages in one command have one modseq and follow each other', async () => {
      const account = await freshAccount(store());
      const inbox = await mailboxAt(account, 'INBOX');
      const staged = await stage(store(), message());
      const appended = await account.append(
        inbox.id,
        sequence(1, 300).map(() => ({ staged })),
      );
      expect(appended.map((row) => row.uid)).toEqual(sequence(1, 300));
      expect(new Set(appended.map((row) => row.modseq)).size).toBe(1);
      expect(await uidsOf(account, inbox.id)).toEqual(sequence(1, 300));
    });

    test('the same delivery id within an hour adds nothing, wherever the message has gone', async () => {
      const account = await freshAccount(store());
      const { clock } = store();
      const [inbox, trash] = [await mailboxAt(account, 'INBOX'), await mailboxAt(account, 'Trash')];
      for (const text of [message({ id: '<d@example.test>' }), message()]) {
        const now = clock.now;
        const deliverOnce = async () =>
          (await deliver(store(), account, inbox.id, [text], { deliveryId: `d ${text}` }))[0];
        const first = await deliverOnce();
        expect(first?.duplicate).toBe(false);
        expect(await deliverOnce()).toEqual({ ...first, duplicate: true });
        const moved = await account.move(inbox.id, [[first?.uid ?? 0, first?.uid ?? 0]], trash.id);
        expect(await deliverOnce()).toMatchObject({ ...{ mailbox: trash.id, uid: moved.target[0] }, duplicate: true });
        await account.expunge(trash.id, ALL, { onlyDeleted: false });
        expect(await deliverOnce()).toMatchObject({ message: first?.message, duplicate: true });
        clock.now += DELIVERY_ID_MS + 1;
        expect(await deliverOnce()).toMatchObject({ duplicate: false });
        clock.now = now;
        await account.expunge(inbox.id, ALL, { onlyDeleted: false });
      }
    });

    test('a delivery id in one command twice is one message', async () => {
      const account = await freshAccount(store());
      const inbox = await mailboxAt(account, 'INBOX');
      const staged = await stage(store(), message({ id: '<twice@example.test>' }));
      const entry = { staged, deliveryId: 'twice' };
      const [first, second] = await account.append(inbox.id, [entry, entry]);
      expect(second).toEqual({ ...first, duplicate: true });
      expect((await mailboxAt(account, 'INBOX')).total).toBe(1);
    });

    test('a copy is a new item of the same message, also into the same mailbox', async () => {
      const account = await freshAccount(store());
      const inbox = await mailboxAt(account, 'INBOX');
      const [sent] = await deliver(store(), account, inbox.id, [message()], { flags: Flag.seen, keywords: ['k'] });
      const copied = await account.copy(
        inbox.id,
        [
          [1, 5],
          [7, 9],
        ],
        inbox.id,
      );
      expect(copied).toMatchObject({ uidvalidity: inbox.uidvalidity, source: [1], target: [2] });
      const [one, two] = await placementsOf(account, inbox.id);
      expect(two).toMatchObject({ message: sent?.message, flags: Flag.seen, keywords: one?.keywords });
      expect(two?.item).not.toBe(one?.item);
      expect(two?.modseq).toBe(copied.modseq);
      expect(one?.modseq).toBe(sent?.modseq);
      expect((await account.quota()).bytes).toBe(2 * message().length);
    });

    test('a move keeps message and item, also within one mailbox, and tells both sides', async () => {
      const account = await freshAccount(store());
      const [inbox, trash] = [await mailboxAt(account, 'INBOX'), await mailboxAt(account, 'Trash')];
      const sent = await deliver(store(), account, inbox.id, [message(), message(), message()]);
      const cursor = await account.cursor('mail');
      const moved = await account.move(
        inbox.id,
        [
          [1, 1],
          [3, 99],
        ],
        trash.id,
      );
      expect(moved).toMatchObject({ uidvalidity: trash.uidvalidity, source: [1, 3], target: [1, 2] });
      expect((await placementsOf(account, trash.id)).map((row) => row.item)).toEqual([sent[0]?.item, sent[2]?.item]);
      expect(await uidsOf(account, inbox.id)).toEqual([2]);
      const { rows } = await changesSince(account, cursor);
      const told = rows.map((row) => [row.kind, row.reason, row.collection, row.other, row.uid, row.item]);
      const [i, t] = [inbox.id, trash.id];
      expect(told).toEqual([
        ['remove', 'moved', i, t, 1, sent[0]?.item],
        ['add', 'moved', t, i, 1, sent[0]?.item],
        ['remove', 'moved', i, t, 3, sent[2]?.item],
        ['add', 'moved', t, i, 2, sent[2]?.item],
      ]);
      const within = await account.move(inbox.id, ALL, inbox.id);
      expect(within).toMatchObject({ source: [2], target: [4] });
      expect(await placementsOf(account, inbox.id)).toMatchObject([{ uid: 4, item: sent[1]?.item }]);
      expect(await mailboxAt(account, 'INBOX')).toMatchObject({
        total: 1,
        unseen: 1,
        bytes: message().length,
        uidnext: 5,
      });
    });

    test('copying and moving nothing is no change', async () => {
      const account = await freshAccount(store());
      const [inbox, trash] = [await mailboxAt(account, 'INBOX'), await mailboxAt(account, 'Trash')];
      const [cursor, generation] = [await account.cursor('mail'), account.generation()];
      expect(await account.copy(inbox.id, ALL, trash.id)).toMatchObject({ source: [], target: [] });
      expect(await account.move(inbox.id, [[7, 9]], trash.id)).toMatchObject({ source: [], target: [] });
      expect(await account.expunge(inbox.id, ALL, { onlyDeleted: false })).toMatchObject({ uids: [] });
      expect(await account.cursor('mail')).toBe(cursor);
      expect(account.generation()).toBe(generation);
    });

    test('thousands are copied and moved at once, in pairs and in order', async () => {
      const account = await freshAccount(store());
      const [inbox, trash] = [await mailboxAt(account, 'INBOX'), await mailboxAt(account, 'Trash')];
      await deliver(store(), account, inbox.id, [message()]);
      while ((await mailboxAt(account, 'INBOX')).total < 4_000) await account.copy(inbox.id, ALL, inbox.id);
      await account.expunge(
        inbox.id,
        [
          [1, 9],
          [20, 20],
        ],
        { onlyDeleted: false },
      );
      const before = await placementsOf(account, inbox.id);
      const moved = await account.move(inbox.id, ALL, trash.id);
      expect(moved.source).toEqual(before.map((row) => row.uid));
      expect(moved.target).toEqual(sequence(1, before.length));
      expect((await placementsOf(account, trash.id)).map((row) => row.item)).toEqual(before.map((row) => row.item));
      expect(await mailboxAt(account, 'INBOX')).toMatchObject({ total: 0, unseen: 0, bytes: 0 });
      expect((await account.quota()).messages).toBe(before.length);
    });

    test('EXPUNGE takes the deleted ones of the set, whatever their number', async () => {
      const account = await freshAccount(store());
      const inbox = await mailboxAt(account, 'INBOX');
      await deliver(store(), account, inbox.id, [message()]);
      while ((await mailboxAt(account, 'INBOX')).total < 2_048) await account.copy(inbox.id, ALL, inbox.id);
      await account.setFlags(inbox.id, [[100, 1_900]], { action: 'add', flags: Flag.deleted, keywords: [] });
      const step = await account.expunge(
        inbox.id,
        [
          [50, 120],
          [1_000, 5_000],
        ],
        { onlyDeleted: true },
      );
      expect(step.uids).toEqual([...sequence(100, 120), ...sequence(1_000, 1_900)]);
      const all = await account.expunge(inbox.id, ALL, { onlyDeleted: true });
      expect(all.uids).toEqual(sequence(121, 999));
      expect(await uidsOf(account, inbox.id)).toEqual([...sequence(1, 99), ...sequence(1_901, 2_048)]);
      expect((await mailboxAt(account, 'INBOX')).modseq).toBe(all.modseq);
    });

    test('what is expunged counts no quota, and comes back as it was but for \\Deleted', async () => {
      const account = await freshAccount(store());
      const inbox = await mailboxAt(account, 'INBOX');
      const entry = { flags: Flag.deleted | Flag.answered, keywords: ['k'] };
      const [sent] = await deliver(store(), account, inbox.id, [message()], entry);
      const item = sent?.item ?? 0;
      await account.expunge(inbox.id, ALL, { onlyDeleted: true });
      expect(await account.quota()).toMatchObject({ bytes: 0, messages: 0 });
      expect(await textOf(account, sent?.message ?? 0)).toBe(message());
      const restored = await account.restore([item, 999_999]);
      expect(restored).toMatchObject({ uidvalidity: inbox.uidvalidity, source: [1], target: [2] });
      const [row] = await placementsOf(account, inbox.id);
      expect(row).toMatchObject({
        uid: 2,
        item,
        message: sent?.message,
        flags: Flag.answered,
        modseq: restored.modseq,
      });
      expect((await account.keywords()).get(Number(row?.keywords))).toBe('k');
      expect(await account.quota()).toMatchObject({ bytes: message().length, messages: 1 });
      expect(await account.restore([item])).toMatchObject({ source: [] });
      const trash = await mailboxAt(account, 'Trash');
      await account.expunge(inbox.id, ALL, { onlyDeleted: false });
      expect(await account.restore([item], trash.id)).toMatchObject({ uidvalidity: trash.uidvalidity, target: [1] });
      await expect(account.restore([item], 4_711)).rejects.toMatchObject({ code: 'not-found' });
    });

    test('a replaced message is the same item with other content; its older version comes back as another item', async () => {
      const account = await freshAccount(store());
      const [drafts, sent] = [await mailboxAt(account, 'Drafts'), await mailboxAt(account, 'Sent')];
      const [first] = await deliver(store(), account, drafts.id, [message({ body: 'one' })]);
      const cursor = await account.cursor('mail');
      const second = await account.replace(drafts.id, 1, { staged: await stage(store(), message({ body: 'two' })) });
      expect(second).toMatchObject({ uid: 2, item: first?.item, mailbox: drafts.id });
      expect(second.message).not.toBe(first?.message);
      const { rows } = await changesSince(account, cursor);
      expect(rows.map((row) => [row.kind, row.reason, row.uid, row.item, row.object])).toEqual([
        ['remove', 'replaced', 1, first?.item, first?.message],
        ['add', 'replaced', 2, first?.item, second.message],
      ]);
      const third = await account.replace(drafts.id, 2, { staged: await stage(store(), message()) }, sent.id);
      expect(third).toMatchObject({ uid: 1, item: first?.item, mailbox: sent.id });
      expect(await placementsOf(account, drafts.id)).toEqual([]);
      await account.restore([first?.item ?? 0]);
      const [older] = await placementsOf(account, drafts.id);
      expect(older?.message).toBe(second.message);
      expect(older?.item).not.toBe(first?.item);
      expect(await textOf(account, older?.message ?? 0)).toBe(message({ body: 'two' }));
      const gone = account.replace(drafts.id, 77, { staged: await stage(store(), message()) });
      await expect(gone).rejects.toMatchObject({ code: 'not-found' });
    });

    test('nothing passes the quota, and what needs no room is never refused', async () => {
      const account = await freshAccount(store());
      const inbox = await mailboxAt(account, 'INBOX');
      const size = message().length;
      await store().directory.setQuota(account.id, 3 * size);
      await deliver(store(), account, inbox.id, [message(), message()]);
      await expect(account.copy(inbox.id, ALL, inbox.id)).rejects.toMatchObject({ code: 'over-quota' });
      await expect(deliver(store(), account, inbox.id, [message(), message()])).rejects.toMatchObject({
        code: 'over-quota',
      });
      expect([await account.hasRoom(size), await account.hasRoom(size + 1)]).toEqual([true, false]);
      expect([await account.hasRoom(size + 1, 1), await account.hasRoom(size + 2, 1)]).toEqual([true, false]);
      await deliver(store(), account, inbox.id, [message()]);
      await expect(deliver(store(), account, inbox.id, [''])).resolves.toHaveLength(1);
      const [item] = (await placementsOf(account, inbox.id)).map((row) => row.item);
      await account.expunge(inbox.id, [[1, 1]], { onlyDeleted: false });
      await deliver(store(), account, inbox.id, [message()]);
      await expect(account.restore([item ?? 0])).rejects.toMatchObject({ code: 'over-quota' });
      await store().directory.setQuota(account.id, 1);
      expect((await account.move(inbox.id, ALL, (await mailboxAt(account, 'Trash')).id)).source).toHaveLength(4);
      expect((await account.quota()).limit).toBe(1);
    });

    test('after an expunge and a sweep with no retention the log still says what it was', async () => {
      const account = await freshAccount(store());
      const { clock, engine } = store();
      const inbox = await mailboxAt(account, 'INBOX');
      const [root] = await deliver(store(), account, inbox.id, [message({ id: '<r@example.test>' })]);
      const reply = message({ id: '<a@example.test>', references: '<r@example.test>' });
      const [answer] = await deliver(store(), account, inbox.id, [reply]);
      const cursor = await account.cursor('mail');
      const retention = clock.retention;
      clock.retention = 0;
      await account.expunge(inbox.id, [[2, 2]], { onlyDeleted: false });
      clock.retention = retention;
      const swept = await engine.write({ kind: 'account', id: account.id }, () => sweepExpunged(account.id, clock.now));
      expect(swept).toMatchObject({ messages: 1, more: false });
      await expect(account.content(answer?.message ?? 0)).rejects.toMatchObject({ code: 'not-found' });
      const { rows } = await changesSince(account, cursor);
      const told = { uid: 2, item: answer?.item, object: answer?.message, thread: root?.thread };
      expect(rows).toMatchObject([{ kind: 'remove', reason: 'expunged', collection: inbox.id, ...told }]);
      expect(await account.restore([answer?.item ?? 0])).toMatchObject({ source: [] });
    });

    test('the sweeper keeps what is not due and what another placement still names', async () => {
      const account = await freshAccount(store());
      const { clock, engine, blobs } = store();
      const now = clock.now;
      const inbox = await mailboxAt(account, 'INBOX');
      const [sent] = await deliver(store(), account, inbox.id, [message({ body: noise(100_000) })]);
      await account.copy(inbox.id, [[1, 1]], inbox.id);
      await account.expunge(inbox.id, [[1, 1]], { onlyDeleted: false });
      const sweep = (at: number) =>
        engine.write({ kind: 'account', id: account.id }, () => sweepExpunged(account.id, at));
      expect(await sweep(now)).toMatchObject({ messages: 0 });
      expect(await sweep(now + clock.retention)).toMatchObject({ messages: 0 });
      expect((await textOf(account, sent?.message ?? 0)).length).toBeGreaterThan(100_000);
      await account.expunge(inbox.id, ALL, { onlyDeleted: false });
      expect(await sweep(now + clock.retention)).toMatchObject({ messages: 1, blobs: true });
      const named = (names: readonly string[]) =>
        engine.read({ kind: 'account', id: account.id }, () => referencedBlobs(account.id, names));
      expect(await blobs.sweep(account.id, named)).toBe(1);
      await expect(account.content(sent?.message ?? 0)).rejects.toMatchObject({ code: 'not-found' });
    });

    test('accounts have nothing in common', async () => {
      const [one, two] = [await freshAccount(store()), await freshAccount(store())];
      const staged = await stage(store(), message({ id: '<shared@example.test>', body: noise(100_000) }));
      for (const account of [one, two]) {
        const inbox = await mailboxAt(account, 'INBOX');
        const [sent] = await account.append(inbox.id, [{ staged, deliveryId: 'same' }]);
        expect(sent).toMatchObject({ uid: 1, duplicate: false, thread: sent?.message });
      }
      await staged[Symbol.asyncDispose]();
      await one.expunge((await mailboxAt(one, 'INBOX')).id, ALL, { onlyDeleted: false });
      const [row] = await placementsOf(two, (await mailboxAt(two, 'INBOX')).id);
      expect((await textOf(two, row?.message ?? 0)).length).toBeGreaterThan(100_000);
    });
  });
}
