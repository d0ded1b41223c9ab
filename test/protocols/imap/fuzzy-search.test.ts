// SEARCH=FUZZY over sockets: words in any order, without accents, and scores; see search-index.test.ts for the index.
import { expect, test } from 'vitest';
import { type ImapServer, message, startImap } from '#test/support/imap-server.ts';
import type { ImapWire } from '#test/support/wire.ts';

const texts = (result: { untagged: readonly { text: string }[] }) =>
  result.untagged.map(({ text }) => text.replace(/TAG "[^"]*"/, 'TAG'));

async function filled(imap: ImapServer): Promise<ImapWire> {
  const client = await imap.login();
  const html = '<p>Stra&szlig;en<b>bahn</b></p>';
  const mails = [
    message('Résumé', 'Mein Lebenslauf.'),
    message('Other', 'The resume of Ångström, and an Ærø ferry.'),
    message('Third', 'presumed yesterday, like before'),
    message('Break', 'IMAP is broken'),
    message('Fahrt', html, ['Content-Type: text/html; charset=utf-8']),
    message('Plan', 'Fahrt mit der Straßenbahn', ['Content-Type: text/plain; charset=utf-8']),
  ];
  for (const mail of mails) await client.ok('APPEND INBOX', mail);
  await client.ok('SELECT INBOX');
  return client;
}

test('SEARCH=FUZZY: words in any order, in any case, with and without accents', async () => {
  await using imap = await startImap();
  const client = await filled(imap);
  const found = async (keys: string) => texts(await client.ok(`SEARCH ${keys}`));
  expect(await found('FUZZY TEXT resume')).toEqual(['* SEARCH 1 2 3']);
  expect(await found('TEXT resume')).toEqual(['* SEARCH 2 3']);
  expect(await found('FUZZY SUBJECT resume')).toEqual(['* SEARCH 1']);
  expect(await found('FUZZY BODY "broken imap"')).toEqual(['* SEARCH 4']);
  expect(await found('FUZZY BODY "ANGSTROM aero"')).toEqual(['* SEARCH 2']);
  expect(await found('FUZZY TEXT "bahn fahrt"')).toEqual(['* SEARCH 5 6']);
  expect(await found('FUZZY TEXT strassenbahn')).toEqual(['* SEARCH 6']);
  expect(await found('NOT FUZZY TEXT resume')).toEqual(['* SEARCH 4 5 6']);
  // Of several keys and of other kinds.
  expect(await found('FUZZY (BODY resume FROM ANNA) SUBJECT other')).toEqual(['* SEARCH 2']);
  expect(await found('FUZZY UNSEEN FUZZY FUZZY SUBJECT plan')).toEqual(['* SEARCH 6']);
  expect(await found('FUZZY HEADER Subject ""')).toEqual(['* SEARCH 1 2 3 4 5 6']);
  expect(await found('FUZZY TEXT ""')).toEqual(['* SEARCH 1 2 3 4 5 6']);
  expect(await found('FUZZY BODY ","')).toEqual(['* SEARCH 2 3']);
  expect(texts(await client.ok('THREAD REFERENCES UTF-8 FUZZY SUBJECT resume'))).toEqual(['* THREAD (1)']);
});

test('SEARCH=FUZZY: scores say where and how a word stands, and SORT takes the best first', async () => {
  await using imap = await startImap();
  const client = await filled(imap);
  const [line = ''] = texts(await client.ok('SEARCH RETURN (RELEVANCY ALL COUNT) FUZZY TEXT resume'));
  const [, scores = ''] = /^\* ESEARCH \(TAG\) COUNT 3 ALL 1:3 RELEVANCY \(([\d ]+)\)$/.exec(line) ?? [];
  const [subject = 0, body = 0, inside = 0] = scores.split(' ').map(Number);
  expect(subject).toBe(100);
  expect(body).toBeLessThan(subject);
  expect(inside).toBeLessThan(body);
  expect(inside).toBeGreaterThan(0);
  expect(texts(await client.ok('SORT (RELEVANCY) UTF-8 FUZZY TEXT resume'))).toEqual(['* SORT 1 2 3']);
  expect(texts(await client.ok('SORT (REVERSE RELEVANCY ARRIVAL) UTF-8 FUZZY TEXT resume'))).toEqual(['* SORT 3 2 1']);
  expect(texts(await client.ok('UID SORT RETURN (RELEVANCY PARTIAL 2:3) (RELEVANCY) UTF-8 FUZZY TEXT resume'))).toEqual(
    [`* ESEARCH (TAG) UID PARTIAL (2:3 2:3) RELEVANCY (${body} ${inside})`],
  );
  // What has both words comes before what has one.
  expect(texts(await client.ok('SORT (RELEVANCY) UTF-8 OR FUZZY BODY fahrt FUZZY BODY bahn'))).toEqual(['* SORT 6 5']);
  expect(texts(await client.ok('SEARCH RETURN (RELEVANCY) FUZZY TEXT absent'))).toEqual([
    '* ESEARCH (TAG) RELEVANCY ()',
  ]);
  expect(texts(await client.ok('SEARCH RETURN (RELEVANCY ALL) FUZZY SUBJECT plan'))).toEqual([
    '* ESEARCH (TAG) ALL 6 RELEVANCY (100)',
  ]);
  const [several = ''] = texts(
    await client.ok('ESEARCH IN (mailboxes INBOX) RETURN (ALL RELEVANCY) FUZZY TEXT resume'),
  );
  expect(several).toMatch(new RegExp(` UID ALL 1:3 RELEVANCY \\(${scores}\\)$`));
});

test('SEARCH=FUZZY: scores without a fuzzy key are refused, and so is too much', async () => {
  await using imap = await startImap();
  const client = await filled(imap);
  for (const wrong of [
    'SEARCH RETURN (RELEVANCY) TEXT resume',
    'SORT (RELEVANCY) UTF-8 TEXT resume',
    'SEARCH FUZZY',
    'SEARCH FUZZY TEXT',
    `SEARCH ${'FUZZY '.repeat(60)}ALL`,
    `SEARCH FUZZY TEXT "${'a b '.repeat(30)}"`,
  ]) {
    expect((await client.command(wrong)).status, wrong).toBe('BAD');
  }
});
