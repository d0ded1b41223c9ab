// What the keeper of signing keys promises: the first set signs, another when it is used, and none is left of a domain
// that is gone.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { NewSigningKey } from '#storage/ports.ts';
import type { SqlStore } from '#test/support/sql-store.ts';
import type { OpenStore } from './fixture.ts';

const pair = (set: string): NewSigningKey[] =>
  (['rsa-sha256', 'ed25519-sha256'] as const).map((algorithm) => ({
    ...{ selector: `${set}${algorithm[0]}`, algorithm, publicKey: `public ${set}` },
    privateKey: Buffer.from(`private ${set} ${algorithm}`),
  }));

export function signingKeyContracts(open: OpenStore): void {
  describe('signing keys', () => {
    let store: SqlStore;
    beforeAll(async () => {
      store = await open();
      for (const name of ['example.test', 'gone.test']) await store.directory.addDomain(name);
    });
    afterAll(() => store[Symbol.asyncDispose]());

    const signing = async (domain: string) =>
      (await store.signingKeys.signing(domain)).map(({ key, privateKey }) => [
        key.selector,
        Buffer.from(privateKey).toString(),
      ]);

    test('the first set of a domain signs, another one once it is used', async () => {
      const { signingKeys } = store;
      await signingKeys.add('Example.test', 'p1', pair('p1'));
      await signingKeys.add('example.test', 'p2', pair('p2'));
      expect(await signing('example.test')).toEqual([
        ['p1e', 'private p1 ed25519-sha256'],
        ['p1r', 'private p1 rsa-sha256'],
      ]);
      await signingKeys.use('example.test', 'p2');
      expect((await signing('example.test')).map(([selector]) => selector)).toEqual(['p2e', 'p2r']);
      await signingKeys.remove('example.test', 'p2');
      expect(await signing('example.test')).toEqual([]);
      expect(await signingKeys.list('example.test')).toEqual([
        expect.objectContaining({ ...{ domain: 'example.test', selector: 'p1e', set: 'p1' }, signs: false }),
        expect.objectContaining({ algorithm: 'rsa-sha256', publicKey: 'public p1', created: store.clock.now }),
      ]);
    });

    test('a domain that is not there, a set that is there or that is not are told', async () => {
      const { signingKeys } = store;
      await expect(signingKeys.add('other.test', 'p1', pair('p1'))).rejects.toMatchObject({ code: 'not-found' });
      await expect(signingKeys.add('example.test', 'p1', pair('p1'))).rejects.toMatchObject({ code: 'exists' });
      await expect(signingKeys.use('example.test', 'p9')).rejects.toMatchObject({ code: 'not-found' });
      await expect(signingKeys.remove('example.test', 'p9')).rejects.toMatchObject({ code: 'not-found' });
      for (let n = 2; n <= 10; n++) await signingKeys.add('example.test', `q${n}`, pair(`q${n}`));
      await expect(signingKeys.add('example.test', 'q11', pair('q11'))).rejects.toMatchObject({ code: 'limit' });
    });

    test('the keys of a domain go with it', async () => {
      await store.signingKeys.add('gone.test', 'p1', pair('p1'));
      await store.directory.removeDomain('gone.test');
      await store.directory.addDomain('gone.test');
      expect(await store.signingKeys.list('gone.test')).toEqual([]);
    });
  });
}
