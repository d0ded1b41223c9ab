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
