// RFC 7162 3.2 (QRESYNC), MUST by MUST, over a socket.
import { expect, test } from 'vitest';
import { pruneLog } from '#storage/changes/prune.ts';
import { type ImapServer, message, startImap } from '#test/support/imap-server.ts';
import type { ImapWire } from '#test/support/wire.ts';

const texts = (result: { untagged: readonly { text: string }[] }) => result.untagged.map(({ text }) => text);
const HIGHEST = /HIGHESTMODSEQ (\d+)/;
const highest = (lines: readonly string[]) => Number(HIGHEST.exec(lines.find((line) => HIGHEST.test(line)) ?? '')?.[1]);
const modseqOf = (line: string | undefined) => Number(/MODSEQ \((\d+)\)/.exec(line ?? '')?.[1]);
const validityOf = (lines: readonly string[]) => /UIDVALIDITY (\d+)/.exec(lines.join('\n'))?.[1] ?? '';
/** What a SELECT tells beyond what each one does. */
const told = (lines: readonly string[]) => lines.filter((line) => /VANISHED|FETCH/.test(line));

async function two(imap: ImapServer, messages: number): Promise<[ImapWire, ImapWire]> {
  const [one, other] = [await imap.login(), await imap.login()];
  for (let count = 1; count <= messages; count++) await one.ok('APPEND INBOX', message(`${count}`));
  await one.ok('ENABLE QRESYNC');
  await one.ok('SELECT INBOX');
  await other.ok('SELECT INBOX');
  return [one, other];
}

async function remove(client: ImapWire, uids: string): Promise<void> {
  await client.ok(`UID STORE ${uids} +FLAGS.SILENT (\\Deleted)`);
  await client.ok(`UID EXPUNGE ${uids}`);
}

test('3.2.3: ENABLE QRESYNC, alone or with CONDSTORE in any order, is answered and has one effect', async () => {
  await using imap = await startImap();
  for (const [asked, answered] of [
    ['QRESYNC', 'QRESYNC'],
    ['QRESYNC CONDSTORE', 'QRESYNC CONDSTORE'],
    ['condstore Qresync', 'CONDSTORE QRESYNC'],
  ]) {
    const client = await imap.login();
    expect(texts(await client.ok(`ENABLE ${asked}`))).toEqual([`* ENABLED ${answered}`]);
    await client.ok('APPEND INBOX (\\Deleted)', message('x'));
    await client.ok('SELECT INBOX');
    expect(texts(await client.ok('EXPUNGE'))[0]).toMatch(/^\* VANISHED \d+$/);
  }
});

test('3.2.3, 3.2.5, 3.2.6: without ENABLE QRESYNC its parameter and its modifier are BAD', async () => {
  await using imap = await startImap();
  const client = await imap.login();
  await client.ok('APPEND INBOX', message('x'));
  await client.ok('SELECT INBOX (CONDSTORE)');
  expect((await client.command('SELECT INBOX (QRESYNC (1 1))')).status).toBe('BAD');
  expect((await client.command('UID FETCH 1 FLAGS (CHANGEDSINCE 1 VANISHED)')).status).toBe('BAD');
  await client.ok('ENABLE QRESYNC');
  expect((await client.command('FETCH 1 FLAGS (CHANGEDSINCE 1 VANISHED)')).status).toBe('BAD');
  expect((await client.command('UID FETCH 1 FLAGS (VANISHED)')).status).toBe('BAD');
  for (const wrong of [
    '(QRESYNC)',
    '(QRESYNC ())',
    '(QRESYNC (1))',
    '(QRESYNC (1 1 1:*))',
    '(QRESYNC (1 1 1:2 (1)))',
    '(QRESYNC (1 1 1:2 (1:* 2)))',
    '(QRESYNC (x 1))',
    '(QRESYNC (1 1) (1))',
  ]) {
    expect([wrong, (await client.command(`SELECT Archive ${wrong}`)).status]).toEqual([wrong, 'BAD']);
  }
  // The one that was selected still is.
  expect(texts(await client.ok('FETCH 1 UID'))).toEqual(['* 1 FETCH (UID 1)']);
});

