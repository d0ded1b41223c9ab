// Mailboxes over a socket: LIST and LSUB, CREATE, DELETE, RENAME, SUBSCRIBE, STATUS, SELECT and EXAMINE.
import { expect, test } from 'vitest';
import { message, startImap } from '#test/support/imap-server.ts';

const texts = (result: { untagged: readonly { text: string }[] }) => result.untagged.map(({ text }) => text);
/** The names in LIST or LSUB replies. */
const names = (result: { untagged: readonly { text: string }[] }) =>
  texts(result).map((text) => /"\/" "(.*)"$/.exec(text)?.[1]);

test('LIST shows every mailbox with its attributes, INBOX first', async () => {
  await using imap = await startImap();
  const client = await imap.login();
  await client.ok('CREATE Projects/Alpha');
  expect(texts(await client.ok('LIST "" *'))).toEqual([
    '* LIST (\\HasNoChildren) "/" "INBOX"',
    '* LIST (\\HasNoChildren \\Archive) "/" "Archive"',
    '* LIST (\\HasNoChildren \\Drafts) "/" "Drafts"',
    '* LIST (\\HasNoChildren \\Junk) "/" "Junk"',
    '* LIST (\\HasChildren) "/" "Projects"',
    '* LIST (\\HasNoChildren) "/" "Projects/Alpha"',
    '* LIST (\\HasNoChildren \\Sent) "/" "Sent"',
    '* LIST (\\HasNoChildren) "/" "Templates"',
    '* LIST (\\HasNoChildren \\Trash) "/" "Trash"',
  ]);
  expect(texts(await client.ok('LIST "" ""'))).toEqual(['* LIST (\\Noselect) "/" ""']);
  expect(names(await client.ok('LIST "" P%'))).toEqual(['Projects']);
  expect(names(await client.ok('LIST Projects/ %'))).toEqual(['Projects/Alpha']);
  expect(names(await client.ok('LIST "" "inbox"'))).toEqual(['INBOX']);
  expect(names(await client.ok('LIST "" {1}'.replace('{1}', '{1+}\r\n%')))).toContain('Projects');
  expect(names(await client.ok('LIST "" NIL'))).toEqual([]);
  expect(names(await client.ok('LIST "" "&bad"'))).toEqual([]);
});

test('names go both ways in modified UTF-7, whatever is in them', async () => {
  await using imap = await startImap();
  const client = await imap.login();
  const wire = ['R&-D', 'Entw&APw-rfe', '&U,BTFw-/&ZeVnLIqe-', 'with \\"quotes\\" and \\\\', '&2D3eAA-'];
  for (const name of wire) {
    await client.ok(`CREATE "${name}"`);
    await client.ok(`APPEND "${name}"`, message('here'));
    expect(texts(await client.ok(`SELECT "${name}"`))).toContain('* 1 EXISTS');
    expect(names(await client.ok(`LIST "" "${name}"`))).toEqual([name]);
    expect(texts(await client.ok(`STATUS "${name}" (MESSAGES)`))).toEqual([`* STATUS "${name}" (MESSAGES 1)`]);
  }
  expect((await imap.store.mail(imap.anna.id).mailboxes()).map(({ path }) => path)).toContain('台北/日本語');
  for (const name of ['a&b', '&AGE-', '"\xfcber"']) {
    expect(await client.command(`CREATE ${name}`)).toMatchObject({
      status: 'NO',
      text: expect.stringMatching(/^\[CANNOT\]/),
    });
  }
});

test('LSUB shows subscriptions, and parents that are none where % asks for a level', async () => {
  await using imap = await startImap();
  const client = await imap.login();
  for (const { path } of await imap.store.mail(imap.anna.id).mailboxes()) await client.ok(`UNSUBSCRIBE "${path}"`);
  for (const name of ['a', 'b/c', 'b/d/e']) await client.ok(`CREATE ${name}`);
  for (const name of ['a', 'b/c', 'b/d/e', 'gone']) await client.ok(`SUBSCRIBE ${name}`);
  expect(texts(await client.ok('LSUB "" %'))).toEqual([
    '* LSUB () "/" "a"',
    '* LSUB (\\Noselect) "/" "b"',
    '* LSUB (\\Noselect) "/" "gone"',
  ]);
  expect(texts(await client.ok('LSUB "" *'))).toEqual([
    '* LSUB () "/" "a"',
    '* LSUB () "/" "b/c"',
    '* LSUB () "/" "b/d/e"',
    '* LSUB (\\Noselect) "/" "gone"',
  ]);
  expect(names(await client.ok('LSUB b/ %'))).toEqual(['b/c', 'b/d']);
  await client.ok('UNSUBSCRIBE b/c');
  expect(names(await client.ok('LSUB "" b/*'))).toEqual(['b/d/e']);
});

