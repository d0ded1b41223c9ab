// Contracts of annotations (F118): a reader's own and those for all, on a message wherever it is, bounded, told of.
import { beforeEach, describe, expect, test } from 'vitest';
import { ANNOTATED_ROWS, ANNOTATIONS } from '#storage/account/limits.ts';
import { sweepExpunged } from '#storage/account/sweep.ts';
import { all } from '#storage/operation.ts';
import type { MailAccount } from '#storage/ports.ts';
import type { SqlStore } from '#test/support/sql-store.ts';
import { ALL, changesSince, deliver, freshAccount, mailboxAt, message } from './fixture.ts';

const comment = (value: string | null, shared = false) => ({ name: '/comment', shared, value });

export function annotationContracts(current: () => SqlStore): void {
  describe('annotations of messages', () => {
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
        [1, 2, 3].map((n) => message({ subject: `${n}` })),
      );
    });

    const noted = async (reader: string, mailbox = inbox) => {
      const found: string[] = [];
      for await (const page of account.annotations(mailbox, ALL, reader))
        for (const { uid, name, shared, value } of page)
          found.push(`${uid} ${name} ${shared ? 'all' : 'own'} ${value}`);
      return found;
    };

    test('are a reader’s own or for all, replaced and taken away', async () => {
      await account.annotate(inbox, [[1, 2]], [comment('of anna'), comment('of all', true)], { reader: 'anna' });
      await account.annotate(inbox, [[2, 2]], [comment('of bert')], { reader: 'bert' });
      expect(await noted('anna')).toEqual([
        ...['1 /comment all of all', '1 /comment own of anna', '2 /comment all of all', '2 /comment own of anna'],
      ]);
      expect(await noted('bert')).toEqual(['1 /comment all of all', '2 /comment all of all', '2 /comment own of bert']);
      await account.annotate(inbox, [[1, 99]], [comment('new'), comment(null, true)], { reader: 'anna' });
      expect(await noted('anna')).toEqual(['1 /comment own new', '2 /comment own new', '3 /comment own new']);
      expect(await noted('bert')).toEqual(['2 /comment own of bert']);
      await expect(account.annotate(999, ALL, [comment('x')], { reader: 'anna' })).rejects.toMatchObject({
        code: 'not-found',
      });
    });

    test('are on a copy too, move along, come back with undelete and go with the message', async () => {
      await account.annotate(inbox, [[1, 1]], [comment('one')], { reader: 'anna' });
      await account.copy(inbox, [[1, 1]], other);
      await account.move(inbox, [[1, 1]], other);
      expect(await noted('anna')).toEqual([]);
      expect(await noted('anna', other)).toEqual(['1 /comment own one', '2 /comment own one']);
      await account.annotate(other, [[2, 2]], [comment('both')], { reader: 'anna' });
      expect(await noted('anna', other)).toEqual(['1 /comment own both', '2 /comment own both']);
      const items: number[] = [];
      const messages = new Set<number>();
      for await (const page of account.listing(other, ALL, ['item', 'message']))
        for (const { item, message: id } of page) {
          items.push(item);
          messages.add(id);
        }
      await account.expunge(other, ALL, { onlyDeleted: false });
      await account.restore(items.slice(0, 1), inbox);
      expect(await noted('anna')).toEqual(['4 /comment own both']);
      await account.expunge(inbox, [[4, 4]], { onlyDeleted: false });
      const { engine } = current();
      const db = { kind: 'account', id: account.id } as const;
      await engine.write(db, () => sweepExpunged(account.id, Number.MAX_SAFE_INTEGER));
      const rows = await engine.read(db, () =>
        all('SELECT name FROM annotation WHERE account = $1 AND message = $2', [account.id, ...messages]),
      );
      expect(rows).toEqual([]);
    });

    test('a change is a change of every placement, told in the log; no change is none', async () => {
      await account.copy(inbox, [[1, 1]], other);
      const cursor = await account.cursor('mail');
      const before = await mailboxAt(account, 'INBOX');
      await account.annotate(inbox, [[1, 1]], [comment('x')], { reader: 'anna' });
      const { rows } = await changesSince(account, cursor);
      expect(rows.map(({ kind, reason, collection, uid, name }) => [kind, reason, collection, uid, name])).toEqual([
        ['set', 'annotation', inbox, 1, '/comment'],
        ['set', 'annotation', other, 1, '/comment'],
      ]);
      const now = await mailboxAt(account, 'INBOX');
      expect([now.modseq > before.modseq, now.counted]).toEqual([true, before.counted]);
      await account.annotate(inbox, [[1, 1]], [comment('x'), comment(null, true)], { reader: 'anna' });
      expect((await mailboxAt(account, 'INBOX')).modseq).toBe(now.modseq);
      // Who knows an older state leaves it alone.
      const late = { reader: 'anna', unchangedSince: before.modseq };
      expect(await account.annotate(inbox, [[1, 3]], [comment('y')], late)).toEqual({ modified: [1] });
      expect(await noted('anna')).toEqual(['1 /comment own x', '2 /comment own y', '3 /comment own y']);
    });

    test('are bounded, and many messages are annotated in steps', async () => {
      const many = Array.from({ length: ANNOTATIONS + 1 }, (_, n) => ({ name: `/x${n}`, shared: false, value: 'v' }));
      await expect(account.annotate(inbox, [[1, 1]], many, { reader: 'anna' })).rejects.toMatchObject({
        code: 'limit',
      });
      expect(await noted('anna')).toEqual([]);
      await account.annotate(inbox, [[1, 1]], many.slice(1), { reader: 'anna' });
      expect(await noted('anna')).toHaveLength(ANNOTATIONS);
      await deliver(
        current(),
        account,
        other,
        Array.from({ length: ANNOTATED_ROWS * 2 }, () => message()),
      );
      await account.annotate(other, ALL, [comment('all of them')], { reader: 'anna' });
      expect(await noted('anna', other)).toHaveLength(ANNOTATED_ROWS * 2);
    });

    test('a message can come with some', async () => {
      await deliver(current(), account, inbox, [message()], {
        annotations: { reader: 'anna', changes: [comment('mine'), comment('ours', true)] },
      });
      expect(await noted('anna')).toEqual(['4 /comment all ours', '4 /comment own mine']);
      expect(await noted('bert')).toEqual(['4 /comment all ours']);
    });
  });
}