test('3.2.5.1: SELECT tells what has vanished, then the flags that changed, of all messages or of those known', async () => {
  await using imap = await startImap();
  const [one, other] = await two(imap, 8);
  const selected = texts(await one.ok('SELECT INBOX'));
  const [validity, known] = [validityOf(selected), highest(selected)];
  await one.ok('CLOSE');
  await remove(other, '2:3,7');
  await other.ok('UID STORE 4,8 +FLAGS.SILENT (\\Flagged)');
  await other.ok('APPEND INBOX', message('new'));
  const lines = texts(await one.ok(`SELECT INBOX (QRESYNC (${validity} ${known}))`));
  expect(told(lines)).toEqual([
    '* VANISHED (EARLIER) 2:3,7',
    expect.stringMatching(/^\* 2 FETCH \(UID 4 MODSEQ \(\d+\) FLAGS \(\\Flagged\b.*\)\)$/),
    expect.stringMatching(/^\* 5 FETCH \(UID 8 MODSEQ \(\d+\) FLAGS \(\\Flagged\b.*\)\)$/),
    expect.stringMatching(/^\* 6 FETCH \(UID 9 MODSEQ \(\d+\) FLAGS \(.*\)\)$/),
  ]);
  // All untagged responses of an ordinary SELECT come too, before.
  const vanished = lines.findIndex((line) => line.includes('VANISHED'));
  for (const part of ['6 EXISTS', 'UIDVALIDITY', 'UIDNEXT', 'HIGHESTMODSEQ', 'FLAGS (', 'PERMANENTFLAGS']) {
    const at = lines.findIndex((line) => line.includes(part));
    expect([part, at >= 0 && at < vanished]).toEqual([part, true]);
  }
  const some = texts(await one.ok(`EXAMINE INBOX (QRESYNC (${validity} ${known} 1:2,4:6))`));
  expect(told(some)).toEqual(['* VANISHED (EARLIER) 2', expect.stringMatching(/UID 4 MODSEQ/)]);
  expect(told(texts(await one.ok(`SELECT INBOX (QRESYNC (${validity} ${highest(lines)}))`)))).toEqual([]);
  expect(told(texts(await one.ok(`SELECT INBOX (CONDSTORE QRESYNC (${validity} ${known} 7))`)))).toHaveLength(1);
});

test('3.2.5: with another UIDVALIDITY the rest of the parameter is ignored', async () => {
  await using imap = await startImap();
  const [one, other] = await two(imap, 3);
  const selected = texts(await one.ok('SELECT INBOX'));
  await remove(other, '2');
  const lines = texts(await one.ok(`SELECT INBOX (QRESYNC (${Number(validityOf(selected)) + 1} 1))`));
  expect(told(lines)).toEqual([]);
  expect(validityOf(lines)).toBe(validityOf(selected));
});

test('3.2.5.2: what matches needs no VANISHED; the first mismatch ends it', async () => {
  await using imap = await startImap();
  const [one, other] = await two(imap, 12);
  const validity = validityOf(texts(await one.ok('SELECT INBOX')));
  await remove(other, '3');
  const early = highest(texts(await other.ok('SELECT INBOX')));
  await remove(other, '9:10');
  expect(early).toBeGreaterThan(0);
  const select = async (rest: string) =>
    told(texts(await one.ok(`SELECT INBOX (QRESYNC (${validity} 1 1:12 ${rest}))`))).filter((line) =>
      line.includes('VANISHED'),
    );
  // The second message still has UID 2, the seventh has UID 8; of the ninth the client knew UID 10.
  expect(await select('(2 2)')).toEqual(['* VANISHED (EARLIER) 3,9:10']);
  expect(await select('(2,7,9 2,8,10)')).toEqual(['* VANISHED (EARLIER) 9:10']);
  expect(await select('(1:9 1:2,4:10)')).toEqual(['* VANISHED (EARLIER) 9:10']);
  expect(await select('(9 12)')).toEqual([]);
  expect(await select('(1,100:4000000000 1,100:4000000000)')).toEqual(['* VANISHED (EARLIER) 3,9:10']);
});

