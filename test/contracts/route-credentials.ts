// What the keeper of routes' credentials promises: what was set comes back, a renewal replaces only what it knew, and
// nothing is left of an account that is gone.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { SqlStore } from '#test/support/sql-store.ts';
import { freshAccount, type OpenStore } from './fixture.ts';

export function routeCredentialContracts(open: OpenStore): void {
  describe('credentials of routes', () => {
    let store: SqlStore;
    beforeAll(async () => {
      store = await open();
    });
    afterAll(() => store[Symbol.asyncDispose]());

    test('a secret is kept by route, owner and kind, and listed without it', async () => {
      const { routeCredentials } = store;
      const { id } = await freshAccount(store);
      const central = { route: 'relay', owner: '', kind: 'password', login: 'user' } as const;
      const own = { route: 'relay', owner: id, kind: 'password', login: 'me' } as const;
      expect(await routeCredentials.set(central, 'all of us')).toBe(true);
      expect(await routeCredentials.set(own, 'me alone')).toBe(true);
      expect(await routeCredentials.secret('relay', '', 'password')).toEqual({
        credential: { ...central, version: expect.any(Number), changed: store.clock.now },
        secret: 'all of us',
      });
      expect((await routeCredentials.secret('relay', id, 'password'))?.secret).toBe('me alone');
      expect(await routeCredentials.secret('relay', '', 'refresh-token')).toBeUndefined();
      const listed = await routeCredentials.list();
      expect(listed.map(({ owner, login }) => [owner, login])).toEqual([
        ['', 'user'],
        [id, 'me'],
      ]);
      expect(JSON.stringify(listed)).not.toContain('all of us');
      await store.directory.removeAccount(id);
      expect((await routeCredentials.list()).map(({ owner }) => owner)).toEqual(['']);
      await routeCredentials.remove('relay', '');
      await expect(routeCredentials.remove('relay', '')).rejects.toMatchObject({ code: 'not-found' });
    });

    test('a renewed token replaces only the one that it was made from', async () => {
      const { routeCredentials } = store;
      const token = { route: 'm365', owner: '', kind: 'refresh-token', login: 'a@b.test' } as const;
      await routeCredentials.set(token, 'first');
      const { version = 0 } = (await routeCredentials.secret('m365', '', 'refresh-token'))?.credential ?? {};
      expect(await routeCredentials.set(token, 'second', version)).toBe(true);
      expect(await routeCredentials.set(token, 'stale', version)).toBe(false);
      expect((await routeCredentials.secret('m365', '', 'refresh-token'))?.secret).toBe('second');
      await expect(routeCredentials.set(token, 'x'.repeat(20_000))).rejects.toMatchObject({ code: 'limit' });
    });
  });
}
