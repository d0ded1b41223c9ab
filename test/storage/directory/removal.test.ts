// Removing an account whose files something else has in hand.
import { existsSync } from 'node:fs';
import { expect, test } from 'vitest';
import { accountFolder, layoutOf } from '#storage/engines/sqlite/layout.ts';
import { StoreError } from '#storage/errors.ts';
import { temporaryFolder } from '#test/support/folder.ts';
import { composeStore, NO_SYNC, openSqlStore } from '#test/support/sql-store.ts';

test('an account that a verification has in hand is removed when that has ended, with all its files', async () => {
  await using folder = await temporaryFolder();
  await using opened = await openSqlStore(folder.path, { sync: NO_SYNC });
  let refused = 0;
  const engine = new Proxy(opened.engine, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== 'function') return value;
      if (name !== 'destroyAccount') return value.bind(target);
      return async (id: string) => {
        if (refused++ < 2) throw new StoreError('busy', 'a thread did not answer');
        await target.destroyAccount(id);
      };
    },
  });
  const { directory } = composeStore(engine, opened.blobs);
  await directory.addDomain('example.test');
  const { id } = await directory.addAccount({ address: 'anna@example.test', passwordHash: 'x', quota: null });
  expect(existsSync(accountFolder(layoutOf(folder.path), id))).toBe(true);
  await directory.removeAccount(id);
  expect(refused).toBe(3);
  expect(existsSync(accountFolder(layoutOf(folder.path), id))).toBe(false);
});