test('3.2.6: UID FETCH with VANISHED tells what was expunged since, before any FETCH', async () => {
  await using imap = await startImap();
  const [one, other] = await two(imap, 6);
  const known = highest(texts(await one.ok('SELECT INBOX')));
  await remove(other, '2,6');
  await other.ok('UID STORE 3 +FLAGS.SILENT (x)');
  await one.ok('NOOP');
  const lines = texts(await one.ok(`UID FETCH 1:* (FLAGS) (CHANGEDSINCE ${known} VANISHED)`));
  expect(lines).toEqual([
    '* VANISHED (EARLIER) 2,6',
    expect.stringMatching(/^\* 2 FETCH \(UID 3 MODSEQ \(\d+\) FLAGS/),
  ]);
  expect(texts(await one.ok(`UID FETCH 1:4 (FLAGS) (VANISHED CHANGEDSINCE ${modseqOf(lines[1])})`))).toEqual([]);
  expect(texts(await one.ok(`UID FETCH 6:9 (FLAGS) (CHANGEDSINCE ${known} VANISHED)`))).toEqual([
    '* VANISHED (EARLIER) 6',
  ]);
});

test('3.2.6: what the client still counts is told by VANISHED without EARLIER', async () => {
  await using imap = await startImap();
  const [one, other] = await two(imap, 3);
  const known = highest(texts(await one.ok('SELECT INBOX')));
  await remove(other, '2');
  expect(texts(await one.ok(`UID FETCH 1:3 (FLAGS) (CHANGEDSINCE ${known} VANISHED)`)).slice(-1)).toEqual([
    '* VANISHED 2',
  ]);
});

test('3.2.6: where the log was cut, and for a mod-sequence of 1, all that is gone is told', async () => {
  await using imap = await startImap();
  const [one, other] = await two(imap, 5);
  const selected = texts(await one.ok('SELECT INBOX'));
  await remove(other, '2');
  await remove(other, '4');
  const key = { kind: 'account', id: imap.anna.id } as const;
  const keep = { rows: 1, age: 86_400_000 };
  while (await imap.store.engine.write(key, () => pruneLog(imap.anna.id, 'mail', imap.store.clock.now, keep)));
  const after = `(QRESYNC (${validityOf(selected)} ${highest(selected)} 1:5))`;
  expect(told(texts(await one.ok(`SELECT INBOX ${after}`)))).toEqual(['* VANISHED (EARLIER) 2,4']);
  expect(texts(await one.ok('UID FETCH 1:* (UID) (CHANGEDSINCE 1 VANISHED)'))[0]).toBe('* VANISHED (EARLIER) 2,4');
});

test('3.2.7, 3.2.9: EXPUNGE and UID EXPUNGE tell UIDs, and HIGHESTMODSEQ in the tagged OK', async () => {
  await using imap = await startImap();
  const [one] = await two(imap, 6);
  await one.ok('STORE 1,3:4,6 +FLAGS.SILENT (\\Deleted)');
  const first = await one.ok('UID EXPUNGE 1:3');
  expect(texts(first)).toEqual(['* VANISHED 1,3', '* 4 RECENT']);
  const second = await one.ok('EXPUNGE');
  expect(texts(second)).toEqual(['* VANISHED 4,6', '* 2 RECENT']);
  expect(highest([second.text])).toBeGreaterThan(highest([first.text]));
  expect(highest(texts(await one.ok('SELECT INBOX')))).toBe(highest([second.text]));
  const nothing = await one.ok('EXPUNGE');
  expect([nothing.text, texts(nothing)]).toEqual(['EXPUNGE completed', []]);
  // MOVE expunges too; its tagged OK has room for the mod-sequence, since COPYUID came before.
  const moved = await one.ok('UID MOVE 2 Archive');
  expect(texts(moved)).toEqual([expect.stringContaining('COPYUID'), '* VANISHED 2']);
  expect(highest([moved.text])).toBeGreaterThan(highest([second.text]));
});

test('3.2.8: CLOSE tells neither VANISHED nor HIGHESTMODSEQ, and raises it', async () => {
  await using imap = await startImap();
  const [one] = await two(imap, 2);
  const before = highest(texts(await one.ok('SELECT INBOX')));
  await one.ok('STORE 1 +FLAGS.SILENT (\\Deleted)');
  const closed = await one.ok('CLOSE');
  expect([closed.text, texts(closed)]).toEqual(['CLOSE completed', []]);
  const lines = texts(await one.ok('SELECT INBOX'));
  expect(highest(lines)).toBeGreaterThan(before + 1);
});

test('3.2.10.2: VANISHED names only what the client has been told of', async () => {
  await using imap = await startImap();
  const [one, other] = await two(imap, 2);
  await other.ok('APPEND INBOX', message('comes and goes'));
  await other.ok('NOOP');
  await remove(other, '2:3');
  expect(texts(await one.ok('NOOP'))).toEqual(['* VANISHED 2', '* 1 RECENT']);
  await other.ok('APPEND INBOX (\\Deleted)', message('unknown to one'));
  await other.ok('CLOSE');
  expect(texts(await one.ok('NOOP')).filter((line) => line.includes('VANISHED'))).toEqual([]);
});

test('3.2.10.2: no VANISHED during FETCH, STORE, SEARCH and UID SEARCH by number', async () => {
  await using imap = await startImap();
  const [one, other] = await two(imap, 4);
  await remove(other, '2');
  for (const command of ['FETCH 3 UID', 'STORE 3 +FLAGS.SILENT (x)', 'SEARCH UID 3', 'UID SEARCH 3 ALL']) {
    const lines = texts(await one.ok(command));
    expect([command, lines.some((line) => line.includes('VANISHED'))]).toEqual([command, false]);
  }
  expect(texts(await one.ok('UID SEARCH UID 3'))).toEqual(['* SEARCH 3', '* VANISHED 2', '* 3 RECENT']);
});

test('3.2, 6: while a VANISHED waits, HIGHESTMODSEQ stays below it', async () => {
  await using imap = await startImap();
  const [one, other] = await two(imap, 4);
  const known = highest(texts(await one.ok('SELECT INBOX')));
  await remove(other, '2');
  const stored = await one.ok('STORE 3 +FLAGS (x)');
  expect(highest([stored.text])).toBe(known);
  const told = modseqOf(texts(stored).find((line) => line.includes('UID 3 ')));
  expect(told).toBeGreaterThan(known);
  const fetched = await one.ok('FETCH 4 (MODSEQ)');
  expect(highest([fetched.text])).toBe(known);
  const noop = await one.ok('NOOP');
  expect(texts(noop)).toEqual(['* VANISHED 2']);
  expect(highest([noop.text])).toBe(told);
});

test('3.2.11: CLOSED parts the mailbox that is left from the one that is entered', async () => {
  await using imap = await startImap();
  const [one, other] = await two(imap, 1);
  expect(texts(await one.ok('SELECT Archive'))[0]).toMatch(/^\* OK \[CLOSED\]/);
  expect(texts(await other.ok('EXAMINE INBOX'))[0]).toMatch(/^\* OK \[CLOSED\]/);
  await other.ok('UNSELECT');
  expect(texts(await other.ok('SELECT INBOX')).some((line) => line.includes('CLOSED'))).toBe(false);
});
