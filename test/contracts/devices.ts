// What the list of devices promises: one row for each program and protocol, with its last contact and its last fault.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DEVICES } from '#storage/directory/limits.ts';
import type { DeviceContact } from '#storage/ports.ts';
import type { SqlStore } from '#test/support/sql-store.ts';
import { freshAccount, type OpenStore } from './fixture.ts';

export function deviceContracts(open: OpenStore): void {
  describe('devices', () => {
    let store: SqlStore;
    beforeAll(async () => {
      store = await open();
    });
    afterAll(() => store[Symbol.asyncDispose]());

    test('a program is one row, with its first and last contact and its last fault', async () => {
      const { id: owner } = await freshAccount(store);
      const contact: DeviceContact = {
        ...{ owner, protocol: 'imap', program: 'Thunderbird 153', address: '192.0.2.1' },
        ...{ at: 1_000, entered: true, fault: '' },
      };
      await store.devices.note([contact, { ...contact, at: 3_000, address: '192.0.2.2' }]);
      await store.devices.note([{ ...contact, at: 2_000, entered: false, fault: 'wrong password' }]);
      await store.devices.note([{ ...contact, protocol: 'pop3', program: '', at: 4_000, entered: false, fault: 'no' }]);
      expect(await store.devices.list(owner)).toEqual([
        {
          ...{ protocol: 'pop3', program: '', address: '192.0.2.1', first: 4_000, last: null },
          fault: { text: 'no', at: 4_000 },
        },
        {
          ...{ protocol: 'imap', program: 'Thunderbird 153', address: '192.0.2.1', first: 1_000, last: 3_000 },
          fault: { text: 'wrong password', at: 2_000 },
        },
      ]);
    });

    test('of too many programs the oldest are forgotten, and of an account that is gone all', async () => {
      const { id: owner } = await freshAccount(store);
      const many = Array.from({ length: DEVICES + 20 }, (_, n) => ({
        ...({ owner, protocol: 'smtp', program: `erp ${n}`, address: '192.0.2.1' } as const),
        ...{ at: 1_000 + n, entered: true, fault: '' },
      }));
      await store.devices.note(many);
      const kept = await store.devices.list(owner);
      expect(kept.map(({ program }) => program)).toEqual(
        many
          .slice(20)
          .map(({ program }) => program)
          .reverse(),
      );
      await store.directory.removeAccount(owner);
      expect(await store.devices.list(owner)).toEqual([]);
      await store.devices.note(many.slice(0, 1));
      expect(await store.devices.list(owner)).toEqual([]);
    });
  });
}
