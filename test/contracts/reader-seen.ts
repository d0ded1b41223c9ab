// Contracts of what each reader of a shared mailbox has seen: his own, whatever others do.
import { beforeEach, describe, expect, test } from 'vitest';
import { READER_RUNS_JOINED } from '#storage/account/limits.ts';
import { Flag, KEYWORD_BIT, type MailAccount } from '#storage/ports.ts';
import { seeded } from '#test/support/random.ts';
import type { SqlStore } from '#test/support/sql-store.ts';
import { ALL, deliver, freshAccount, mailboxAt, message } from './fixture.ts';

const SEEN = { action: 'add', flags: Flag.seen, keywords: [] } as const;
const UNSEEN = { action: 'remove', flags: Flag.seen, keywords: [] } as const;

export function readerSeenContracts(current: () => SqlStore): void {
  describe('what a reader has seen', () => {
    let account: MailAccount;
    let inbox: number;
    let other: number;
    beforeEach(async () => {
      account = await freshAccount(current());
      inbox = (await mailboxAt(account, 'INBOX')).id;
      other = (await mailboxAt(account, 'Archive')).id;
      await deliver(
        current(),
        account,
        inbox,
        Array.from({ length: 10 }, (_, n) => message({ subject: `${n}` })),
      );
    });

    /** UIDs that a reader has seen. */
    const seen = async (reader: string, mailbox = inbox) => {
      const runs = await account.seenBy(mailbox, reader, -1);
      const uids: number[] = [];
      for await (const page of account.placements(mailbox, ALL))
        for (const { uid } of page)
          if (runs.some((run) => run.seen && run.first <= uid && uid <= run.last)) uids.push(uid);
      return uids;
    };
    const flagsOf = async (mailbox = inbox) => {
      const flags: number[] = [];
      for await (const page of account.placements(mailbox, ALL)) for (const row of page) flags.push(row.flags);
      return flags;
    };

    test('is his own: no placement, no other reader and no count of the mailbox changes', async () => {
      const before = await mailboxAt(account, 'INBOX');
      const { modseq } = await account.setFlags(inbox, [[2, 5]], SEEN, { reader: 'bert' });
      await account.setFlags(inbox, [[3, 3]], UNSEEN, { reader: 'bert' });
      await account.setFlags(inbox, [[9, 99]], SEEN, { reader: 'carl' });
      await account.setFlags(inbox, [[1, 1]], SEEN);
      expect([await seen('bert'), await seen('carl'), await seen('dora')]).toEqual([[2, 4, 5], [9, 10], []]);
      expect(await flagsOf()).toEqual([Flag.seen, ...Array(9).fill(0)]);
      expect(await account.readerStatus(inbox, 'bert')).toMatchObject({ unseen: 7 });
      expect(await account.readerStatus(inbox, 'carl')).toMatchObject({ unseen: 8 });
      expect(modseq).toBe(before.modseq + 1);
      const now = await mailboxAt(account, 'INBOX');
      expect([now.unseen, now.modseq > before.modseq]).toEqual([9, true]);
      // What comes later nobody has seen.
      await deliver(current(), account, inbox, [message({ subject: 'new' })]);
      expect(await account.readerStatus(inbox, 'carl')).toMatchObject({ unseen: 9 });
      await expect(account.readerStatus(999, 'carl')).rejects.toMatchObject({ code: 'not-found' });
    });

    test('only what changes has a new modseq, and the log tells it to that reader', async () => {
      await account.setFlags(inbox, [[4, 6]], SEEN, { reader: 'bert' });
      const cursor = await account.cursor('mail');
      const generation = account.generation();
      await account.setFlags(inbox, [[5, 6]], SEEN, { reader: 'bert' });
      expect(account.generation()).toBe(generation);
      const { modseq } = await account.setFlags(inbox, [[1, 8]], SEEN, { reader: 'bert' });
      expect(await account.seenBy(inbox, 'bert', modseq - 1)).toEqual([
        { first: 1, last: 3, seen: true, modseq },
        { first: 7, last: 8, seen: true, modseq },
      ]);
      const { rows } = await account.changes('mail', cursor, 10);
      expect(rows.map(({ kind, reason, uid, last, reader }) => [kind, reason, uid, last, reader])).toEqual([
        ['set', 'seen', 1, 3, 'bert'],
        ['set', 'seen', 7, 8, 'bert'],
      ]);
      expect(await account.readerStatus(inbox, 'bert')).toEqual({ unseen: 2, modseq });
      expect((await account.readerStatus(inbox, 'carl')).modseq).toBeLessThan(modseq);
    });

    test('a reader changes common flags in common, and only what he may', async () => {
      const all = { action: 'replace', flags: Flag.seen | Flag.flagged | Flag.deleted, keywords: ['work'] } as const;
      await account.setFlags(inbox, [[1, 1]], { ...all, only: Flag.seen | Flag.flagged }, { reader: 'bert' });
      expect([(await flagsOf())[0], await seen('bert')]).toEqual([Flag.flagged, [1]]);
      await account.setFlags(inbox, [[1, 1]], { ...all, flags: 0, only: KEYWORD_BIT }, { reader: 'bert' });
      expect([(await flagsOf())[0], await seen('bert'), [...(await account.keywords()).values()]]).toEqual([
        Flag.flagged,
        [1],
        ['work'],
      ]);
      await account.setFlags(inbox, [[1, 1]], { action: 'replace', flags: 0, keywords: [] }, { reader: 'bert' });
      expect([(await flagsOf())[0], await seen('bert')]).toEqual([0, []]);
      // The owner's restrictions hold for the owner's flags.
      await account.setFlags(inbox, [[2, 2]], { ...all, only: Flag.seen });
      expect((await flagsOf())[1]).toBe(Flag.seen);
      await account.setFlags(inbox, [[2, 2]], { action: 'replace', flags: 0, keywords: [], only: Flag.deleted });
      expect((await flagsOf())[1]).toBe(Flag.seen);
    });

    test('what was changed later by anybody, or for him, is left alone', async () => {
      const start = (await mailboxAt(account, 'INBOX')).modseq;
      await account.setFlags(inbox, [[1, 1]], { action: 'add', flags: Flag.flagged, keywords: [] });
      await account.setFlags(inbox, [[2, 3]], SEEN, { reader: 'bert' });
      await account.setFlags(inbox, [[4, 4]], SEEN, { reader: 'carl' });
      const since = { reader: 'bert', unchangedSince: start };
      expect(await account.setFlags(inbox, [[1, 5]], SEEN, since)).toMatchObject({ modified: [1, 2, 3] });
      expect(await seen('bert')).toEqual([2, 3, 4, 5]);
    });

    test('what a reader adds, copies, moves and replaces is seen for him as it was', async () => {
      await account.setFlags(inbox, [[2, 3]], SEEN, { reader: 'bert' });
      await account.setFlags(inbox, [[3, 4]], SEEN);
      await account.copy(inbox, [[1, 4]], other, { reader: 'bert' });
      expect([await seen('bert', other), await flagsOf(other)]).toEqual([
        [2, 3],
        [0, 0, Flag.seen, Flag.seen],
      ]);
      await account.move(inbox, [[3, 4]], other, { reader: 'bert', keep: Flag.flagged });
      expect([await seen('bert', other), (await flagsOf(other)).slice(4)]).toEqual([
        [2, 3],
        [Flag.seen, Flag.seen],
      ]);
      expect(await mailboxAt(account, 'Archive')).toMatchObject({ total: 6, unseen: 2 });
      const entry = { flags: Flag.seen | Flag.draft };
      const [added] = await deliver(current(), account, other, [message()], { ...entry });
      expect((await flagsOf(other)).at(-1)).toBe(entry.flags);
      await using staged = await (async () => {
        const staging = current().stage({ maxBytes: 10_000 });
        await staging.write(Buffer.from(message({ subject: 'his' })));
        return await staging.finish();
      })();
      await account.append(other, [{ staged, ...entry }], { reader: 'bert' });
      const again = await account.replace(other, added?.uid ?? 0, { staged, ...entry }, other, { reader: 'bert' });
      expect((await flagsOf(other)).slice(-2)).toEqual([Flag.draft, Flag.draft]);
      expect((await seen('bert', other)).slice(-2)).toEqual([again.uid - 1, again.uid]);
    });

    test('flags that may not be kept are not copied, and counts stay right', async () => {
      const keep = Flag.flagged;
      await account.setFlags(inbox, [[1, 2]], { action: 'add', flags: 31, keywords: ['work'] });
      await account.copy(inbox, [[1, 2]], other, { keep });
      await account.move(inbox, [[1, 1]], other, { keep: keep | KEYWORD_BIT });
      expect(await flagsOf(other)).toEqual([keep, keep, keep]);
      expect(await mailboxAt(account, 'Archive')).toMatchObject({ total: 3, unseen: 3 });
      expect(await mailboxAt(account, 'INBOX')).toMatchObject({ total: 9, unseen: 8 });
    });

    test('random changes come to what a plain set of UIDs would', async () => {
      const next = seeded(7);
      const model = new Set<number>();
      for (let step = 0; step < 300; step++) {
        const first = 1 + Math.floor(next() * 10);
        const last = Math.min(10, first + Math.floor(next() * 4));
        const on = next() < 0.5;
        for (let uid = first; uid <= last; uid++) on ? model.add(uid) : model.delete(uid);
        await account.setFlags(inbox, [[first, last]], on ? SEEN : UNSEEN, { reader: 'bert' });
        const runs = await account.seenBy(inbox, 'bert', -1);
        expect(runs.every((run, at) => run.first <= run.last && run.first > (runs[at - 1]?.last ?? 0))).toBe(true);
      }
      expect(await seen('bert')).toEqual([...model].sort((a, b) => a - b));
      expect((await account.readerStatus(inbox, 'bert')).unseen).toBe(10 - model.size);
    });

    test('many runs are joined, and what is joined counts as changed', async () => {
      const texts = Array.from({ length: READER_RUNS_JOINED + 2 }, (_, n) => message({ subject: `more ${n}` }));
      await deliver(current(), account, other, texts);
      for (let uid = 1; uid < READER_RUNS_JOINED; uid++)
        await account.setFlags(other, [[uid, uid]], SEEN, { reader: 'bert' });
      expect(await account.seenBy(other, 'bert', -1)).toHaveLength(READER_RUNS_JOINED - 1);
      const { modseq } = await account.setFlags(other, [[READER_RUNS_JOINED, READER_RUNS_JOINED]], SEEN, {
        reader: 'bert',
      });
      expect(await account.seenBy(other, 'bert', modseq - 1)).toEqual([
        { first: 1, last: READER_RUNS_JOINED, seen: true, modseq },
      ]);
      await account.deleteMailbox((await account.createMailbox('gone')).id);
    });
  });
}
