// What the queue promises of routes: recipients of one route wait together whatever their domains, and are found by both.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { NewQueued } from '#storage/ports.ts';
import type { SqlStore } from '#test/support/sql-store.ts';
import { message, type OpenStore, stage } from './fixture.ts';

export function queueRouteContracts(open: OpenStore): void {
  describe('routes in the queue', () => {
    let store: SqlStore;
    beforeAll(async () => {
      store = await open();
    });
    afterAll(() => store[Symbol.asyncDispose]());
    beforeEach(async () => {
      await store.queue.remove({});
    });

    /** Recipients as `address=route`. */
    async function add(...recipients: readonly (readonly [address: string, route: string])[]): Promise<number> {
      const queued: NewQueued = {
        staged: await stage(store, message({ subject: 'out' })),
        prefix: new Uint8Array(),
        ...{ owner: 'anna', sender: 'anna@example.test', utf8: false, eightBit: false, requireTls: false },
        ...{ envelopeId: '', returnFull: true, notBefore: 1_000, expires: 500_000 },
        recipients: recipients.map(([address, route]) => ({
          ...{ address, route, original: '', notify: 3 },
          domain: address.slice(address.indexOf('@') + 1),
        })),
      };
      return store.queue.add(queued);
    }

    const due = async (now = 1_000) => (await store.queue.due(now, 100)).map(({ domain }) => domain).sort();
    const waiting = async (lane: string) =>
      (await store.queue.recipients(lane, 1_000, 100)).map(({ address, route }) => [address, route]);

    test('recipients of one route are one destination, and those of a domain without one another', async () => {
      await add(['a@one.test', '=relay'], ['b@two.test', '=relay'], ['c@one.test', ''], ['d@one.test', '=relay/anna']);
      expect(await due()).toEqual(['=relay', '=relay/anna', 'one.test']);
      expect(await waiting('=relay')).toEqual([
        ['a@one.test', '=relay'],
        ['b@two.test', '=relay'],
      ]);
      expect(await waiting('one.test')).toEqual([['c@one.test', '']]);
      await store.queue.postpone('=relay', 5_000, 1);
      expect(await due()).toEqual(['=relay/anna', 'one.test']);
      expect(await store.queue.recipients('two.test', 1_000, 10)).toEqual([]);
    });

    test('commands find recipients by their domain on any route, and by the name of a route', async () => {
      await add(['a@one.test', '=relay'], ['b@two.test', '=relay']);
      await add(['c@one.test', '=relay/anna'], ['d@one.test', ''], ['e@one.test', '=relayer']);
      expect(await store.queue.change('hold', { domain: 'one.test' })).toBe(4);
      expect(await due()).toEqual(['=relay']);
      expect(await store.queue.change('release', { domain: 'one.test', route: 'relay' })).toBe(2);
      expect(await due(store.clock.now)).toEqual(['=relay', '=relay/anna']);
      expect((await store.queue.list({ route: 'relayer' }, 0, 10)).flatMap(({ recipients }) => recipients)).toEqual([
        expect.objectContaining({ address: 'e@one.test', state: 'held' }),
      ]);
      expect(await store.queue.remove({ route: 'relay' })).toBe(3);
      expect(await due(store.clock.now)).toEqual([]);
    });

    test('recipients that wait can be given another route, or none', async () => {
      await add(['a@one.test', '=gone'], ['b@two.test', ''], ['c@two.test', '=gone']);
      expect(await store.queue.reroute({ route: 'gone' }, { name: 'relay', own: true })).toBe(2);
      expect(await due(store.clock.now)).toEqual(['=relay/anna', 'two.test']);
      expect(await store.queue.reroute({ domain: 'two.test' }, { name: 'central', own: false })).toBe(2);
      expect(await due(store.clock.now)).toEqual(['=central', '=relay/anna']);
      expect(await store.queue.reroute({}, { name: '', own: false })).toBe(3);
      expect(await due(store.clock.now)).toEqual(['one.test', 'two.test']);
    });

    test('drafts that a route has begun are known until they are gone', async () => {
      for (const draft of ['b', 'a', 'b']) await store.queue.noteDraft('=graph', draft, true);
      await store.queue.noteDraft('=other', 'c', true);
      expect(await store.queue.drafts('=graph')).toEqual(['a', 'b']);
      await store.queue.noteDraft('=graph', 'a', false);
      await store.queue.noteDraft('=graph', 'never', false);
      expect(await store.queue.drafts('=graph')).toEqual(['b']);
      for (let n = 0; n < 30; n++) await store.queue.noteDraft('=graph', `d${n}`, true);
      expect(await store.queue.drafts('=graph')).toHaveLength(20);
    });

    test('what went out by a route is counted by the hour', async () => {
      const hour = 3_600_000;
      const start = Math.floor(store.clock.now / hour) * hour;
      store.clock.now = start + 10;
      await store.queue.noteUse('=relay', { messages: 1, recipients: 3 });
      await store.queue.noteUse('=relay', { messages: 1, recipients: 1 });
      store.clock.now = start + hour;
      await store.queue.noteUse('=relay', { messages: 1, recipients: 2 });
      await store.queue.noteUse('=other', { messages: 1, recipients: 9 });
      expect(await store.queue.used('=relay', start)).toEqual([
        { hour: start / hour, messages: 2, recipients: 4 },
        { hour: start / hour + 1, messages: 1, recipients: 2 },
      ]);
      expect((await store.queue.used('=relay', start + hour)).length).toBe(1);
      store.clock.now = start + 30 * hour;
      await store.queue.noteUse('=relay', { messages: 1, recipients: 1 });
      expect((await store.queue.used('=relay', 0)).length).toBe(1);
    });
  });
}
