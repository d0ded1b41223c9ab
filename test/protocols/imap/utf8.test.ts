// UTF8=ACCEPT, over a socket.
import { expect, test } from 'vitest';
import { message, startImap } from '#test/support/imap-server.ts';
import type { ImapWire } from '#test/support/wire.ts';

const texts = (result: { untagged: readonly { text: string }[] }) =>
  result.untagged.map(({ text }) => Buffer.from(text, 'latin1').toString('utf8'));

/** A command with UTF-8 in it. */
async function said(client: ImapWire, text: string) {
  const tag = client.nextTag();
  client.wire.send(Buffer.from(`${tag} ${text}\r\n`, 'utf8'));
  return await client.result(tag);
}

test('UTF8=ACCEPT: names are UTF-8 both ways, in every command, and & is only a character', async () => {
  await using imap = await startImap();
  const [client, old] = [await imap.login(), await imap.login()];
  expect(texts(await client.ok('ENABLE UTF8=ACCEPT'))).toEqual(['* ENABLED UTF8=ACCEPT']);
  for (const name of ['Entwürfe & mehr', '台北/日本語', '&APw-', 'plain']) {
    expect((await said(client, `CREATE "${name}"`)).status, name).toBe('OK');
    expect((await said(client, `SUBSCRIBE "${name}"`)).status).toBe('OK');
    expect(texts(await said(client, `LIST "" "${name}"`))[0]).toMatch(new RegExp(`"/" "${name}"$`));
    expect(texts(await said(client, `LSUB "" "${name}"`))).toEqual([`* LSUB () "/" "${name}"`]);
    expect(texts(await said(client, `STATUS "${name}" (MESSAGES)`))).toEqual([`* STATUS "${name}" (MESSAGES 0)`]);
    expect((await said(client, `SELECT "${name}"`)).status).toBe('OK');
  }
  expect(texts(await old.ok('LIST "" "Entw&APw-rfe &- mehr"'))).toEqual([
    '* LIST (\\HasNoChildren) "/" "Entw&APw-rfe &- mehr"',
  ]);
  client.wire.send(Buffer.from('x CREATE "\xff"\r\n', 'latin1'));
  expect(await client.result('x')).toMatchObject({ status: 'NO', text: expect.stringMatching(/^\[CANNOT\]/) });
});

test('UTF8=ACCEPT: messages come in UTF8 (~{n}), which Thunderbird sends, and as plain literals', async () => {
  await using imap = await startImap();
  const client = await imap.login();
  const body = message('héllo', 'x', ['From: Jürgen <jürgen@exämple.test>']);
  client.wire.send(`a APPEND INBOX (\\Seen) UTF8 (~{${body.length}+}\r\n`);
  client.wire.send(body);
  client.wire.send(')\r\n');
  expect((await client.result('a')).status).toBe('BAD');
  await client.ok('ENABLE UTF8=ACCEPT');
  for (const command of ['APPEND INBOX (\\Seen) UTF8 (~', 'APPEND INBOX ~', 'APPEND INBOX ']) {
    client.wire.send(`b ${command}{${body.length}+}\r\n`);
    client.wire.send(body);
    client.wire.send(command.includes('(~') ? ')\r\n' : '\r\n');
    expect((await client.result('b')).status, command).toBe('OK');
  }
  await client.ok('SELECT INBOX');
  const { untagged } = await client.ok('FETCH 1:3 BODY.PEEK[]');
  for (const { literals } of untagged) expect(literals[0]).toEqual(body);
  expect(texts(await said(client, 'SEARCH SUBJECT "héllo"'))).toEqual(['* SEARCH 1 2 3']);
});

test('UTF8=ACCEPT: SEARCH names no charset any more', async () => {
  await using imap = await startImap();
  const client = await imap.login();
  await client.ok('SELECT INBOX');
  await client.ok('SEARCH CHARSET UTF-8 ALL');
  await client.ok('ENABLE UTF8=ACCEPT');
  expect((await client.command('SEARCH CHARSET UTF-8 ALL')).status).toBe('BAD');
  await client.ok('UNAUTHENTICATE');
  await client.login('bert@example.test', 'correct horse');
  await client.ok('CREATE "Gr&APw-n"');
  expect(texts(await client.ok('LIST "" G*'))).toEqual(['* LIST (\\HasNoChildren) "/" "Gr&APw-n"']);
});

test('UTF8=ACCEPT: ENVELOPE and BODYSTRUCTURE show the UTF-8 of headers to those who enabled it, and to nobody else', async () => {
  await using imap = await startImap();
  const [client, old] = [await imap.login(), await imap.login()];
  const parts = [
    ...['--b', 'Content-Type: text/plain; name="naïve.txt"', 'Content-Description: schön', '', 'x'],
    ...['--b', 'Content-Type: message/rfc822', '', 'Subject: drinnen, ë', '', 'y', '--b--'],
  ].join('\r\n');
  const type = 'Content-Type: multipart/mixed; boundary=b';
  const raw = message('Grüße =?utf-8?Q?=C3=A9?= "aus" \\', parts, [
    'Cc: Jürgen <jürgen@exämple.test>, gruppe é: a@b;',
    type,
  ]);
  await client.ok('APPEND INBOX', raw);
  await client.ok('APPEND INBOX', message('plain'));
  // Latin-1 is no UTF-8: it stays in encoded words.
  await client.ok('APPEND INBOX', Buffer.from(raw.toString('utf8'), 'latin1'));
  await client.ok('ENABLE UTF8=ACCEPT');
  await client.ok('SELECT INBOX');
  await old.ok('SELECT INBOX');
  const [envelope = ''] = texts(await client.ok('FETCH 1 ENVELOPE'));
  expect(envelope).toContain('"Grüße =?utf-8?Q?=C3=A9?= \\"aus\\" \\\\"');
  expect(envelope).toContain('("Jürgen" NIL "jürgen" "exämple.test")(NIL NIL "gruppe é" NIL)');
  const [described = ''] = texts(await client.ok('FETCH 1 (BODYSTRUCTURE ENVELOPE EMAILID BODY.PEEK[1.MIME])'));
  expect(described).toContain('("name" "naïve.txt" "charset" "us-ascii") NIL "schön"');
  expect(described).toContain('"drinnen, ë"');
  expect(described).toContain(envelope.slice(11, -1));
  expect(texts(await client.ok('FETCH 1 BODY'))[0]).toContain('"naïve.txt"');
  for (const item of ['ENVELOPE', 'BODYSTRUCTURE', 'BODY']) {
    const [plain = '', other = ''] = (await old.ok(`FETCH 1,3 ${item}`)).untagged.map(({ text }) => text);
    expect(plain).toMatch(/^[\x20-\x7e]*$/);
    expect(other).toMatch(/^[\x20-\x7e]*$/);
    const same = (await old.ok(`FETCH 2 ${item}`)).untagged[0]?.text;
    expect((await client.ok(`FETCH 2 ${item}`)).untagged[0]?.text).toBe(same);
    expect((await client.ok(`FETCH 3 ${item}`)).untagged[0]?.text).toBe(other);
  }
});
