// Contracts of content that an account is given more than once: stored once, kept while anybody uses it, and nobody's but
// whose bytes it is.
import { describe, expect, test } from 'vitest';
import { append } from '#storage/account/append.ts';
import { incoming } from '#storage/account/incoming.ts';
import { referencedBlobs, sweepExpunged } from '#storage/account/sweep.ts';
import { type Op, one } from '#storage/operation.ts';
import type { MailAccount, MessageContent } from '#storage/ports.ts';
import { seeded } from '#test/support/random.ts';
import type { SqlStore } from '#test/support/sql-store.ts';
import { ALL, deliver, freshAccount, mailboxAt, message, sequence, stage } from './fixture.ts';

/** Text of 4 KB that packs into some 3 KB. */
function text(seed: number): string {
  const random = seeded(seed);
  return `${Array.from({ length: 60 }, () => `${random()}`.padEnd(60, 'x')).join('\r\n')}\r\n`;
}

const ID = '<one@example.test>';
const SAME = message({ id: ID, body: text(1) });

async function bytesOf(content: MessageContent): Promise<string> {
  return Buffer.from(await content.bytes()).toString('latin1');
}

export function singleInstanceContracts(store: () => SqlStore): void {
  /** How many bodies of an account are stored. */
  async function bodies(account: MailAccount): Promise<number> {
    const sql = 'SELECT count(*) AS n FROM content WHERE account = $1 AND message > 0 AND body IS NOT NULL';
    const row = await store().engine.read({ kind: 'account', id: account.id }, () =>
      one<{ n: number }>(sql, [account.id]),
    );
    return row?.n ?? -1;
  }

  /** Expunges these UIDs for good. */
  async function destroy(account: MailAccount, mailbox: number, uids: readonly number[]): Promise<void> {
    const { clock, engine } = store();
    await account.expunge(
      mailbox,
      uids.map((uid) => [uid, uid]),
      { onlyDeleted: false },
    );
    await engine.write({ kind: 'account', id: account.id }, () =>
      sweepExpunged(account.id, clock.now + clock.retention),
    );
  }

  /** Every message's bytes, read in each of the ways there are; they must be the same. */
  async function textsOf(account: MailAccount, mailbox: number, inline = true): Promise<string[]> {
    const found: string[] = [];
    for await (const page of account.listing(mailbox, ALL, ['message', 'header', 'content'])) {
      for (const row of page) {
        const whole = await bytesOf(row.content);
        expect(await bytesOf(await account.content(row.message))).toBe(whole);
        const header = Buffer.from(row.header ?? []).toString('latin1');
        expect(whole.slice(0, header.length)).toBe(header);
        const looked: string[] = [];
        const isHere = row.content.look(0, row.content.size, (pieces) => {
          looked.push(Buffer.concat(pieces).toString('latin1'));
        });
        expect([isHere, looked.join('')]).toEqual([inline, inline ? whole : '']);
        found.push(whole);
      }
    }
    for await (const page of account.listing(mailbox, ALL, ['header'])) {
      for (const [index, row] of page.entries()) {
        const header = Buffer.from(row.header ?? []).toString('latin1');
        expect(header.length).toBeGreaterThan(10);
        expect(found[index]?.startsWith(header)).toBe(true);
      }
    }
    return found;
  }

  async function inboxOf(account: MailAccount): Promise<number> {
    return (await mailboxAt(account, 'INBOX')).id;
  }

  describe('content that comes again', () => {
    test('is stored once, in one APPEND and in several, and each message has its bytes', async () => {
      const account = await freshAccount(store());
      const inbox = await inboxOf(account);
      await deliver(store(), account, inbox, [SAME, SAME]);
      const archive = (await mailboxAt(account, 'Archive')).id;
      await deliver(store(), account, archive, [SAME]);
      expect(await bodies(account)).toBe(1);
      expect(await textsOf(account, inbox)).toEqual([SAME, SAME]);
      expect(await textsOf(account, archive)).toEqual([SAME]);
      // The quota counts what a user has, not what it takes.
      expect(await account.quota()).toMatchObject({ messages: 3, bytes: 3 * SAME.length });
    });

    test('under another header shares the body alone, as a copy by FETCH and APPEND of what was delivered does', async () => {
      const account = await freshAccount(store());
      const inbox = await inboxOf(account);
      const prefix = 'Return-Path: <anna@example.test>\r\nReceived: from peer\r\n';
      await deliver(store(), account, inbox, [SAME], { prefix: Buffer.from(prefix) });
      const [delivered = ''] = await textsOf(account, inbox);
      await deliver(store(), account, inbox, [delivered]);
      await deliver(store(), account, inbox, [delivered], { prefix: Buffer.from('Received: again\r\n') });
      expect(await bodies(account)).toBe(1);
      expect(await textsOf(account, inbox)).toEqual([delivered, delivered, `Received: again\r\n${delivered}`]);
    });

    test('is another’s when only the Message-ID is the same, whoever came first', async () => {
      const account = await freshAccount(store());
      const inbox = await inboxOf(account);
      const other = message({ id: ID, body: text(2) });
      // As long as the first, and different in the last byte alone.
      const alike = `${SAME.slice(0, -3)}#\r\n`;
      const texts = [SAME, other, alike, SAME, other, alike, alike];
      for (const one of texts) await deliver(store(), account, inbox, [one]);
      expect(await textsOf(account, inbox)).toEqual(texts);
      expect(await bodies(account)).toBe(6);
    });

    test('is stored again for another account', async () => {
      const accounts = [await freshAccount(store()), await freshAccount(store())];
      for (const account of accounts) await deliver(store(), account, await inboxOf(account), [SAME]);
      for (const account of accounts) expect(await bodies(account)).toBe(1);
    });

    test('shares a large body under any header and Message-ID, until the last that names it is gone', async () => {
      const account = await freshAccount(store());
      const inbox = await inboxOf(account);
      const body = text(5).repeat(20);
      const texts = [message({ id: ID, body }), message({ id: '<two@example.test>', subject: 'another', body })];
      await deliver(store(), account, inbox, texts);
      const { blobs, engine } = store();
      const swept = () =>
        blobs.sweep(account.id, (names) =>
          engine.read({ kind: 'account', id: account.id }, () => referencedBlobs(account.id, names)),
        );
      expect(await Array.fromAsync(blobs.names(account.id))).toHaveLength(1);
      expect(await textsOf(account, inbox, false)).toEqual(texts);
      await destroy(account, inbox, [1]);
      expect(await swept()).toBe(0);
      expect(await textsOf(account, inbox, false)).toEqual(texts.slice(1));
      await destroy(account, inbox, [2]);
      expect(await swept()).toBe(1);
    });

    test('is known after replies have named it, and where a draft is replaced', async () => {
      const account = await freshAccount(store());
      const inbox = await inboxOf(account);
      await deliver(store(), account, inbox, [message({ id: '<r@example.test>', references: ID, body: text(3) })]);
      await deliver(store(), account, inbox, [SAME]);
      await deliver(store(), account, inbox, ['Subject: a draft\r\n\r\nnothing yet']);
      const staged = await stage(store(), SAME);
      const replaced = await account.replace(inbox, 3, { staged });
      await staged[Symbol.asyncDispose]();
      expect(await bodies(account)).toBe(3);
      expect(await bytesOf(await account.content(replaced.message))).toBe(SAME);
    });

    test.each([
      ['the first goes first', [1, 2, 3]],
      ['the first goes last', [3, 2, 1]],
      ['the first goes in the middle', [2, 1, 3]],
    ])('stays until the last that uses it is gone: %s', async (_, order) => {
      const account = await freshAccount(store());
      const inbox = await inboxOf(account);
      const renamed = message({ id: ID, subject: 'another header', body: text(1) });
      await deliver(store(), account, inbox, [SAME, SAME, renamed]);
      const left = new Map([SAME, SAME, renamed].map((one, index) => [index + 1, one]));
      for (const uid of order) {
        expect(await bodies(account)).toBe(1);
        await destroy(account, inbox, [uid]);
        left.delete(uid);
        expect(await textsOf(account, inbox)).toEqual([...left.values()]);
      }
      for (const [table, key] of Object.entries({ content: 'message', content_use: 'source', message: 'id' })) {
        const sql = `SELECT ${key} FROM ${table} WHERE account = $1 AND ${key} > 0 LIMIT 1`;
        const row = await store().engine.read({ kind: 'account', id: account.id }, () => one(sql, [account.id]));
        expect([table, row]).toEqual([table, undefined]);
      }
      // What it was known by leads nowhere any more.
      await deliver(store(), account, inbox, [SAME, SAME]);
      expect(await bodies(account)).toBe(1);
      expect(await textsOf(account, inbox)).toEqual([SAME, SAME]);
    });

    test('all of it goes in one sweep, and comes back by an undelete before that', async () => {
      const account = await freshAccount(store());
      const inbox = await inboxOf(account);
      const made = await deliver(store(), account, inbox, [SAME, SAME, SAME]);
      await account.expunge(inbox, ALL, { onlyDeleted: false });
      await account.restore([made[1]?.item ?? 0]);
      await destroy(account, inbox, []);
      expect(await textsOf(account, inbox)).toEqual([SAME]);
      await destroy(account, inbox, [4]);
      expect(await bodies(account)).toBe(0);
    });

    test('is used again after its first message is gone', async () => {
      const account = await freshAccount(store());
      const inbox = await inboxOf(account);
      await deliver(store(), account, inbox, [SAME, SAME]);
      await destroy(account, inbox, [1]);
      await deliver(store(), account, inbox, [SAME]);
      expect(await bodies(account)).toBe(1);
      await destroy(account, inbox, [2]);
      expect(await textsOf(account, inbox)).toEqual([SAME]);
    });

    test('costs as many statements after hundreds of equal Message-IDs as after two', async () => {
      const account = await freshAccount(store());
      const inbox = await inboxOf(account);
      const { engine } = store();
      const counted = async (one: string): Promise<number> => {
        await using staged = await stage(store(), one);
        const entries = [incoming({ staged }, '', 0)];
        let statements = 0;
        function* counting<T>(op: Op<T>): Op<T> {
          statements = 0;
          for (let step = op.next(); ; step = op.next(yield step.value)) {
            if (step.done) return step.value;
            statements += 1;
          }
        }
        const job = { account: account.id, mailbox: inbox, path: undefined, entries, now: 0, quota: null };
        await engine.write({ kind: 'account', id: account.id }, () => counting(append(job)));
        return statements;
      };
      const [first, other] = [await counted(SAME), await counted(message({ id: ID, body: text(2) }))];
      const again = await counted(message({ id: ID, body: text(2) }));
      const texts = sequence(1, 150).flatMap((n) => {
        const one = message({ id: ID, body: text(n) });
        return [one, one];
      });
      await deliver(store(), account, inbox, texts);
      expect(await counted(message({ id: ID, body: text(2) }))).toBe(other);
      expect(await counted(message({ id: ID, body: text(2) }))).toBe(again);
      // A message that comes once costs nothing more than it did.
      expect(await counted(message({ id: '<once@example.test>', body: text(1) }))).toBe(first);
    });
  });
}
