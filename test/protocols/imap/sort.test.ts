// SORT and THREAD over sockets.
import { expect, test } from 'vitest';
import { message, startImap } from '#test/support/imap-server.ts';

const texts = (result: { untagged: readonly { text: string }[] }) => result.untagged.map(({ text }) => text);

test('SORT: by subject and by date, newest first', async () => {
  await using imap = await startImap();
  const client = await imap.login();
  for (const name of ['pear', 'Re: apple', 'fig']) await client.ok('APPEND INBOX', message(name));
  await client.ok('SELECT INBOX');
  expect(texts(await client.ok('SORT (SUBJECT) UTF-8 ALL'))).toEqual(['* SORT 2 3 1']);
  expect(texts(await client.ok('UID SORT (REVERSE ARRIVAL SUBJECT) UTF-8 SUBJECT p'))).toEqual(['* SORT 2 1']);
});

test('SORT=DISPLAY: by the name that is shown', async () => {
  await using imap = await startImap();
  const client = await imap.login();
  for (const from of ['Zoe <a@x.org>', 'z@x.org', '=?utf-8?q?=C3=84nne?= <b@x.org>']) {
    await client.ok('APPEND INBOX', Buffer.from(`From: ${from}\r\n\r\nx\r\n`));
  }
  await client.ok('SELECT INBOX');
  expect(texts(await client.ok('SORT (DISPLAYFROM) UTF-8 ALL'))).toEqual(['* SORT 3 2 1']);
});

test('ESORT: the order as a set', async () => {
  await using imap = await startImap();
  const client = await imap.login();
  for (const name of ['c', 'a', 'b']) await client.ok('APPEND INBOX', message(name));
  await client.ok('SELECT INBOX');
  expect(texts(await client.ok('SORT RETURN (ALL COUNT) (SUBJECT) UTF-8 ALL'))[0]).toMatch(/ COUNT 3 ALL 2:3,1$/);
});

test('THREAD=REFERENCES: replies below what they answer', async () => {
  await using imap = await startImap();
  const client = await imap.login();
  await client.ok('APPEND INBOX', message('hello', 'x', ['Message-ID: <a@x>']));
  await client.ok('APPEND INBOX', message('other'));
  await client.ok('APPEND INBOX', message('Re: hello', 'x', ['Message-ID: <b@x>', 'References: <a@x>']));
  await client.ok('SELECT INBOX');
  expect(texts(await client.ok('THREAD REFERENCES UTF-8 ALL'))).toEqual(['* THREAD (1 3)(2)']);
});

test('THREAD=ORDEREDSUBJECT: messages of one subject together', async () => {
  await using imap = await startImap();
  const client = await imap.login();
  for (const name of ['b', 'a', 'Re: b']) await client.ok('APPEND INBOX', message(name));
  await client.ok('SELECT INBOX');
  expect(texts(await client.ok('THREAD ORDEREDSUBJECT UTF-8 ALL'))).toEqual(['* THREAD (1 3)(2)']);
});

test('I18NLEVEL=1: case is ignored in every script, and accents count', async () => {
  await using imap = await startImap();
  const client = await imap.login();
  for (const name of ['ΣΊΣΥΦΟΣ', 'Ωμέγα', 'σίσυφος']) {
    await client.ok('APPEND INBOX', message(`=?utf-8?b?${Buffer.from(name).toString('base64')}?=`));
  }
  await client.ok('SELECT INBOX');
  const needle = Buffer.from('σΊσυΦος');
  client.wire.send(`a SEARCH CHARSET UTF-8 SUBJECT {${needle.length}+}\r\n`);
  client.wire.send(needle);
  client.wire.send('\r\n');
  expect(texts(await client.result('a'))).toEqual(['* SEARCH 1 3']);
  expect(texts(await client.ok('SORT (SUBJECT) UTF-8 ALL'))).toEqual(['* SORT 1 3 2']);
});
