// A change of flags of all messages of a large mailbox, as programs see it: it is written down as one (architecture 12).
import { expect, test } from 'vitest';
import { OWED_MESSAGES } from '#storage/account/limits.ts';
import { message, startImap } from '#test/support/imap-server.ts';

const COUNT = OWED_MESSAGES + 10;

const texts = (result: { untagged: readonly { text: string }[] }) => result.untagged.map(({ text }) => text);

test('STORE 1:* of a large mailbox is told to everybody as it would be of a small one', async () => {
  await using imap = await startImap();
  const one = await imap.login();
  await one.ok('APPEND INBOX', message('one'));
  await one.ok('SELECT INBOX (CONDSTORE)');
  for (let count = 1; count < COUNT; count = Math.min(COUNT, count * 2)) {
    await one.ok(`COPY 1:${Math.min(count, COUNT - count)} INBOX`);
  }
  await one.ok('NOOP');
  await one.ok('STORE 3:4 +FLAGS.SILENT (\\Flagged \\Seen)');
  const two = await imap.login();
  await two.ok('SELECT INBOX (CONDSTORE)');
  const stored = await one.ok('STORE 1:* +FLAGS (\\Seen)');
  const told = texts(stored).filter((line) => line.includes(' FETCH '));
  expect([told.length, told[0], told[2], told[COUNT - 1]]).toEqual([
    COUNT,
    expect.stringMatching(/^\* 1 FETCH \(UID 1 MODSEQ \(\d+\) FLAGS \(\\Seen( \\Recent)?\)\)/),
    expect.stringMatching(/^\* 3 FETCH \(UID 3 MODSEQ \(\d+\) FLAGS \(\\Flagged \\Seen( \\Recent)?\)\)/),
    expect.stringMatching(new RegExp(`^\\* ${COUNT} FETCH \\(UID ${COUNT} `)),
  ]);
  const modseq = (line = '') => Number(/MODSEQ \((\d+)\)/.exec(line)?.[1]);
  expect(modseq(told[2])).toBeLessThan(modseq(told[0]));
  // The other session hears of those that have changed, and a new one finds them so.
  const heard = texts(await two.ok('NOOP')).filter((line) => line.includes(' FETCH '));
  expect(heard.length).toBe(COUNT - 2);
  const three = await imap.login();
  await three.ok('SELECT INBOX (CONDSTORE)');
  const since = await three.ok(`FETCH 1:* (UID) (CHANGEDSINCE ${modseq(told[2])})`);
  expect(since.untagged.length).toBe(COUNT - 2);
  expect(texts(await three.ok('SEARCH UNSEEN')).join('')).not.toMatch(/\d/);
  // What is deleted by all is expunged by all.
  await three.ok('STORE 1:* +FLAGS.SILENT (\\Deleted)');
  expect(texts(await three.ok('EXPUNGE')).filter((line) => line.endsWith(' EXPUNGE')).length).toBe(COUNT);
  expect(texts(await two.ok('STATUS INBOX (MESSAGES UNSEEN)')).join('')).toMatch(/MESSAGES 0 UNSEEN 0/);
});
