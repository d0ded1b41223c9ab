// Contracts of the directory: domains, accounts, aliases, what an address leads to, who a login means.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { currentCursor, readChanges } from '#storage/changes/feed.ts';
import { ALIAS_DEPTH, TARGETS } from '#storage/directory/limits.ts';
import { all } from '#storage/operation.ts';
import type { Directory } from '#storage/ports.ts';
import type { SqlStore } from '#test/support/sql-store.ts';
import { type OpenStore, sequence } from './fixture.ts';

/** Addresses that an address leads to, or why there are none. */
async function whither(directory: Directory, address: string): Promise<string> {
  const resolution = await directory.resolve(address);
  if (resolution.kind !== 'local') return resolution.kind;
  const names = resolution.accounts.map((account) => account.address).sort();
  return resolution.suffix === '' ? names.join() : `${names.join()} +${resolution.suffix}`;
}

export function directoryContracts(open: OpenStore): void {
  describe('the directory', () => {
    let store: SqlStore;
    let directory: Directory;
    const add = (address: string) => directory.addAccount({ address, passwordHash: `hash of ${address}`, quota: null });
    const who = async (name: string) => (await directory.login(name))?.account.address;

    beforeAll(async () => {
      store = await open();
      directory = store.directory;
      for (const domain of ['Example.TEST', 'other.test', 'bücher.example']) await directory.addDomain(domain);
      for (const address of ['anna@example.test', 'bert@example.test', 'carl@other.test', 'Dörte@Bücher.example']) {
        await add(address);
      }
    });
    afterAll(() => store[Symbol.asyncDispose]());

    test('the first domain is the default, and names are kept in one spelling', async () => {
      expect(await directory.domains()).toEqual([
        { name: 'example.test', isDefault: true },
        { name: 'other.test', isDefault: false },
        { name: 'xn--bcher-kva.example', isDefault: false },
      ]);
      await expect(directory.addDomain('OTHER.test.')).rejects.toMatchObject({ code: 'exists' });
      await expect(directory.addDomain('BÜCHER.example')).rejects.toMatchObject({ code: 'exists' });
    });

    test.each([
      '',
      '.',
      'a b.test',
      '127.0.0.1',
      '[::1]',
      'a..b',
      `${'x'.repeat(64)}.test`,
      'x'.repeat(2_000),
      '-a.test',
    ])('%j is no domain', async (name) => {
      await expect(directory.addDomain(name)).rejects.toMatchObject({ code: 'invalid' });
    });

    test.each([
      '',
      'anna',
      '@example.test',
      'a b@example.test',
      'a@b@',
      'a..b@example.test',
      '"a b"@example.test',
      'a\u0000@example.test',
      `${'x'.repeat(65)}@example.test`,
      'a+b@example.test',
      '\ud800@example.test',
    ])('%j can not be an account', async (address) => {
      await expect(add(address)).rejects.toMatchObject({ code: 'invalid' });
    });

    test('an account has its mailboxes as soon as it is there, and its address can not be taken twice', async () => {
      const eva = await add('Eva@Example.Test');
      expect(eva).toMatchObject({ address: 'eva@example.test', quota: null, enabled: true });
      expect(eva.id).toMatch(/^[a-z0-9]{16}$/);
      expect(await store.mail(eva.id).mailboxes()).toHaveLength(7);
      await expect(add('EVA@example.test')).rejects.toMatchObject({ code: 'exists' });
      await expect(add('eva@nowhere.test')).rejects.toMatchObject({ code: 'not-found' });
      expect(await directory.account(eva.id)).toEqual(eva);
      expect(await directory.accountByAddress('"eva"@EXAMPLE.test')).toEqual(eva);
      await directory.removeAccount(eva.id);
      expect(await directory.account(eva.id)).toBeUndefined();
      expect(await whither(directory, 'eva@example.test')).toBe('unknown');
      await expect(store.mail(eva.id).mailboxes()).rejects.toMatchObject({ code: 'not-found' });
      await expect(directory.removeAccount(eva.id)).rejects.toMatchObject({ code: 'not-found' });
      const again = await add('eva@example.test');
      expect(again.id).not.toBe(eva.id);
      await directory.removeAccount(again.id);
    });

    test('a domain with accounts or aliases stays, an empty one goes, and another is the default', async () => {
      await expect(directory.removeDomain('other.test')).rejects.toMatchObject({ code: 'protected' });
      await expect(directory.removeDomain('none.test')).rejects.toMatchObject({ code: 'not-found' });
      await using fresh = await open();
      for (const name of ['one.test', 'two.test']) await fresh.directory.addDomain(name);
      await fresh.directory.removeDomain('ONE.test');
      expect(await fresh.directory.domains()).toEqual([{ name: 'two.test', isDefault: true }]);
    });

    test('addresses lead to accounts, with or without a suffix, in any case (F137)', async () => {
      expect(await whither(directory, 'ANNA@Example.test')).toBe('anna@example.test');
      expect(await whither(directory, 'anna+News+2@example.test')).toBe('anna@example.test +news+2');
      expect(await whither(directory, 'dörte@bücher.example')).toBe('dörte@xn--bcher-kva.example');
      expect(await whither(directory, 'DO\u0308RTE@xn--bcher-kva.example')).toBe('dörte@xn--bcher-kva.example');
      expect(await whither(directory, 'nobody@example.test')).toBe('unknown');
      expect(await whither(directory, '+x@example.test')).toBe('unknown');
      expect(await whither(directory, 'a b@example.test')).toBe('unknown');
      expect(await whither(directory, 'anna@elsewhere.test')).toBe('foreign');
      expect(await whither(directory, 'anna')).toBe('foreign');
      expect(await whither(directory, '')).toBe('foreign');
      expect(await whither(directory, 'postmaster')).toBe('unknown');
      await directory.addAlias('postmaster@example.test', ['bert@example.test']);
      expect(await whither(directory, 'Postmaster')).toBe('bert@example.test');
      await directory.removeAlias('Postmaster@EXAMPLE.test');
    });

    test('a domain without a postmaster or abuse of its own has the postmaster of the default domain', async () => {
      expect(await whither(directory, 'abuse@other.test')).toBe('unknown');
      await directory.addAlias('postmaster@example.test', ['bert@example.test']);
      expect(await whither(directory, 'abuse@other.test')).toBe('bert@example.test');
      expect(await whither(directory, 'Abuse@example.test')).toBe('bert@example.test');
      await directory.addAlias('postmaster@other.test', ['carl@other.test']);
      expect(await whither(directory, 'abuse@other.test')).toBe('carl@other.test');
      expect(await whither(directory, 'abuse+x@other.test')).toBe('unknown');
      for (const domain of ['example.test', 'other.test']) await directory.removeAlias(`postmaster@${domain}`);
    });

    test('settings of an account have values by name, and go with it', async () => {
      const eva = await add('eva@example.test');
      expect(await directory.settings(eva.id)).toEqual(new Map());
      await directory.setSetting(eva.id, 'bcc', ['b@example.test', 'a@example.test', 'a@example.test']);
      await directory.setSetting(eva.id, 'save-sent', ['yes']);
      expect(await directory.settings(eva.id)).toEqual(
        new Map([
          ['bcc', ['a@example.test', 'b@example.test']],
          ['save-sent', ['yes']],
        ]),
      );
      await directory.setSetting(eva.id, 'bcc', []);
      expect([...(await directory.settings(eva.id)).keys()]).toEqual(['save-sent']);
      const many = Array.from({ length: 101 }, (_, i) => String(i));
      await expect(directory.setSetting(eva.id, 'bcc', many)).rejects.toMatchObject({ code: 'limit' });
      await expect(directory.setSetting('nobody', 'bcc', [])).rejects.toMatchObject({ code: 'not-found' });
      await directory.removeAccount(eva.id);
      expect(await directory.settings(eva.id)).toEqual(new Map());
    });

    test('the setting send-as names addresses and whole domains to send as (F16)', async () => {
      const id = (await directory.accountByAddress('anna@example.test'))?.id ?? '';
      const may = (address: string) => directory.maySendAs(id, address);
      expect(await may('info@other.test')).toBe(false);
      await directory.setSetting(id, 'send-as', ['info@other.test', '@example.test']);
      for (const address of ['info@other.test', 'INFO+x@Other.Test', 'whoever@example.test']) {
        expect([address, await may(address)]).toEqual([address, true]);
      }
      for (const address of ['carl@other.test', 'info@elsewhere.test', '', '@other.test']) {
        expect([address, await may(address)]).toEqual([address, false]);
      }
      await directory.setSetting(id, 'send-as', []);
    });

    test('what an account sent today is counted, and whom it never wrote to (F23)', async () => {
      const eva = await add('eva@example.test');
      const mail = store.mail(eva.id);
      const [one, two] = ['one@elsewhere.test', 'two@elsewhere.test'];
      expect(await mail.sending([one, two])).toEqual({ messages: 0, strangers: 0, unknown: 2 });
      await mail.noteSent([one]);
      expect(await mail.sending(['ONE@elsewhere.test', two])).toEqual({ messages: 1, strangers: 1, unknown: 1 });
      await mail.noteSent([one, two]);
      await mail.noteSent([]);
      expect(await mail.sending([one, two])).toEqual({ messages: 3, strangers: 2, unknown: 0 });
      await mail.forgiveSent();
      expect(await mail.sending([one])).toEqual({ messages: 0, strangers: 0, unknown: 0 });
      await directory.removeAccount(eva.id);
    });

    test('what only a catch-all takes is told apart', async () => {
      await directory.addAlias('@other.test', ['bert@example.test']);
      expect(await directory.resolve('whoever@other.test')).toMatchObject({ kind: 'local', caught: true });
      expect(await directory.resolve('carl@other.test')).toMatchObject({ kind: 'local', caught: false });
      await directory.removeAlias('@other.test');
    });

    test('aliases lead on, also to aliases, with catch-alls last', async () => {
      await directory.addAlias('sales@example.test', ['anna@example.test', 'ANNA@example.test', 'carl@other.test']);
      await directory.addAlias('all@other.test', ['sales@example.test', 'bert@example.test']);
      await directory.addAlias('@other.test', ['bert@example.test']);
      expect(await whither(directory, 'all@other.test')).toBe('anna@example.test,bert@example.test,carl@other.test');
      expect(await whither(directory, 'sales+x@example.test')).toBe('anna@example.test,carl@other.test +x');
      expect(await whither(directory, 'carl@other.test')).toBe('carl@other.test');
      expect(await whither(directory, 'whoever@other.test')).toBe('bert@example.test');
      expect(await directory.aliases()).toEqual([
        { address: 'sales@example.test', targets: ['anna@example.test', 'carl@other.test'] },
        { address: '@other.test', targets: ['bert@example.test'] },
        { address: 'all@other.test', targets: ['sales@example.test', 'bert@example.test'] },
      ]);
      await expect(directory.addAlias('sales@example.test', ['bert@example.test'])).rejects.toMatchObject({
        code: 'exists',
      });
      await expect(add('sales@example.test')).rejects.toMatchObject({ code: 'exists' });
      for (const address of ['all@other.test', '@other.test', 'sales@example.test'])
        await directory.removeAlias(address);
      await expect(directory.removeAlias('sales@example.test')).rejects.toMatchObject({ code: 'not-found' });
    });

    test('an alias needs targets here, and not too many', async () => {
      const alias = (targets: string[]) => directory.addAlias('x@example.test', targets);
      await expect(alias([])).rejects.toMatchObject({ code: 'invalid' });
      await directory.addAlias('elsewhere@example.test', ['X@elsewhere.test', 'anna@example.test']);
      expect(await directory.resolve('elsewhere@example.test')).toMatchObject({
        ...{ kind: 'local', accounts: [{ address: 'anna@example.test' }], forwards: ['X@elsewhere.test'] },
      });
      await directory.removeAlias('elsewhere@example.test');
      await expect(alias(['nonsense'])).rejects.toMatchObject({ code: 'invalid' });
      await expect(alias(['nobody@example.test'])).rejects.toMatchObject({ code: 'not-found' });
      await expect(alias(sequence(0, TARGETS).map((n) => `anna+${n}@example.test`))).rejects.toMatchObject({
        code: 'limit',
      });
      expect(await whither(directory, 'x@example.test')).toBe('unknown');
    });

    test('circles and deep nests of aliases end', async () => {
      await directory.addAlias('n0@example.test', ['anna@example.test']);
      for (const level of sequence(1, ALIAS_DEPTH + 2)) {
        await directory.addAlias(`n${level}@example.test`, [`n${level - 1}@example.test`]).catch((error) => {
          expect([level > ALIAS_DEPTH, error.code]).toEqual([true, 'not-found']);
        });
      }
      expect(await whither(directory, `n${ALIAS_DEPTH - 1}@example.test`)).toBe('anna@example.test');
      await directory.removeAlias('n0@example.test');
      await directory.addAlias('n0@example.test', ['bert@example.test', 'n5@example.test']).catch((error) => {
        expect(error.code).toBe('not-found');
      });
      expect(await whither(directory, 'n5@example.test')).toBe('unknown');
      for (const level of sequence(1, ALIAS_DEPTH + 2)) {
        await directory.removeAlias(`n${level}@example.test`).catch((error) => expect(error.code).toBe('not-found'));
      }
      await directory.addAlias('a1@example.test', ['anna@example.test']);
      await directory.addAlias('a2@example.test', ['a1@example.test', 'bert@example.test']);
      await directory.removeAlias('a1@example.test');
      await directory.addAlias('a1@example.test', ['a2@example.test']);
      expect(await whither(directory, 'a1@example.test')).toBe('bert@example.test');
      expect(await whither(directory, 'a2@example.test')).toBe('bert@example.test');
      for (const address of ['a1@example.test', 'a2@example.test']) await directory.removeAlias(address);
    });

    test('a login is a name, an address, or a domain and a name, in any case (F170, F205)', async () => {
      const anna = [
        'anna',
        'ANNA',
        ' anna ',
        'Anna@Example.Test',
        'EXAMPLE\\anna',
        'example.test\\Anna',
        'example/anna',
      ];
      for (const name of [...anna, 'example.test/ANNA', 'X\\anna@example.test', '\\anna@example.test']) {
        expect([name, await who(name)]).toEqual([name, 'anna@example.test']);
      }
      expect(await who('carl')).toBe('carl@other.test');
      expect(await who('OTHER\\carl')).toBe('carl@other.test');
      expect(await who('dörte')).toBe('dörte@xn--bcher-kva.example');
      for (const name of [
        '',
        '\\',
        '@',
        'carl@example.test',
        'EXAM\\anna',
        'example\\carl',
        'nobody',
        'x'.repeat(9_999),
      ]) {
        expect([name, await who(name)]).toEqual([name, undefined]);
      }
      const twins = [await add('twin@other.test'), await add('twin@bücher.example')];
      expect(await who('twin')).toBeUndefined();
      twins.push(await add('twin@example.test'));
      expect(await who('twin')).toBe('twin@example.test');
      for (const twin of twins) await directory.removeAccount(twin.id);
    });

    test('another password is another version of the credential, seen at once', async () => {
      const before = await directory.login('bert');
      expect(before?.hash).toBe('hash of bert@example.test');
      await directory.setPassword(before?.account.id ?? '', 'new');
      const after = await directory.login('bert');
      expect(after?.hash).toBe('new');
      expect(after?.version).toBeGreaterThan(before?.version ?? 0);
      await directory.setQuota(before?.account.id ?? '', 1_000);
      expect((await directory.login('bert'))?.account.quota).toBe(1_000);
      expect((await directory.accounts()).find((account) => account.address === 'bert@example.test')?.quota).toBe(
        1_000,
      );
      await expect(directory.setPassword('nobody', 'x')).rejects.toMatchObject({ code: 'not-found' });
    });

    test('SCRAM keys belong to one version of a password, and lie sealed', async () => {
      const keys = (salt: string) => ({ salt, iterations: 4_096, storedKey: 'stored', serverKey: 'server' });
      const gerd = await add('gerd@example.test');
      expect((await directory.login('gerd'))?.scram).toBeNull();
      await directory.setScram(gerd.id, (await directory.login('gerd'))?.version ?? 0, keys('first'));
      const before = await directory.login('gerd');
      expect(before?.scram).toEqual(keys('first'));
      const stored = await store.engine.read({ kind: 'directory' }, () =>
        all<{ hash: string }>(`SELECT hash FROM credential WHERE owner = $1 AND kind = 'scram-sha-256'`, [gerd.id]),
      );
      expect(stored.map(({ hash }) => hash.includes('first'))).toEqual([false]);
      await directory.setPassword(gerd.id, 'other');
      expect((await directory.login('gerd'))?.scram).toBeNull();
      await directory.setScram(gerd.id, before?.version ?? 0, keys('stale'));
      expect((await directory.login('gerd'))?.scram).toBeNull();
      await directory.setPassword(gerd.id, 'third', keys('third'));
      expect((await directory.login('gerd'))?.scram).toEqual(keys('third'));
      await expect(directory.setScram('nobody', 1, keys('x'))).rejects.toMatchObject({ code: 'not-found' });
      await directory.removeAccount(gerd.id);
    });

    test('an account may send as its address, its suffixes and its aliases, and as nobody else (F16, F137)', async () => {
      const anna = (await directory.accountByAddress('anna@example.test'))?.id ?? '';
      const bert = (await directory.accountByAddress('bert@example.test'))?.id ?? '';
      await directory.addAlias('info@example.test', ['anna@example.test']);
      for (const address of ['Anna@example.test', 'anna+x@example.test', 'info@example.test', 'info+y@example.test']) {
        expect([address, await directory.maySendAs(anna, address)]).toEqual([address, true]);
        expect([address, await directory.maySendAs(bert, address)]).toEqual([address, false]);
      }
      for (const address of ['', 'anna', 'nobody@example.test', 'anna@elsewhere.test']) {
        expect([address, await directory.maySendAs(anna, address)]).toEqual([address, false]);
      }
      await directory.removeAlias('info@example.test');
    });

    test('every change of the directory is in its log', async () => {
      const key = { kind: 'directory' } as const;
      const start = await store.engine.read(key, () => currentCursor('directory', 'directory'));
      const frida = await add('frida@example.test');
      await directory.setPassword(frida.id, 'x');
      await directory.addAlias('f@example.test', ['frida@example.test']);
      await directory.removeAlias('f@example.test');
      await directory.removeAccount(frida.id);
      const query = { account: 'directory', changeClass: 'directory', cursor: start, limit: 100 } as const;
      const { rows } = await store.engine.read(key, () => readChanges(query));
      expect(rows.map((row) => `${row.kind} ${row.reason} ${row.name}`)).toEqual([
        'add account frida@example.test',
        'set account frida@example.test',
        'add alias f@example.test',
        'remove alias f@example.test',
        'remove account frida@example.test',
      ]);
    });
  });
}
