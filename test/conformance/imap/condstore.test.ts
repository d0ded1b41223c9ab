// RFC 7162 3.1 (CONDSTORE), MUST by MUST, over a socket.
import { expect, test } from 'vitest';
import { type ImapServer, message, startImap } from '#test/support/imap-server.ts';
import type { ImapWire } from '#test/support/wire.ts';

const texts = (result: { untagged: readonly { text: string }[] }) => result.untagged.map(({ text }) => text);
const HIGHEST = /^\* OK \[HIGHESTMODSEQ (\d+)\]/;
const highest = (lines: readonly string[]) => Number(HIGHEST.exec(lines.find((line) => HIGHEST.test(line)) ?? '')?.[1]);
const modseqOf = (line: string | undefined) => Number(/MODSEQ \((\d+)\)/.exec(line ?? '')?.[1]);

/** Two sessions of anna in INBOX with this many messages. */
async function two(imap: ImapServer, messages: number): Promise<[ImapWire, ImapWire]> {
  const [one, other] = [await imap.login(), await imap.login()];
  for (let count = 1; count <= messages; count++) await one.ok('APPEND INBOX', message(`${count}`));
  await one.ok('SELECT INBOX');
  await other.ok('SELECT INBOX');
  return [one, other];
}

test('3.1: after each enabling command every FETCH of changed flags has MODSEQ, and UID (3.2.4)', async () => {
  await using imap = await startImap();
  for (const enabling of [
    'SELECT INBOX (CONDSTORE)',
    'EXAMINE INBOX (CONDSTORE)',
    'STATUS INBOX (HIGHESTMODSEQ)',
    'FETCH 1 (MODSEQ)',
    'SEARCH MODSEQ 1',
    'FETCH 1 (FLAGS) (CHANGEDSINCE 1)',
    'STORE 1 (UNCHANGEDSINCE 1) +FLAGS (x)',
    'ENABLE CONDSTORE',
    'enable qresync',
  ]) {
    const [one, other] = await two(imap, 1);
    await one.ok(enabling);
    await other.ok('STORE 1 +FLAGS (a)');
    await other.ok('STORE 1 -FLAGS (a)');
    expect([enabling, ...texts(await one.ok('NOOP'))].at(-1)).toMatch(
      /^\* 1 FETCH \(UID 1 MODSEQ \(\d+\) FLAGS \(.*\)\)$/,
    );
  }
});

test('3.1: the first enabling command in a selected mailbox tells HIGHESTMODSEQ, later ones do not', async () => {
  await using imap = await startImap();
  const [client] = await two(imap, 2);
  const first = texts(await client.ok('FETCH 1:2 (MODSEQ)'));
  expect(first[0]).toMatch(HIGHEST);
  expect(highest(first)).toBe(modseqOf(first[2]));
  expect(texts(await client.ok('FETCH 1:2 (MODSEQ)')).some((line) => HIGHEST.test(line))).toBe(false);
});

test('3.1: a new message and a changed flag raise the mod-sequence; what changes nothing does not', async () => {
  await using imap = await startImap();
  const [client] = await two(imap, 1);
  await client.ok('ENABLE CONDSTORE');
  const before = modseqOf(texts(await client.ok('FETCH 1 (MODSEQ)'))[0]);
  const stored = modseqOf(texts(await client.ok('STORE 1 +FLAGS (\\Flagged)'))[0]);
  expect(stored).toBeGreaterThan(before);
  // 3.1.11: adding the flag when it is already present SHOULD NOT change the mod-sequence.
  expect(modseqOf(texts(await client.ok('STORE 1 +FLAGS (\\Flagged)'))[0])).toBe(stored);
  expect(texts(await client.ok('STORE 1 +FLAGS.SILENT (\\Flagged)'))).toEqual([]);
  const silent = texts(await client.ok('STORE 1 -FLAGS.SILENT (\\Flagged)'));
  expect(silent).toEqual([expect.stringMatching(/^\* 1 FETCH \(UID 1 MODSEQ \(\d+\)\)$/)]);
  expect(modseqOf(silent[0])).toBeGreaterThan(stored);
  await client.ok('APPEND INBOX', message('new'));
  expect(modseqOf(texts(await client.ok('FETCH 2 (MODSEQ)'))[0])).toBeGreaterThan(modseqOf(silent[0]));
  // 3.1.4: a FETCH that sets \Seen tells UID, MODSEQ and the flags.
  const seen = texts(await client.ok('FETCH 1 BODY[TEXT]'))[0];
  expect(seen).toMatch(/^\* 1 FETCH \(UID 1 MODSEQ \(\d+\) BODY\[TEXT\] \{\d+\}.* FLAGS \(\\Seen \\Recent\)\)$/);
});