test('CREATE makes parents, takes a separator at the end, and says what it can not do', async () => {
  await using imap = await startImap();
  const client = await imap.login();
  await client.ok('CREATE x/y/z/');
  expect(names(await client.ok('LIST "" x*'))).toEqual(['x', 'x/y', 'x/y/z']);
  expect(await client.command('CREATE x/y')).toMatchObject({
    status: 'NO',
    text: expect.stringContaining('[ALREADYEXISTS]'),
  });
  expect(await client.command('CREATE inbox')).toMatchObject({
    status: 'NO',
    text: expect.stringContaining('[ALREADYEXISTS]'),
  });
  for (const name of ['"a//b"', '/a', '""', `"${'x'.repeat(300)}"`]) {
    expect((await client.command(`CREATE ${name}`)).status, name).toBe('NO');
  }
  expect((await client.command('CREATE a%b')).status).toBe('BAD');
});

test('DELETE takes ordinary mailboxes only, and leaves one that is selected', async () => {
  await using imap = await startImap();
  const client = await imap.login();
  await client.ok('CREATE a/b');
  expect(await client.command('DELETE a')).toMatchObject({
    status: 'NO',
    text: expect.stringContaining('[HASCHILDREN]'),
  });
  expect(await client.command('DELETE INBOX')).toMatchObject({
    status: 'NO',
    text: expect.stringContaining('[CANNOT]'),
  });
  expect(await client.command('DELETE Sent')).toMatchObject({
    status: 'NO',
    text: expect.stringContaining('[CANNOT]'),
  });
  expect(await client.command('DELETE none')).toMatchObject({
    status: 'NO',
    text: expect.stringContaining('[NONEXISTENT]'),
  });
  await client.ok('SELECT a/b');
  await client.ok('DELETE a/b');
  expect(await client.command('FETCH 1 UID')).toMatchObject({ status: 'BAD', text: 'No mailbox is selected' });
  await client.ok('DELETE a');
});

test('a mailbox deleted under a session ends it with BYE, in IDLE too', async () => {
  await using imap = await startImap();
  const [client, idling, deleter] = [await imap.login(), await imap.login(), await imap.login()];
  await deleter.ok('CREATE shortlived');
  await client.ok('SELECT shortlived');
  await idling.ok('SELECT shortlived');
  idling.wire.send('a IDLE\r\n');
  expect((await idling.response()).text).toMatch(/^\+/);
  await deleter.ok('DELETE shortlived');
  expect((await idling.response()).text).toBe('* BYE The selected mailbox was deleted');
  client.wire.send('a NOOP\r\n');
  expect((await client.result('a')).status).toBe('OK');
  expect((await client.response()).text).toBe('* BYE The selected mailbox was deleted');
  await client.wire.closed();
});

test('a mailbox made again under the same name has other UIDs', async () => {
  await using imap = await startImap();
  const client = await imap.login();
  const validity = async () =>
    /UIDVALIDITY (\d+)/.exec(texts(await client.ok('STATUS again (UIDVALIDITY)'))[0] ?? '')?.[1];
  await client.ok('CREATE again');
  const first = await validity();
  await client.ok('DELETE again');
  await client.ok('CREATE again');
  expect(Number(await validity())).toBeGreaterThan(Number(first));
});

test('RENAME takes what is below along, and of INBOX moves the messages', async () => {
  await using imap = await startImap();
  const client = await imap.login();
  await client.ok('CREATE old/one/two');
  await client.ok('APPEND old/one', message('kept'));
  await client.ok('RENAME old new/place');
  expect(names(await client.ok('LIST "" *one*'))).toEqual(['new/place/one', 'new/place/one/two']);
  expect(texts(await client.ok('STATUS new/place/one (MESSAGES)'))).toEqual(['* STATUS "new/place/one" (MESSAGES 1)']);
  await client.ok('APPEND INBOX', message('moved'));
  await client.ok('RENAME inbox archive-2026');
  expect(texts(await client.ok('STATUS INBOX (MESSAGES)'))).toEqual(['* STATUS "INBOX" (MESSAGES 0)']);
  expect(texts(await client.ok('STATUS archive-2026 (MESSAGES)'))).toEqual(['* STATUS "archive-2026" (MESSAGES 1)']);
  expect(await client.command('RENAME none other')).toMatchObject({
    status: 'NO',
    text: expect.stringContaining('[NONEXISTENT]'),
  });
  expect(await client.command('RENAME new/place archive-2026')).toMatchObject({
    status: 'NO',
    text: expect.stringContaining('[ALREADYEXISTS]'),
  });
  expect(await client.command('RENAME Sent Gone')).toMatchObject({
    status: 'NO',
    text: expect.stringContaining('[CANNOT]'),
  });
  expect((await client.command('RENAME new new/below/itself')).status).toBe('NO');
});

