// Contracts of sharing: access control lists, what they come to for an account, groups, accounts without a login.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { currentCursor, readChanges } from '#storage/changes/feed.ts';
import type { Account, Sharing } from '#storage/ports.ts';
import { TOP } from '#storage/ports.ts';
import { ACL_ENTRIES } from '#storage/sharing/limits.ts';
import { ALL_RIGHTS, formatRights, parseRights, type Rights } from '#storage/sharing/rights.ts';
import type { SqlStore } from '#test/support/sql-store.ts';
import type { OpenStore } from './fixture.ts';

const rights = (letters: string): Rights => parseRights(letters) ?? 0;

export function sharingContracts(open: OpenStore): void {
  describe('sharing', () => {
    let store: SqlStore;
    let sharing: Sharing;
    let [anna, bert, carl, dora] = [] as unknown as [Account, Account, Account, Account];
    const set = (owner: Account, mailbox: number, identifier: string, letters: string) =>
      sharing.setAcl(owner.id, mailbox, identifier, { action: 'set', rights: rights(letters) });
    /** What somebody may do in mailboxes of somebody else. */
    const shared = async (reader: Account, owner: Account) => {
      const { others } = await sharing.access(reader.id);
      const found = others.find(({ account }) => account.id === owner.id)?.rights ?? new Map<number, Rights>();
      return Object.fromEntries([...found].map(([mailbox, bits]) => [mailbox, formatRights(bits)]));
    };
    const list = async (owner: Account, mailbox: number) =>
      (await sharing.acl(owner.id, mailbox)).map(
        ({ identifier, negative, rights: bits }) => `${negative ? '-' : ''}${identifier} ${formatRights(bits)}`,
      );

    beforeAll(async () => {
      store = await open();
      sharing = store.sharing;
      for (const domain of ['example.test', 'other.test']) await store.directory.addDomain(domain);
      const add = (address: string) => store.directory.addAccount({ address, passwordHash: 'x', quota: null });
      anna = await add('anna@example.test');
      bert = await add('bert@example.test');
      carl = await add('carl@example.test');
      dora = await add('dora@other.test');
    });
    afterAll(() => store[Symbol.asyncDispose]());

    test('what is given is what the other has, and what is taken back he has no more', async () => {
      expect(await sharing.access(bert.id)).toEqual({ own: new Map(), others: [] });
      await set(anna, 7, 'BERT@Example.test', 'lrs');
      expect(await shared(bert, anna)).toEqual({ 7: 'lrs' });
      expect(await shared(carl, anna)).toEqual({});
      await sharing.setAcl(anna.id, 7, 'bert@example.test', { action: 'add', rights: rights('wk') });
      await sharing.setAcl(anna.id, 7, 'bert@example.test', { action: 'remove', rights: rights('r') });
      expect(await list(anna, 7)).toEqual(['bert@example.test lswk']);
      await sharing.deleteAcl(anna.id, 7, 'bert@example.test');
      await sharing.deleteAcl(anna.id, 7, 'bert@example.test');
      expect([await list(anna, 7), await shared(bert, anna)]).toEqual([[], {}]);
    });

    test('all that means somebody counts, and what any of it takes is taken', async () => {
      await sharing.addGroup('Sales@example.test');
      await sharing.addMember('sales@example.test', 'bert@example.test');
      await sharing.addMember('sales@example.test', 'dora@other.test');
      await set(anna, 8, 'anyone', 'lrs');
      await set(anna, 8, 'group:sales@example.test', 'lrwi');
      await set(anna, 8, '-bert@example.test', 's');
      expect(await shared(bert, anna)).toEqual({ 8: 'lrwi' });
      expect(await shared(carl, anna)).toEqual({ 8: 'lrs' });
      // Anyone is of the owner's domain; a group may have others.
      expect(await shared(dora, anna)).toEqual({ 8: 'lrwi' });
      await set(anna, 8, '-anyone', 'lrswi');
      expect([await shared(bert, anna), await shared(carl, anna)]).toEqual([{}, {}]);
      expect(await list(anna, 8)).toEqual([
        'anyone lrs',
        '-anyone lrswi',
        '-bert@example.test s',
        'group:sales@example.test lrwi',
      ]);
      for (const identifier of ['-anyone', 'anyone', '-bert@example.test'])
        await sharing.deleteAcl(anna.id, 8, identifier);
      await sharing.removeMember('sales@example.test', 'bert@example.test');
      expect([await shared(bert, anna), await shared(dora, anna)]).toEqual([{}, { 8: 'lrwi' }]);
    });

    test('an owner has all rights, gives away what he wants to, and stays who he is', async () => {
      await set(bert, 7, 'bert@example.test', '');
      expect(await list(bert, 7)).toEqual(['bert@example.test lra']);
      expect((await sharing.access(bert.id)).own).toEqual(new Map([[7, rights('lra')]]));
      await set(bert, 7, '-bert@example.test', 'lra');
      await set(bert, 7, '-anyone', 'lrswipkxtea');
      expect((await sharing.access(bert.id)).own).toEqual(new Map([[7, rights('lra')]]));
      await sharing.deleteAcl(bert.id, 7, 'bert@example.test');
      await sharing.deleteAcl(bert.id, 7, '-bert@example.test');
      expect((await sharing.access(bert.id)).own).toEqual(new Map());
      await sharing.setAcl(bert.id, 7, 'bert@example.test', { action: 'remove', rights: rights('x') });
      expect((await sharing.access(bert.id)).own).toEqual(new Map([[7, ALL_RIGHTS & ~rights('x')]]));
    });

    test('a new mailbox begins with what its parent has, and a deleted one has nothing', async () => {
      await set(carl, TOP, 'bert@example.test', 'lrk');
      await sharing.inherit(carl.id, TOP, [20, 21]);
      expect(await shared(bert, carl)).toEqual({ [TOP]: 'lrk', 20: 'lrk', 21: 'lrk' });
      await sharing.forget(carl.id, [20, 99]);
      expect(await shared(bert, carl)).toEqual({ [TOP]: 'lrk', 21: 'lrk' });
      await sharing.inherit(carl.id, 99, [30]);
      expect(await list(carl, 30)).toEqual([]);
    });

    test('an identifier names somebody, in one spelling', async () => {
      expect(await sharing.identify('-GROUP:SALES@EXAMPLE.TEST')).toBe('-group:sales@example.test');
      expect(await sharing.identify('Anyone')).toBe('anyone');
      expect(await sharing.identify('Dora@OTHER.test')).toBe('dora@other.test');
      for (const name of ['', '-', 'bert', 'group:', 'a b@example.test', `${'x'.repeat(600)}@example.test`])
        await expect(sharing.identify(name)).rejects.toMatchObject({ code: 'invalid' });
      for (const name of ['nobody@example.test', 'group:nobody@example.test', '-nobody@elsewhere.test'])
        await expect(set(anna, 7, name, 'l')).rejects.toMatchObject({ code: 'not-found' });
    });

    test('groups are named once, and hold accounts once', async () => {
      await expect(sharing.addGroup('SALES@example.test')).rejects.toMatchObject({ code: 'exists' });
      await expect(sharing.addGroup('x@nowhere.test')).rejects.toMatchObject({ code: 'not-found' });
      await expect(sharing.addGroup('no address')).rejects.toMatchObject({ code: 'invalid' });
      await expect(sharing.addMember('sales@example.test', 'dora@other.test')).rejects.toMatchObject({
        code: 'exists',
      });
      for (const member of ['nobody@example.test', 'sales@example.test'])
        await expect(sharing.addMember('sales@example.test', member)).rejects.toMatchObject({ code: 'not-found' });
      await expect(sharing.removeMember('sales@example.test', 'anna@example.test')).rejects.toMatchObject({
        code: 'not-found',
      });
      expect(await sharing.groups()).toEqual([{ name: 'sales@example.test', members: ['dora@other.test'] }]);
      await expect(store.directory.removeDomain('example.test')).rejects.toMatchObject({ code: 'protected' });
      await sharing.removeGroup('sales@example.test');
      await expect(sharing.removeGroup('sales@example.test')).rejects.toMatchObject({ code: 'not-found' });
      expect([await sharing.groups(), await list(anna, 8)]).toEqual([[], []]);
    });

    test('a list has a bounded number of entries', async () => {
      for (let n = 0; n <= ACL_ENTRIES; n++) {
        const name = `many${n}@other.test`;
        await sharing.addGroup(name);
        if (n < ACL_ENTRIES) await set(dora, 5, `group:${name}`, 'l');
        else await expect(set(dora, 5, `group:${name}`, 'l')).rejects.toMatchObject({ code: 'limit' });
      }
    });

    test('every change is told in the class of the directory, and wakes who follows it', async () => {
      const db = { kind: 'directory' } as const;
      const cursor = await store.engine.read(db, () => currentCursor('directory', 'directory'));
      const generation = sharing.generation();
      await set(anna, 7, 'bert@example.test', 'l');
      await set(anna, 7, 'bert@example.test', 'l');
      await sharing.addGroup('team@example.test');
      await sharing.addMember('team@example.test', 'bert@example.test');
      expect(sharing.generation()).toBeGreaterThan(generation);
      const { rows } = await store.engine.read(db, () =>
        readChanges({ account: 'directory', changeClass: 'directory', cursor, limit: 10 }),
      );
      expect(rows.map(({ kind, reason, name, reader }) => [kind, reason, name, reader])).toEqual([
        ['set', 'share', 'anna@example.test', anna.id],
        ['add', 'group', 'team@example.test', ''],
        ['set', 'group', 'team@example.test', bert.id],
      ]);
    });

    test('nobody logs in to an account without a password, and it can not be given one', async () => {
      const office = await store.directory.addAccount({
        address: 'office@example.test',
        passwordHash: null,
        quota: null,
      });
      expect(office).toMatchObject({ shared: true });
      expect(await store.directory.account(office.id)).toEqual(office);
      expect(await store.directory.login('office@example.test')).toBeUndefined();
      await expect(store.directory.setPassword(office.id, 'x')).rejects.toMatchObject({ code: 'protected' });
      await set(office, 1, 'bert@example.test', 'lr');
      const { others } = await sharing.access(bert.id);
      expect(others.find(({ account }) => account.id === office.id)?.account).toEqual(office);
    });

    test('what an account shared, and what was shared with it, goes with it', async () => {
      const eva = await store.directory.addAccount({ address: 'eva@example.test', passwordHash: 'x', quota: null });
      await set(eva, 1, 'bert@example.test', 'lr');
      await set(anna, 9, 'eva@example.test', 'lr');
      await sharing.addMember('team@example.test', 'eva@example.test');
      await store.directory.removeAccount(eva.id);
      expect([await list(anna, 9), await shared(bert, eva)]).toEqual([[], {}]);
      expect(await sharing.groups()).toContainEqual({ name: 'team@example.test', members: ['bert@example.test'] });
      await expect(sharing.access(eva.id)).rejects.toMatchObject({ code: 'not-found' });
    });
  });
}