test('3.1.2.1: SELECT and EXAMINE tell HIGHESTMODSEQ, which STATUS tells too, and which covers every message', async () => {
  await using imap = await startImap();
  const [client] = await two(imap, 3);
  await client.ok('STORE 2 +FLAGS (\\Seen)');
  const selected = highest(texts(await client.ok('SELECT INBOX')));
  expect(highest(texts(await client.ok('EXAMINE INBOX')))).toBe(selected);
  expect(texts(await client.ok('STATUS INBOX (HIGHESTMODSEQ)')).at(-1)).toBe(
    `* STATUS "INBOX" (HIGHESTMODSEQ ${selected})`,
  );
  const modseqs = texts(await client.ok('FETCH 1:3 (MODSEQ)')).map(modseqOf);
  expect(Math.max(...modseqs)).toBe(selected);
  // An empty mailbox has one above 0 as well.
  expect(highest(texts(await client.ok('SELECT Archive')))).toBeGreaterThan(0);
});

test('3.1.3: UNCHANGEDSINCE changes what has not been changed, and names the others in MODIFIED', async () => {
  await using imap = await startImap();
  const [client, other] = await two(imap, 4);
  const known = highest(texts(await client.ok('SELECT INBOX (CONDSTORE)')));
  await other.ok('STORE 2,4 +FLAGS (\\Answered)');
  const result = await client.ok(`STORE 1:4 (UNCHANGEDSINCE ${known}) +FLAGS.SILENT (\\Deleted)`);
  expect(result.text).toMatch(/^\[MODIFIED 2,4\] /);
  // An untagged FETCH with MODSEQ MUST be sent even if .SILENT; who failed is told what it is now.
  expect(texts(result)).toEqual([
    expect.stringMatching(/^\* 1 FETCH \(UID 1 MODSEQ \(\d+\)\)$/),
    expect.stringMatching(/^\* 2 FETCH \(UID 2 MODSEQ \(\d+\) FLAGS \(\\Answered\b.*\)\)$/),
    expect.stringMatching(/^\* 3 FETCH \(UID 3 MODSEQ \(\d+\)\)$/),
    expect.stringMatching(/^\* 4 FETCH \(UID 4 MODSEQ \(\d+\) FLAGS \(\\Answered\b.*\)\)$/),
  ]);
  expect(texts(await client.ok('SEARCH DELETED'))).toEqual(['* SEARCH 1 3']);
  // UIDs for UID STORE; a message named twice does not fail because of itself.
  await client.ok('UID STORE 1 +FLAGS.SILENT (\\Deleted)');
  await other.ok('EXPUNGE');
  const now = highest(texts(await client.ok('SELECT INBOX')));
  await other.ok('UID STORE 4 +FLAGS (x)');
  const byUid = await client.ok(`UID STORE 2,2:4,4 (UNCHANGEDSINCE ${now}) +FLAGS (y)`);
  expect(byUid.text).toMatch(/^\[MODIFIED 4\] /);
  expect(texts(await client.ok('UID SEARCH KEYWORD y'))).toEqual(['* SEARCH 2']);
});

test('3.1.3: UNCHANGEDSINCE 0 always fails', async () => {
  await using imap = await startImap();
  const [client] = await two(imap, 1);
  const result = await client.ok('STORE 1 (UNCHANGEDSINCE 0) +FLAGS.SILENT ($MDNSent)');
  expect(result.text).toMatch(/^\[MODIFIED 1\] /);
  expect(texts(await client.ok('SEARCH KEYWORD $MDNSent'))).toEqual(['* SEARCH']);
});