test('STATUS counts without selecting, and leaves \\Recent to who selects', async () => {
  await using imap = await startImap();
  const client = await imap.login();
  await client.ok('CREATE box');
  await client.ok('APPEND box (\\Seen)', message('one'));
  await client.ok('APPEND box', message('two'));
  const all = 'STATUS box (MESSAGES RECENT UIDNEXT UIDVALIDITY UNSEEN)';
  const expected = /^\* STATUS "box" \(MESSAGES 2 RECENT 2 UIDNEXT 3 UIDVALIDITY \d+ UNSEEN 1\)$/;
  expect(texts(await client.ok(all))[0]).toMatch(expected);
  expect(texts(await client.ok(all))[0]).toMatch(expected);
  expect(texts(await client.ok('EXAMINE box'))).toContain('* 2 RECENT');
  expect(texts(await client.ok('SELECT box'))).toContain('* 2 RECENT');
  expect(texts(await client.ok(all))[0]).toContain('RECENT 0');
  expect(texts(await client.ok('SELECT box'))).toContain('* 0 RECENT');
  expect((await client.command('STATUS box ()')).status).toBe('BAD');
  expect((await client.command('STATUS box (NONSENSE)')).status).toBe('BAD');
  expect(await client.command('STATUS none (MESSAGES)')).toMatchObject({
    status: 'NO',
    text: expect.stringContaining('[NONEXISTENT]'),
  });
});

test('each message is recent in one session only, also when several have the mailbox selected', async () => {
  await using imap = await startImap();
  const [one, other] = [await imap.login(), await imap.login()];
  await one.ok('SELECT INBOX');
  await other.ok('SELECT INBOX');
  for (let count = 0; count < 6; count++) {
    const inbox = await imap.store.mail(imap.anna.id).mailboxByPath('INBOX');
    await using staging = imap.store.stage({ maxBytes: 10_000 });
    await staging.write(message(`${count}`));
    await using staged = await staging.finish();
    await imap.store.mail(imap.anna.id).append(inbox?.id ?? 0, [{ staged }]);
    await (count % 2 === 0 ? one : other).ok('NOOP');
  }
  await one.ok('NOOP');
  await other.ok('NOOP');
  const recent = async (client: typeof one) =>
    texts(await client.ok('SEARCH RECENT'))[0]
      ?.split(' ')
      .slice(2)
      .map(Number) ?? [];
  const [first, second] = [await recent(one), await recent(other)];
  expect([...first, ...second].sort()).toEqual([1, 2, 3, 4, 5, 6]);
  expect(first.length).toBe(3);
});

test('a failed SELECT leaves no mailbox selected', async () => {
  await using imap = await startImap();
  const client = await imap.login();
  await client.ok('SELECT INBOX');
  expect(await client.command('SELECT none')).toMatchObject({
    status: 'NO',
    text: expect.stringContaining('[NONEXISTENT]'),
  });
  expect((await client.command('FETCH 1 UID')).status).toBe('BAD');
});

test('EXAMINE changes nothing: no flags, no expunge, no \\Recent', async () => {
  await using imap = await startImap();
  const client = await imap.login();
  await client.ok('APPEND INBOX (\\Deleted)', message('one'));
  const examined = await client.ok('EXAMINE INBOX');
  expect(examined.text).toBe('[READ-ONLY] Selected');
  expect(texts(examined)).toContain('* OK [PERMANENTFLAGS ()] Flags that are kept');
  for (const command of ['STORE 1 +FLAGS (\\Seen)', 'EXPUNGE', 'UID EXPUNGE 1', 'MOVE 1 Trash']) {
    expect((await client.command(command)).status, command).toBe('NO');
  }
  await client.ok('FETCH 1 BODY[]');
  expect(texts(await client.ok('FETCH 1 FLAGS'))).toEqual(['* 1 FETCH (FLAGS (\\Deleted \\Recent))']);
  await client.ok('CLOSE');
  expect(texts(await client.ok('SELECT INBOX'))).toContain('* 1 EXISTS');
});
