// Contracts of threads: References, then In-Reply-To, never the subject (F58); a thread never changes its id.
import { describe, expect, test } from 'vitest';
import { sweepExpunged, sweepReferences } from '#storage/account/sweep.ts';
import type { SqlStore } from '#test/support/sql-store.ts';
import { ALL, deliver, freshAccount, mailboxAt, message } from './fixture.ts';

/** All orders of a list. */
function permutations<T>(list: readonly T[]): T[][] {
  if (list.length < 2) return [[...list]];
  return list.flatMap((first, index) => permutations(list.toSpliced(index, 1)).map((rest) => [first, ...rest]));
}

export function threadContracts(store: () => SqlStore): void {
  describe('threads', () => {
    test('five linked messages form one thread in any order of arrival', async () => {
      const account = await freshAccount(store());
      const inbox = await mailboxAt(account, 'INBOX');
      for (const [round, order] of permutations([0, 1, 2, 3, 4]).entries()) {
        const id = (index: number) => `<${index}.${round}@example.test>`;
        const threads = new Set<number>();
        for (const index of order) {
          const references = [0, 1, 2, 3, 4].slice(0, index).map(id).join(' ');
          const headers = references === '' ? {} : { references };
          const [sent] = await deliver(store(), account, inbox.id, [message({ id: id(index), ...headers })]);
          if (threads.size === 0) expect(sent?.thread).toBe(sent?.message);
          threads.add(sent?.thread ?? 0);
        }
        expect(threads.size).toBe(1);
      }
    });

    test('In-Reply-To links where References are missing, the subject never does', async () => {
      const account = await freshAccount(store());
      const inbox = await mailboxAt(account, 'INBOX');
      const texts = [
        message({ id: '<a@x>', subject: 'offer' }),
        message({ id: '<b@x>', subject: 'Re: offer', inReplyTo: '<a@x>' }),
        message({ id: '<c@x>', subject: 'Re: offer' }),
        message({ subject: 'offer' }),
      ];
      const sent = await deliver(store(), account, inbox.id, texts);
      const [a, b, c, d] = sent.map((row) => row.thread);
      expect(b).toBe(a);
      expect(new Set([a, c, d]).size).toBe(3);
    });

    test('threads never merge: a message that links two joins one of them', async () => {
      const account = await freshAccount(store());
      const inbox = await mailboxAt(account, 'INBOX');
      const [a, b] = await deliver(store(), account, inbox.id, [message({ id: '<a@x>' }), message({ id: '<b@x>' })]);
      const links = message({ id: '<c@x>', references: '<a@x> <b@x>' });
      const [c] = await deliver(store(), account, inbox.id, [links]);
      expect(c?.thread).toBe(a?.thread);
      const [later] = await deliver(store(), account, inbox.id, [message({ id: '<d@x>', inReplyTo: '<b@x>' })]);
      expect(later?.thread).toBe(b?.thread);
    });

    test('a message with a thousand references is taken, and found by its first and last ones', async () => {
      const account = await freshAccount(store());
      const inbox = await mailboxAt(account, 'INBOX');
      const references = Array.from({ length: 1_000 }, (_, index) => `<${index}@x>`).join(' ');
      const [long] = await deliver(store(), account, inbox.id, [message({ id: '<long@x>', references })]);
      for (const id of ['<0@x>', '<999@x>', '<long@x>']) {
        const [reply] = await deliver(store(), account, inbox.id, [message({ inReplyTo: id })]);
        expect(reply?.thread).toBe(long?.thread);
      }
    });

    test('what led to a thread is forgotten once nothing is left of it', async () => {
      const account = await freshAccount(store());
      const { engine, clock } = store();
      const key = { kind: 'account', id: account.id } as const;
      const inbox = await mailboxAt(account, 'INBOX');
      const [gone] = await deliver(store(), account, inbox.id, [message({ id: '<gone@x>' })]);
      const [kept] = await deliver(store(), account, inbox.id, [message({ id: '<kept@x>' })]);
      await account.expunge(inbox.id, [[1, 1]], { onlyDeleted: false });
      await engine.write(key, () => sweepExpunged(account.id, clock.now + clock.retention));
      expect(await engine.write(key, () => sweepReferences(account.id, 0))).toBeUndefined();
      const [one] = await deliver(store(), account, inbox.id, [message({ inReplyTo: '<gone@x>' })]);
      const [two] = await deliver(store(), account, inbox.id, [message({ inReplyTo: '<kept@x>' })]);
      expect(one?.thread).toBe(one?.message);
      expect(one?.thread).not.toBe(gone?.thread);
      expect(two?.thread).toBe(kept?.thread);
      await account.expunge(inbox.id, ALL, { onlyDeleted: false });
    });
  });
}
