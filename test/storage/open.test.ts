// The whole store, opened as the server does: in the main thread, and in a second one beside it.
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createStoreShared } from '#storage/open.ts';
import { temporaryFolder } from '#test/support/folder.ts';
import { openQuietStore } from '#test/support/store.ts';

test('what one thread’s store appends is in the other’s, and both see it after a restart', async () => {
  await using folder = await temporaryFolder();
  const shared = createStoreShared();
  let id = '';
  let derived: Uint8Array;
  {
    await using first = await openQuietStore(folder.path, { shared });
    await using second = await openQuietStore(folder.path, { shared, main: false });
    derived = first.derivedKey('a purpose');
    expect(second.derivedKey('a purpose')).toEqual(derived);
    await first.directory.addDomain('example.test');
    ({ id } = await first.directory.addAccount({ address: 'anna@example.test', passwordHash: '$x$', quota: null }));
    const inbox = await second.mail(id).mailboxByPath('inbox');
    if (inbox === undefined) throw new Error('no INBOX');
    const generation = second.mail(id).generation();
    const staging = first.stage({ maxBytes: 1_000_000 });
    await staging.write(Buffer.from('Subject: hello\r\n\r\nHello\r\n'));
    await using staged = await staging.finish();
    const [appended] = await first.mail(id).append(inbox.id, [{ staged }]);
    expect(second.mail(id).generation()).toBeGreaterThan(generation);
    expect(await second.mail(id).mailbox(inbox.id)).toMatchObject({ total: 1, uidnext: 2 });
    const content = await second.mail(id).content(appended?.message ?? 0);
    expect(Buffer.from(await content.bytes()).toString()).toBe('Subject: hello\r\n\r\nHello\r\n');
  }
  await using again = await openQuietStore(folder.path);
  expect(await again.mail(id).mailboxByPath('INBOX')).toMatchObject({ total: 1, uidnext: 2 });
  expect(again.derivedKey('a purpose')).toEqual(derived);
});

test('what lies in staging is of a process that died, and is removed', async () => {
  await using folder = await temporaryFolder();
  await (await openQuietStore(folder.path))[Symbol.asyncDispose]();
  await writeFile(join(folder.path, 'staging', 'left-over'), 'x');
  await using _store = await openQuietStore(folder.path);
  expect(await readdir(join(folder.path, 'staging'))).toEqual([]);
});