test('3.1.4.1: CHANGEDSINCE answers for messages with a greater mod-sequence, with MODSEQ', async () => {
  await using imap = await startImap();
  const [client] = await two(imap, 5);
  const known = highest(texts(await client.ok('SELECT INBOX (CONDSTORE)')));
  await client.ok('STORE 2,5 +FLAGS (\\Flagged)');
  const found = texts(await client.ok(`FETCH 1:4 (FLAGS) (CHANGEDSINCE ${known})`));
  expect(found).toEqual([expect.stringMatching(/^\* 2 FETCH \(MODSEQ \(\d+\) FLAGS \(\\Flagged\b.*\)\)$/)]);
  const byUid = texts(await client.ok(`UID FETCH 1:* (UID RFC822.SIZE) (CHANGEDSINCE ${known})`));
  expect(byUid.map((line) => /UID (\d+)/.exec(line)?.[1])).toEqual(['2', '5']);
  const now = modseqOf(byUid[1]);
  expect(texts(await client.ok(`FETCH 1:* FLAGS (CHANGEDSINCE ${now})`))).toEqual([]);
  expect(texts(await client.ok('FETCH 1:* FLAGS (CHANGEDSINCE 9223372036854775807)'))).toEqual([]);
  // iOS asks so.
  expect(texts(await client.ok('FETCH 1:* FLAGS (CHANGEDSINCE 0)'))).toHaveLength(5);
});

test('3.1.5, 3.1.6: SEARCH MODSEQ finds this mod-sequence and greater ones, and ends with the highest found', async () => {
  await using imap = await startImap();
  const [client] = await two(imap, 4);
  await client.ok('STORE 3 +FLAGS (\\Flagged)');
  const [changed] = texts(await client.ok('STORE 2 +FLAGS (\\Draft)')).map(modseqOf);
  await client.ok('ENABLE CONDSTORE');
  const modseqs = texts(await client.ok('FETCH 1:4 (MODSEQ)')).map(modseqOf);
  expect(changed).toBeNaN();
  const [, second = 0, third = 0] = modseqs;
  expect(texts(await client.ok(`SEARCH MODSEQ ${third}`))).toEqual([`* SEARCH 2 3 (MODSEQ ${second})`]);
  expect(texts(await client.ok(`SEARCH MODSEQ "/flags/\\\\draft" all ${second}`))).toEqual([
    `* SEARCH 2 (MODSEQ ${second})`,
  ]);
  expect(texts(await client.ok(`UID SEARCH NOT MODSEQ ${second} FLAGGED`))).toEqual([`* SEARCH 3 (MODSEQ ${third})`]);
  expect(texts(await client.ok(`SEARCH MODSEQ ${second + 1}`))).toEqual(['* SEARCH']);
});

test('3.1.1, 7: what is not in the grammar is refused', async () => {
  await using imap = await startImap();
  const [client] = await two(imap, 1);
  for (const wrong of [
    'FETCH 1 FLAGS (CHANGEDSINCE)',
    'FETCH 1 FLAGS (CHANGEDSINCE -1)',
    'FETCH 1 FLAGS (CHANGEDSINCE 9223372036854775808)',
    'FETCH 1 FLAGS ()',
    'FETCH 1 FLAGS (SINCE 1)',
    'STORE 1 (UNCHANGEDSINCE) +FLAGS (x)',
    'STORE 1 (CHANGEDSINCE 1) +FLAGS (x)',
    'STORE 1 () +FLAGS (x)',
    'SELECT INBOX (NONSENSE)',
    'SELECT INBOX ()',
    'SEARCH MODSEQ x',
    'SEARCH MODSEQ "/flags/\\\\seen" 5',
    'SEARCH MODSEQ "/flags/\\\\seen" other 5',
  ]) {
    expect([wrong, (await client.command(wrong)).status]).toEqual([wrong, 'BAD']);
  }
  expect(texts(await client.ok('FETCH 1 UID'))).toEqual(['* 1 FETCH (UID 1)']);
});
