// What the queue promises: a message waits until its last recipient is settled, each result counts once, and a
// destination is due when the first of its recipients is.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { AttemptResult, NewQueued, QueuedRecipient } from '#storage/ports.ts';
import type { SqlStore } from '#test/support/sql-store.ts';
import { message, type OpenStore, stage } from './fixture.ts';

/** Settles one recipient, as it was read. */
function result(recipient: QueuedRecipient, state: AttemptResult['state'], more: Partial<AttemptResult> = {}) {
  const { queued, seq, attempts, delayTold } = recipient;
  const reply = { sent: '250 2.0.0 OK', failed: '550 5.1.1 Nobody', waiting: '451 4.3.0 Later' }[state];
  const status = { sent: '2.0.0', failed: '5.1.1', waiting: '4.3.0' }[state];
  const rest = { host: 'mx.other.test', tls: '', transcript: 'S: 220 hello', nextAttempt: 9_000, delayTold };
  return { queued, seq, attempts, state, status, reply, ...rest, ...more };
}

export function queueContracts(open: OpenStore): void {
  describe('the queue', () => {
    let store: SqlStore;
    beforeAll(async () => {
      store = await open();
    });
    afterAll(() => store[Symbol.asyncDispose]());
    beforeEach(async () => {
      await store.queue.remove({});
    });

    /** A message to these addresses, due at 1,000. */
    async function outgoing(addresses: readonly string[], more: Partial<NewQueued> = {}): Promise<NewQueued> {
      return {
        staged: await stage(store, message({ subject: 'out' })),
        prefix: Buffer.from('Received: by us\r\n'),
        ...{ owner: 'anna', sender: 'anna@example.test', utf8: false, eightBit: true, requireTls: false },
        ...{ envelopeId: 'QQ314159', returnFull: true, notBefore: 1_000, expires: 500_000 },
        recipients: addresses.map((address) => ({
          address,
          domain: address.slice(address.indexOf('@') + 1),
          original: `rfc822;${address}`,
          notify: 3,
        })),
        ...more,
      };
    }

    const first = async (domain: string, now = 1_000): Promise<QueuedRecipient> => {
      const [recipient] = await store.queue.recipients(domain, now, 1);
      if (recipient === undefined) throw new Error(`nobody waits in ${domain}`);
      return recipient;
    };
    const due = async (now: number) => (await store.queue.due(now, 100)).map(({ domain }) => domain);

    test('keeps a message as it was handed in', async () => {
      const id = await store.queue.add(await outgoing(['a@one.test', 'b@two.test']));
      const body = message({ subject: 'out' });
      expect(await store.queue.message(id)).toEqual({
        ...{ id, owner: 'anna', sender: 'anna@example.test', utf8: false, eightBit: true, requireTls: false },
        ...{ envelopeId: 'QQ314159', returnFull: true, expires: 500_000, created: store.clock.now },
        size: body.length + 17,
      });
      const content = await store.queue.content(id);
      expect(Buffer.from(await content.bytes()).toString()).toBe(`Received: by us\r\n${body}`);
      expect(await first('two.test')).toEqual({
        ...{ queued: id, seq: 1, address: 'b@two.test', domain: 'two.test', route: '' },
        ...{ original: 'rfc822;b@two.test', notify: 3 },
        ...{ state: 'waiting', attempts: 0, nextAttempt: 1_000, delayTold: false, status: '', reply: '' },
      });
      expect(await store.queue.totals()).toEqual({ messages: 1, bytes: body.length + 17 });
    });

    test('keeps a large body in a file, once for all recipients', async () => {
      const text = `${message()}${'0123456789'.repeat(30_000)}\r\n`;
      await using staged = await stage(store, text);
      const id = await store.queue.add(
        await outgoing(['a@one.test', 'b@two.test'], { staged, prefix: new Uint8Array() }),
      );
      const content = await store.queue.content(id);
      const pieces: Uint8Array[] = [];
      for await (const piece of content.read()) pieces.push(piece);
      expect(Buffer.concat(pieces).equals(Buffer.from(text))).toBe(true);
      expect(await Array.fromAsync(store.blobs.names('queue'))).toContain(staged.fileHash);
    });

    test('gives no id twice', async () => {
      const ids = await Promise.all([1, 2, 3].map(async () => store.queue.add(await outgoing(['a@one.test']))));
      await store.queue.remove({});
      ids.push(await store.queue.add(await outgoing(['a@one.test'])));
      expect(new Set(ids).size).toBe(4);
    });

    test('refuses a message to nobody, or to more than it can settle at once', async () => {
      await expect(store.queue.add(await outgoing([]))).rejects.toMatchObject({ code: 'invalid' });
      const crowd = Array.from({ length: 1_001 }, (_, n) => `u${n}@one.test`);
      await expect(store.queue.add(await outgoing(crowd))).rejects.toMatchObject({ code: 'limit' });
    });

    test('a destination is due with the first of its recipients, in order of time', async () => {
      await store.queue.add(await outgoing(['a@two.test'], { notBefore: 3_000 }));
      await store.queue.add(await outgoing(['a@one.test'], { notBefore: 2_000 }));
      await store.queue.add(await outgoing(['b@two.test'], { notBefore: 4_000 }));
      expect(await due(1_999)).toEqual([]);
      expect(await store.queue.nextDue(0)).toBe(2_000);
      expect(await due(2_000)).toEqual(['one.test']);
      expect(await store.queue.nextDue(2_000)).toBe(3_000);
      expect(await due(10_000)).toEqual(['one.test', 'two.test']);
      const waiting = await store.queue.recipients('two.test', 3_500, 10);
      expect(waiting.map(({ address }) => address)).toEqual(['a@two.test']);
    });

    test('a message is gone with its last recipient, and not before', async () => {
      const id = await store.queue.add(await outgoing(['a@one.test', 'b@two.test']));
      expect(await store.queue.settle([result(await first('one.test'), 'sent')], [])).toBe(true);
      expect(await store.queue.message(id)).toBeDefined();
      expect(await due(1_000)).toEqual(['two.test']);
      expect(await store.queue.settle([result(await first('two.test'), 'failed')], [])).toBe(true);
      expect(await store.queue.message(id)).toBeUndefined();
      await expect(store.queue.content(id)).rejects.toMatchObject({ code: 'not-found' });
      expect(await store.queue.attempts(id)).toEqual([]);
      expect(await due(1_000)).toEqual([]);
      expect(await store.queue.nextDue(0)).toBeNull();
      expect(await store.queue.totals()).toEqual({ messages: 0, bytes: 0 });
    });

    test('a recipient that failed for now waits for its next time, with what was said', async () => {
      const id = await store.queue.add(await outgoing(['a@one.test']));
      await store.queue.settle([result(await first('one.test'), 'waiting', { delayTold: true })], []);
      expect(await due(8_999)).toEqual([]);
      expect(await first('one.test', 9_000)).toMatchObject({
        ...{ attempts: 1, nextAttempt: 9_000, delayTold: true, status: '4.3.0', reply: '451 4.3.0 Later' },
      });
      expect(await store.queue.attempts(id)).toEqual([
        {
          ...{ seq: 0, number: 1, at: store.clock.now, host: 'mx.other.test', tls: '', status: '4.3.0' },
          ...{ reply: '451 4.3.0 Later', transcript: 'S: 220 hello' },
        },
      ]);
    });

    test('only the last attempts are kept', async () => {
      const id = await store.queue.add(await outgoing(['a@one.test']));
      for (let n = 0; n < 13; n++) {
        await store.queue.settle([result(await first('one.test'), 'waiting', { nextAttempt: 1_000 })], []);
      }
      const numbers = (await store.queue.attempts(id)).map(({ number }) => number);
      expect(numbers).toEqual([4, 5, 6, 7, 8, 9, 10, 11, 12, 13]);
    });

    test('a result that is told twice counts once, and so does its report', async () => {
      await store.queue.add(await outgoing(['a@one.test', 'b@two.test']));
      const failed = result(await first('one.test'), 'failed');
      const report = () => outgoing(['anna@example.test'], { sender: '', owner: '' });
      expect(await store.queue.settle([failed], [await report()])).toBe(true);
      expect(await store.queue.settle([failed], [await report()])).toBe(false);
      expect((await store.queue.totals()).messages).toBe(2);
      const reports = await store.queue.recipients('example.test', 1_000, 10);
      expect(reports.map(({ address }) => address)).toEqual(['anna@example.test']);
    });

    test('a destination that is left alone is so for new mail too, until its time', async () => {
      await store.queue.add(await outgoing(['a@one.test']));
      await store.queue.postpone('one.test', 5_000, 2);
      await store.queue.add(await outgoing(['b@one.test']));
      expect(await due(4_999)).toEqual([]);
      expect(await store.queue.due(5_000, 10)).toEqual([{ domain: 'one.test', due: 5_000, failures: 2 }]);
      await store.queue.postpone('one.test', 0, 0);
      expect(await store.queue.due(1_000, 10)).toEqual([{ domain: 'one.test', due: 1_000, failures: 0 }]);
    });

    test('what is held is not due, and waits again when it is released', async () => {
      const id = await store.queue.add(await outgoing(['a@one.test', 'b@two.test']));
      expect(await store.queue.change('hold', { id, domain: 'one.test' })).toBe(1);
      expect(await due(1_000)).toEqual(['two.test']);
      expect(await store.queue.change('release', { id })).toBe(1);
      expect(await due(store.clock.now)).toEqual(['two.test', 'one.test']);
    });

    test('a result for a recipient that is held meanwhile leaves it held, unless it is final', async () => {
      await store.queue.add(await outgoing(['a@one.test', 'b@one.test']));
      const [a, b] = await store.queue.recipients('one.test', 1_000, 2);
      await store.queue.change('hold', {});
      if (a === undefined || b === undefined) throw new Error('two were added');
      await store.queue.settle([result(a, 'waiting'), result(b, 'sent')], []);
      expect(await due(1_000_000)).toEqual([]);
      const [listing] = await store.queue.list({}, 0, 10);
      expect(listing?.recipients.map(({ state }) => state)).toEqual(['held', 'sent']);
    });

    test('retry makes them due at once, also where a destination is left alone', async () => {
      await store.queue.add(await outgoing(['a@one.test']));
      await store.queue.settle([result(await first('one.test'), 'waiting', { nextAttempt: store.clock.now * 2 })], []);
      await store.queue.postpone('one.test', store.clock.now * 2, 1);
      expect(await due(store.clock.now)).toEqual([]);
      expect(await store.queue.change('retry', { domain: 'one.test' })).toBe(1);
      expect(await due(store.clock.now)).toEqual(['one.test']);
    });

    test('what is removed is gone without a trace, and a late result for it changes nothing', async () => {
      const id = await store.queue.add(await outgoing(['a@one.test', 'b@two.test']));
      const late = result(await first('one.test'), 'waiting');
      expect(await store.queue.remove({ id, domain: 'one.test' })).toBe(1);
      expect(await store.queue.settle([late], [])).toBe(false);
      expect(await due(1_000)).toEqual(['two.test']);
      expect(await store.queue.remove({ id })).toBe(1);
      expect(await store.queue.list({}, 0, 10)).toEqual([]);
    });

    test('lists by what is asked for, page by page', async () => {
      const ids: number[] = [];
      for (let n = 0; n < 5; n++) {
        const sender = `s${n % 2}@example.test`;
        ids.push(await store.queue.add(await outgoing([`a@d${n}.test`, 'b@all.test'], { sender, owner: `o${n}` })));
      }
      const listed = async (filter: Parameters<typeof store.queue.list>[0], after = 0, limit = 10) =>
        (await store.queue.list(filter, after, limit)).map(({ id }) => ids.indexOf(id));
      expect(await listed({})).toEqual([0, 1, 2, 3, 4]);
      expect(await listed({ sender: 's1@example.test' })).toEqual([1, 3]);
      expect(await listed({ owner: 'o4' })).toEqual([4]);
      expect(await listed({ domain: 'd2.test' })).toEqual([2]);
      expect(await listed({ domain: 'all.test' }, ids[1], 2)).toEqual([2, 3]);
      expect(await listed({ id: ids[3] as number })).toEqual([3]);
      const [only] = await store.queue.list({ domain: 'd2.test' }, 0, 10);
      expect(only?.recipients.map(({ address }) => address)).toEqual(['a@d2.test']);
    });

    test('whoever subscribes is woken by what is added and settled', async () => {
      let woken = 0;
      using _subscription = store.queue.subscribe(() => woken++);
      await store.queue.add(await outgoing(['a@one.test']));
      expect(woken).toBe(1);
      await store.queue.settle([result(await first('one.test'), 'sent')], []);
      expect(woken).toBe(2);
    });
  });
}
