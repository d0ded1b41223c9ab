// What the queue knows of senders and recipients: who is held, who gets nothing, what was taken once, and what is reported.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { AttemptResult, NewQueued } from '#storage/ports.ts';
import type { SqlStore } from '#test/support/sql-store.ts';
import { message, type OpenStore, stage } from './fixture.ts';

export function queueSenderContracts(open: OpenStore): void {
  describe('senders in the queue', () => {
    let store: SqlStore;
    beforeAll(async () => {
      store = await open();
    });
    afterAll(() => store[Symbol.asyncDispose]());
    beforeEach(async () => {
      await store.queue.remove({});
    });

    async function add(to: readonly string[], more: Partial<NewQueued> = {}): Promise<number> {
      return store.queue.add({
        staged: await stage(store, message({ subject: 'out' })),
        prefix: new Uint8Array(),
        ...{ owner: 'anna', sender: 'anna@example.test', utf8: false, eightBit: false, requireTls: false },
        ...{ envelopeId: '', returnFull: true, notBefore: 1_000, expires: 500_000 },
        recipients: to.map((address) => ({ address, domain: 'other.test', original: '', notify: 3 })),
        ...more,
      });
    }

    /** Settles all recipients of a message alike. */
    async function settle(queued: number, more: Partial<AttemptResult>): Promise<void> {
      const [listing] = await store.queue.list({ id: queued }, 0, 1);
      const results = (listing?.recipients ?? []).map(({ seq, attempts }) => ({
        ...{ queued, seq, attempts, state: 'failed' as const, nextAttempt: 0, delayTold: false },
        ...{ status: '5.1.1', reply: '550 5.1.1 Nobody', host: 'mx', tls: '', transcript: '', ...more },
      }));
      await store.queue.settle(results, []);
    }

    test('refusals in a row put an address on the list, mail that is taken takes it off, told twice or once', async () => {
      for (let n = 1; n <= 3; n++) {
        const id = await add(['Gone@Other.test']);
        await settle(id, { suppressAfter: 3 });
        await settle(id, { suppressAfter: 3 });
        expect(await store.suppression.list('', 9)).toMatchObject([
          { address: 'gone@other.test', bounces: n, blocks: n === 3, reply: '550 5.1.1 Nobody' },
        ]);
      }
      const { suppressed } = await store.queue.obstacles('', ['gone@OTHER.test', 'other@other.test']);
      expect([...suppressed]).toEqual([['gone@OTHER.test', '550 5.1.1 Nobody']]);
      await settle(await add(['gone@other.test']), { state: 'sent', standing: 'taken' });
      expect(await store.suppression.list('', 9)).toEqual([]);
      await store.suppression.add('By@Hand.test');
      await settle(await add(['by@hand.test']), { state: 'sent', standing: 'taken' });
      expect(await store.suppression.list('', 9)).toMatchObject([
        { address: 'by@hand.test', bounces: 0, blocks: true },
      ]);
      await store.suppression.remove('by@hand.test');
      await expect(store.suppression.remove('by@hand.test')).rejects.toMatchObject({ code: 'not-found' });
    });

    test('ten refusals of the last fifty hold an account, until it is forgiven', async () => {
      const to = (count: number) => Array.from({ length: count }, (_, n) => `u${n}@other.test`);
      await store.queue.forgive('anna');
      const held = async () => (await store.queue.obstacles('anna', [])).held;
      await settle(await add(to(10)), { standing: 'refused' });
      await settle(await add(to(39)), { state: 'sent', standing: 'taken' });
      expect(await held()).toBe(false);
      const id = await add(to(1));
      await settle(id, { state: 'sent', standing: 'taken' });
      expect(await held()).toBe(true);
      const waiting = await add(to(1));
      await store.queue.change('hold', { owner: 'anna' });
      await store.queue.forgive('anna');
      expect(await held()).toBe(false);
      expect((await store.queue.list({ id: waiting }, 0, 1))[0]?.recipients[0]?.state).toBe('waiting');
    });

    test('keeps what a message asks for, and takes one that has a name once an hour', async () => {
      const asked = { verp: '+=', forwarded: 'a@example.test', tlsOptional: true, released: 77 } as const;
      const id = await add(['a@other.test'], { ...asked, once: 'name' });
      expect(await store.queue.message(id)).toMatchObject(asked);
      expect(await add(['a@other.test'], { once: 'name' })).toBe(id);
      expect((await store.queue.totals()).messages).toBe(1);
      store.clock.now += 3_600_001;
      expect(await add(['a@other.test'], { once: 'name' })).not.toBe(id);
    });

    test('counts sessions by day, domain and result, and finds the days that are over', async () => {
      const { tlsResults } = store;
      const failed = { policy: '{}', result: 'validation-failure', detail: '{"a":1}' };
      for (const [day, domain] of [
        [7, 'b.test'],
        [7, 'a.test'],
        [6, 'c.test'],
        [7, 'a.test'],
      ] as const) {
        await tlsResults.add(day, domain, failed);
      }
      await tlsResults.add(7, 'a.test', { policy: '{}', result: '', detail: '' });
      expect(await tlsResults.of(7, 'a.test')).toEqual([
        { policy: '{}', result: '', detail: '', sessions: 1 },
        { ...failed, sessions: 2 },
      ]);
      const walk: string[] = [];
      for (let at = { day: -1, domain: '' }; ; ) {
        const next = await tlsResults.first(8, at);
        if (next === undefined) break;
        walk.push(`${next.day} ${next.domain}`);
        at = next;
      }
      expect(walk).toEqual(['6 c.test', '7 a.test', '7 b.test']);
      expect(await tlsResults.first(7, { day: 6, domain: 'c.test' })).toBeUndefined();
      await tlsResults.remove(7, 'a.test');
      expect(await tlsResults.of(7, 'a.test')).toEqual([]);
    });

    test('keeps what is set for a domain as long as the domain', async () => {
      const { directory, domainSettings } = store;
      await directory.addDomain('set.test');
      await domainSettings.set('SET.test', 'footer-text', ['hello\nthere']);
      expect([...(await domainSettings.get('set.test'))]).toEqual([['footer-text', ['hello\nthere']]]);
      await expect(domainSettings.set('none.test', 'x', [])).rejects.toMatchObject({ code: 'not-found' });
      await directory.removeDomain('set.test');
      expect((await domainSettings.get('set.test')).size).toBe(0);
    });
  });
}
