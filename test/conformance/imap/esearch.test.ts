// RFC 4731 (ESEARCH), RFC 5182 (SEARCHRES), RFC 5032 (WITHIN) and RFC 9394 (PARTIAL), MUST by MUST, over a socket.
import { expect, test } from 'vitest';
import { type ImapServer, message, startImap } from '#test/support/imap-server.ts';
import type { ImapWire } from '#test/support/wire.ts';

const texts = (result: { untagged: readonly { text: string }[] }) => result.untagged.map(({ text }) => text);

/** INBOX with eight messages, of which 2, 3, 5 and 8 are flagged; their UIDs are 11 to 18. */
async function eight(imap: ImapServer): Promise<ImapWire> {
  const client = await imap.login();
  for (let count = 1; count <= 18; count++) await client.ok('APPEND INBOX', message(`${count}`));
  await client.ok('SELECT INBOX');
  await client.ok('STORE 1:10 +FLAGS.SILENT (\\Deleted)');
  await client.ok('EXPUNGE');
  await client.ok('STORE 2,3,5,8 +FLAGS.SILENT (\\Flagged)');
  return client;
}

/** What an ESEARCH says behind its correlator. */
async function found(client: ImapWire, command: string): Promise<string[]> {
  return texts(await client.ok(command)).map((line) => line.replace(/^\* ESEARCH \(TAG "[^"]+"\)/, 'E'));
}

test('RFC 4731 3.1: one ESEARCH instead of SEARCH, with what was asked for', async () => {
  await using imap = await startImap();
  const client = await eight(imap);
  expect(await found(client, 'SEARCH RETURN (MIN) FLAGGED')).toEqual(['E MIN 2']);
  expect(await found(client, 'SEARCH RETURN (MAX) FLAGGED')).toEqual(['E MAX 8']);
  expect(await found(client, 'SEARCH RETURN (COUNT) FLAGGED')).toEqual(['E COUNT 4']);
  expect(await found(client, 'SEARCH RETURN (ALL) FLAGGED')).toEqual(['E ALL 2:3,5,8']);
  expect(await found(client, 'search return (min max) flagged')).toEqual(['E MIN 2 MAX 8']);
  // An empty list is (ALL).
  expect(await found(client, 'SEARCH RETURN () FLAGGED')).toEqual(['E ALL 2:3,5,8']);
  // UID SEARCH has the UID indicator, and everything is UIDs.
  expect(await found(client, 'UID SEARCH RETURN (MIN ALL COUNT) FLAGGED')).toEqual([
    'E UID MIN 12 COUNT 4 ALL 12:13,15,18',
  ]);
  expect(await found(client, 'SEARCH RETURN (COUNT) CHARSET UTF-8 FLAGGED')).toEqual(['E COUNT 4']);
});

test('RFC 4731 3.1: nothing found: ESEARCH still comes, without MIN, MAX and ALL, and COUNT is 0', async () => {
  await using imap = await startImap();
  const client = await eight(imap);
  expect(await found(client, 'SEARCH RETURN (MIN MAX ALL) DRAFT')).toEqual(['E']);
  expect(await found(client, 'UID SEARCH RETURN (MIN COUNT) DRAFT')).toEqual(['E UID COUNT 0']);
});

test('RFC 4731 3.2: MODSEQ is that of the messages that are returned', async () => {
  await using imap = await startImap();
  const client = await eight(imap);
  for (const number of [8, 2, 3, 5]) await client.ok(`STORE ${number} +FLAGS.SILENT (x)`);
  await client.ok('ENABLE CONDSTORE');
  const modseqs = new Map<number, number>();
  for (const line of texts(await client.ok('FETCH 1:8 (MODSEQ)'))) {
    const [, number, modseq] = /^\* (\d+) FETCH \(MODSEQ \((\d+)\)\)$/.exec(line) ?? [];
    modseqs.set(Number(number), Number(modseq));
  }
  const of = (number: number) => modseqs.get(number) ?? 0;
  const ask = (options: string) => found(client, `SEARCH RETURN (${options}) KEYWORD x MODSEQ 1`);
  expect(await ask('MIN')).toEqual([`E MIN 2 MODSEQ ${of(2)}`]);
  expect(await ask('MAX')).toEqual([`E MAX 8 MODSEQ ${of(8)}`]);
  expect(await ask('MIN MAX')).toEqual([`E MIN 2 MAX 8 MODSEQ ${Math.max(of(2), of(8))}`]);
  expect(await ask('MIN COUNT')).toEqual([`E MIN 2 COUNT 4 MODSEQ ${of(5)}`]);
  expect(await ask('ALL')).toEqual([`E ALL 2:3,5,8 MODSEQ ${of(5)}`]);
  expect(await found(client, 'SEARCH RETURN (ALL) DRAFT MODSEQ 1')).toEqual(['E']);
});

test('RFC 4731 4, RFC 9394 3.1: what is not in the grammar is refused', async () => {
  await using imap = await startImap();
  const client = await eight(imap);
  for (const wrong of [
    'RETURN',
    'RETURN (',
    'RETURN () ',
    'RETURN (MIN',
    'RETURN (NONSENSE) ALL',
    'RETURN (MIN)ALL',
    'RETURN (PARTIAL) ALL',
    'RETURN (PARTIAL 1) ALL',
    'RETURN (PARTIAL 0:5) ALL',
    'RETURN (PARTIAL 1:*) ALL',
    'RETURN (PARTIAL -1:5) ALL',
    'RETURN (PARTIAL 1:99999999999) ALL',
    // A single command MUST NOT contain more than one PARTIAL or ALL.
    'RETURN (ALL PARTIAL 1:5) ALL',
    'RETURN (PARTIAL 1:5 PARTIAL 6:9) ALL',
  ]) {
    expect([wrong, (await client.command(`SEARCH ${wrong}`)).status]).toEqual([wrong, 'BAD']);
  }
});

test('RFC 5182 2.1, 2.4: what $ stands for depends on what is returned', async () => {
  await using imap = await startImap();
  const client = await eight(imap);
  const saved = async () => texts(await client.ok('UID SEARCH $'))[0];
  expect(await saved()).toBe('* SEARCH');
  // SAVE alone suppresses the response.
  expect(await found(client, 'SEARCH RETURN (SAVE) FLAGGED')).toEqual([]);
  expect(await saved()).toBe('* SEARCH 12 13 15 18');
  // A search without SAVE, or one that is BAD, MUST NOT change it.
  await client.ok('SEARCH RETURN (ALL) DRAFT');
  expect((await client.command('SEARCH RETURN (SAVE) NONSENSE')).status).toBe('BAD');
  expect(await saved()).toBe('* SEARCH 12 13 15 18');
  expect(await found(client, 'SEARCH RETURN (SAVE MIN) FLAGGED')).toEqual(['E MIN 2']);
  expect(await saved()).toBe('* SEARCH 12');
  expect(await found(client, 'UID SEARCH RETURN (MAX SAVE MIN) FLAGGED')).toEqual(['E UID MIN 12 MAX 18']);
  expect(await saved()).toBe('* SEARCH 12 18');
  await client.ok('SEARCH RETURN (MAX SAVE MIN COUNT) FLAGGED');
  expect(await saved()).toBe('* SEARCH 12 13 15 18');
  await client.ok('SEARCH RETURN (ALL SAVE MIN) SEEN');
  expect(await saved()).toBe('* SEARCH');
  // With SAVE, a NO empties it.
  await client.ok('SEARCH RETURN (SAVE) ALL');
  expect((await client.command('SEARCH RETURN (SAVE) CHARSET X-NO SUBJECT x')).status).toBe('NO');
  expect(await saved()).toBe('* SEARCH');
  await client.ok('SEARCH RETURN (SAVE) ALL');
  await client.ok('SELECT INBOX');
  expect(await saved()).toBe('* SEARCH');
});

test('RFC 5182 2.1: every command that takes a set takes $, also when it is empty', async () => {
  await using imap = await startImap();
  const client = await eight(imap);
  for (const command of ['FETCH $ FLAGS', 'UID STORE $ +FLAGS (x)', 'COPY $ Archive', 'UID MOVE $ Archive']) {
    expect([command, ...texts(await client.ok(command))]).toEqual([command]);
  }
  await client.ok('UID SEARCH RETURN (SAVE) FLAGGED');
  expect(texts(await client.ok('FETCH $ UID'))).toHaveLength(4);
  expect(texts(await client.ok('UID SEARCH UID $ UID 15'))).toEqual(['* SEARCH 15']);
  expect(texts(await client.ok('SEARCH OR $ 1'))).toEqual(['* SEARCH 1 2 3 5 8']);
  expect(texts(await client.ok('SEARCH NOT $'))).toEqual(['* SEARCH 1 4 6 7']);
  // What is expunged is no longer in it; the numbers of the others are right.
  await client.ok('STORE 1:2 +FLAGS.SILENT (\\Deleted)');
  await client.ok('UID EXPUNGE $');
  expect(texts(await client.ok('SEARCH $'))).toEqual(['* SEARCH 2 4 7']);
  await client.ok('EXPUNGE');
  expect(texts(await client.ok('FETCH $ UID'))).toEqual([
    '* 1 FETCH (UID 13)',
    '* 3 FETCH (UID 15)',
    '* 6 FETCH (UID 18)',
  ]);
  expect((await client.ok('UID COPY $ Archive')).text).toMatch(/COPYUID \d+ 13,15,18 1:3/);
  expect((await client.command('FETCH $,1 UID')).status).toBe('BAD');
});

test('RFC 5032 2, 3: OLDER and YOUNGER take a number above 0', async () => {
  await using imap = await startImap();
  const client = await eight(imap);
  for (const wrong of ['OLDER', 'OLDER 0', 'YOUNGER -1', 'YOUNGER x']) {
    expect([wrong, (await client.command(`SEARCH ${wrong}`)).status]).toEqual([wrong, 'BAD']);
  }
  expect(await found(client, 'SEARCH RETURN (COUNT) NOT YOUNGER 4294967295')).toEqual(['E COUNT 0']);
});

test('RFC 9394 3.1, 4: a range of the results, with the range that was asked for; 3:2 is 2:3', async () => {
  await using imap = await startImap();
  const client = await eight(imap);
  const ask = (range: string) => found(client, `UID SEARCH RETURN (PARTIAL ${range}) FLAGGED`);
  expect(await ask('1:2')).toEqual(['E UID PARTIAL (1:2 12:13)']);
  expect(await ask('3:2')).toEqual(['E UID PARTIAL (2:3 13,15)']);
  expect(await ask('4:500')).toEqual(['E UID PARTIAL (4:500 18)']);
  expect(await ask('5:500')).toEqual(['E UID PARTIAL (5:500 NIL)']);
  expect(await ask('-1:-2')).toEqual(['E UID PARTIAL (-1:-2 15,18)']);
  expect(await ask('-4:-3')).toEqual(['E UID PARTIAL (-3:-4 12:13)']);
  expect(await ask('-3:-100')).toEqual(['E UID PARTIAL (-3:-100 12:13)']);
  expect(await ask('-5:-100')).toEqual(['E UID PARTIAL (-5:-100 NIL)']);
  expect(await found(client, 'SEARCH RETURN (COUNT PARTIAL 1:2 MAX) FLAGGED')).toEqual([
    'E MAX 8 COUNT 4 PARTIAL (1:2 2:3)',
  ]);
});

test('RFC 9394 3.2: what $ stands for after PARTIAL', async () => {
  await using imap = await startImap();
  const client = await eight(imap);
  for (const [options, saved] of [
    ['SAVE PARTIAL 2:3', '13 15'],
    ['SAVE PARTIAL 2:3 MIN', '12 13 15'],
    ['SAVE PARTIAL 2:3 MAX', '13 15 18'],
    ['SAVE PARTIAL 2:2 MIN MAX', '12 13 18'],
    ['SAVE PARTIAL 2:3 COUNT', '12 13 15 18'],
  ]) {
    await client.ok(`SEARCH RETURN (${options}) FLAGGED`);
    expect([options, texts(await client.ok('UID SEARCH $'))[0]]).toEqual([options, `* SEARCH ${saved}`]);
  }
});

test('RFC 9394 3.3, 3.4: UID FETCH answers for a range of the set, and for those of it that changed', async () => {
  await using imap = await startImap();
  const client = await eight(imap);
  const uids = async (command: string) =>
    texts(await client.ok(command)).flatMap((line) => /FETCH \(UID (\d+)/.exec(line)?.[1] ?? []);
  expect(await uids('UID FETCH 12:17 (UID FLAGS) (PARTIAL -1:-3)')).toEqual(['15', '16', '17']);
  expect(await uids('UID FETCH 12:17 (UID FLAGS) (PARTIAL 1:2)')).toEqual(['12', '13']);
  expect(await uids('UID FETCH 12:17 (UID FLAGS) (PARTIAL 9:12)')).toEqual([]);
  await client.ok('ENABLE CONDSTORE');
  const modseq = /MODSEQ \((\d+)\)/.exec(texts(await client.ok('FETCH 7 (MODSEQ)'))[0] ?? '')?.[1];
  expect(await uids(`UID FETCH 11:18 (FLAGS) (PARTIAL -1:-4 CHANGEDSINCE ${modseq})`)).toEqual(['15', '18']);
  expect((await client.command('FETCH 1:8 UID (PARTIAL 1:2)')).status).toBe('BAD');
});
