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

test('DELETE above other mailboxes leaves a name that leads to them and is no mailbox (RFC 9051 6.3.5)', async () => {
  await using imap = await startImap();
  const [client, other] = [await imap.login(), await imap.login()];
  await client.ok('CREATE a/b/c');
  await client.ok('SUBSCRIBE a');
  await client.ok('SUBSCRIBE a/b/c');
  for (const path of ['a', 'a/b/c']) await client.ok(`APPEND ${path} {${message(path).length}+}\r\n${message(path)}`);
  const [, validity = ''] = /UIDVALIDITY (\d+)/.exec(texts(await client.ok('STATUS a (UIDVALIDITY)')).join()) ?? [];
  await client.ok('SELECT a');
  await other.ok('SELECT a');
  await client.ok('DELETE a');
  expect((await client.command('FETCH 1 UID')).text).toBe('No mailbox is selected');
  await other.ok('NOOP');
  expect((await other.response()).text).toBe('* BYE The selected mailbox was deleted');

  const leading = '* LIST (\\NonExistent \\Noselect \\HasChildren) "/" "a"';
  expect(texts(await client.ok('LIST "" a'))).toEqual([leading]);
  expect(texts(await client.ok('LIST "" a%'))).toEqual([leading]);
  expect(texts(await client.ok('LIST "" a* RETURN (STATUS (MESSAGES))'))).toEqual([
    '* LIST (\\HasChildren) "/" "a/b"',
    '* STATUS "a/b" (MESSAGES 0)',
    '* LIST (\\HasNoChildren) "/" "a/b/c"',
    '* STATUS "a/b/c" (MESSAGES 1)',
  ]);
  expect(texts(await client.ok('LIST (SUBSCRIBED) "" a%'))).toEqual([
    '* LIST (\\NonExistent \\HasChildren \\Subscribed) "/" "a"',
  ]);
  expect(texts(await client.ok('LSUB "" a%'))).toEqual(['* LSUB (\\Noselect) "/" "a"']);
  for (const verb of ['SELECT a', 'EXAMINE a', 'STATUS a (MESSAGES)', 'DELETE a', 'RENAME a z', 'MYRIGHTS a']) {
    expect((await client.command(verb)).text, verb).toMatch(/^\[NONEXISTENT\] /);
  }
  await client.ok('SELECT a/b/c');
  for (const verb of ['COPY 1 a', 'MOVE 1 a', 'APPEND a {1+}\r\nx']) {
    expect((await client.command(verb)).text, verb).toMatch(/^\[TRYCREATE\] /);
  }
  expect((await client.command('RENAME a/b/c a')).text).toMatch(/^\[ALREADYEXISTS\] /);

  // Made again it is another one, above the same mailboxes.
  await client.ok('CREATE a');
  expect(texts(await client.ok('LIST "" a'))).toEqual(['* LIST (\\HasChildren) "/" "a"']);
  const [told = ''] = texts(await client.ok('STATUS a (MESSAGES UIDVALIDITY UIDNEXT)'));
  const [, again = ''] = /MESSAGES 0 UIDVALIDITY (\d+) UIDNEXT 1\)/.exec(told) ?? [];
  expect(Number(again), told).toBeGreaterThan(Number(validity));

  // The last one below takes the names with it.
  for (const path of ['a', 'a/b', 'a/b/c']) await client.ok(`DELETE ${path}`);
  expect(texts(await client.ok('LIST "" a%'))).toEqual([]);
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
