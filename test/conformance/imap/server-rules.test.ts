// Rules that RFC 9051 has for a server beside those of single commands: what is told of a mailbox that may not be selected,
// when numbers change, when nothing may be said, and what the grammar takes. rfc9051.test.ts lists them all.
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { KEYWORDS } from '#storage/account/limits.ts';
import { message, startImap } from '#test/support/imap-server.ts';

const texts = (result: { untagged: readonly { text: string }[] }) => result.untagged.map(({ text }) => text);

test('2.3.1.1: UIDNEXT changes when messages are added, also if they are gone again, and by nothing else', async () => {
  await using imap = await startImap();
  const client = await imap.login();
  const next = async () => Number(/UIDNEXT (\d+)/.exec(texts(await client.ok('STATUS INBOX (UIDNEXT)')).join())?.[1]);
  const first = await next();
  await client.ok('SELECT INBOX');
  await client.ok('APPEND INBOX', message('one'));
  expect(await next()).toBe(first + 1);
  await client.ok('STORE 1 +FLAGS (\\Deleted work)');
  await client.ok('COPY 1 Archive');
  expect(await next()).toBe(first + 1);
  await client.ok('EXPUNGE');
  expect(await next()).toBe(first + 1);
  const adding = await imap.login();
  await adding.ok('APPEND INBOX (\\Deleted)', message('two'));
  await client.ok('EXPUNGE');
  expect(texts(await client.ok('STATUS INBOX (MESSAGES UIDNEXT)'))[0]).toMatch(new RegExp(`0 UIDNEXT ${first + 2}`));
});

test('2.3.1.2: sequence numbers are in the order of the UIDs', async () => {
  await using imap = await startImap();
  const client = await imap.login();
  for (const name of ['one', 'two', 'three', 'four']) await client.ok('APPEND INBOX', message(name));
  await client.ok('SELECT INBOX');
  await client.ok('MOVE 2 Archive');
  await client.ok('COPY 3,1 INBOX');
  const uids = texts(await client.ok('FETCH 1:* UID')).map((line) => /^\* (\d+) FETCH \(UID (\d+)\)$/.exec(line));
  expect(uids.map((match) => Number(match?.[1]))).toEqual([1, 2, 3, 4, 5]);
  expect(uids.map((match) => Number(match?.[2]))).toEqual([1, 3, 4, 5, 6]);
});

test('6.3.1: a capability that is known and is not enabled by ENABLE is ignored', async () => {
  await using imap = await startImap();
  const client = await imap.login();
  expect(texts(await client.ok('ENABLE IDLE MOVE IMAP4rev1 AUTH=PLAIN'))).toEqual(['* ENABLED']);
});

test('6.3.9: a pattern that can match nothing here is OK, and no return option tells of other names', async () => {
  await using imap = await startImap();
  const client = await imap.login();
  await client.ok('CREATE Work/Deep');
  await client.ok('SUBSCRIBE Work/Deep');
  for (const pattern of ['"//"', '"a//b"', '"/"', '"#news.*"', '"~bert/%"', '"../*"']) {
    expect(texts(await client.ok(`LIST "" ${pattern}`)), pattern).toEqual([]);
  }
  const options = 'RETURN (SUBSCRIBED CHILDREN SPECIAL-USE STATUS (MESSAGES) MYRIGHTS)';
  const told = texts(await client.ok(`LIST "" Wor% ${options}`));
  expect(told.filter((line) => line.includes('Deep'))).toEqual([]);
  expect(told[0]).toMatch(/^\* LIST \(\\HasChildren\) "\/" "Work"/);
});

test('6.3.12, 6.4.7, 6.4.8: nothing is told of the UIDs in a mailbox that may be added to and not selected', async () => {
  await using imap = await startImap();
  const [anna, bert] = [await imap.login(), await imap.login('bert')];
  await anna.ok('CREATE Drop');
  await anna.ok('SETACL Drop bert@example.test li');
  const drop = '"Other Users/anna@example.test/Drop"';
  expect((await bert.command(`SELECT ${drop}`)).text).toMatch(/^\[NOPERM\]/);
  const said: string[] = [];
  const does = async (command: string, literal?: Buffer) => {
    const done = literal === undefined ? await bert.ok(command) : await bert.ok(command, literal);
    said.push(done.text, ...texts(done));
  };
  await does(`APPEND ${drop}`, message('one'));
  for (const name of ['two', 'three', 'four']) await bert.ok('APPEND INBOX', message(name));
  await bert.ok('SELECT INBOX');
  await does(`COPY 1 ${drop}`);
  await does(`UID COPY 1 ${drop}`);
  await does(`MOVE 1 ${drop}`);
  await does(`REPLACE 1 ${drop}`, message('five'));
  expect(said.filter((text) => /APPENDUID|COPYUID/.test(text))).toEqual([]);
  expect(said.filter((text) => text === '* 1 EXPUNGE')).toHaveLength(2);
  expect(texts(await anna.ok('STATUS Drop (MESSAGES)'))).toEqual(['* STATUS "Drop" (MESSAGES 5)']);
  await anna.ok('SETACL Drop bert@example.test lri');
  expect((await bert.ok(`COPY 1 ${drop}`)).text).toMatch(/^\[COPYUID /);
});

test('6.4.8: a MOVE sets no \\Deleted that anybody sees, and one to what is not there is TRYCREATE and makes nothing', async () => {
  await using imap = await startImap();
  const [client, other] = [await imap.login(), await imap.login()];
  await client.ok('APPEND INBOX (\\Flagged)', message('one'));
  for (const session of [client, other]) await session.ok('SELECT INBOX');
  const refused = await client.command('MOVE 1 Nowhere');
  expect([refused.status, refused.text]).toEqual(['NO', expect.stringMatching(/^\[TRYCREATE\]/)]);
  expect(texts(await client.ok('LIST "" Nowhere'))).toEqual([]);
  expect(texts(await other.ok('NOOP'))).toEqual([]);
  const moved = texts(await client.ok('MOVE 1 Archive'));
  expect(moved.filter((line) => line.includes('FLAGS'))).toEqual([]);
  expect(texts(await other.ok('NOOP')).filter((line) => line.includes('FETCH'))).toEqual([]);
  await client.ok('SELECT Archive');
  expect(texts(await client.ok('FETCH 1 FLAGS'))[0]).toMatch(/FLAGS \(\\Flagged/);
  expect(texts(await client.ok('SEARCH DELETED'))).toEqual(['* SEARCH']);
});

test('7.1: when no more keywords can be made, PERMANENTFLAGS is told without \\*', async () => {
  await using imap = await startImap();
  const client = await imap.login();
  for (let n = 0; n < 12; n++) await client.ok('APPEND INBOX', message(`${n}`));
  const permanent = (lines: string[]) => lines.filter((line) => line.startsWith('* OK [PERMANENTFLAGS'));
  expect(permanent(texts(await client.ok('SELECT INBOX')))[0]).toContain(' \\*)]');
  const known = (texts(await client.ok('SELECT INBOX')).find((line) => line.startsWith('* FLAGS')) ?? '').split(' ');
  const room = KEYWORDS - known.filter((name) => !/[\\(*]|FLAGS/.test(name)).length;
  const names = Array.from({ length: room }, (_, n) => `k${n}`);
  for (let n = 0; names.length > 1; n++) {
    await client.ok(`STORE ${n + 1} +FLAGS.SILENT (${names.splice(0, Math.min(49, names.length - 1)).join(' ')})`);
  }
  expect(permanent(texts(await client.ok('SELECT INBOX')))[0]).toContain(' \\*)]');
  const [full = ''] = permanent(texts(await client.ok(`STORE 1 +FLAGS (${names.join(' ')})`)));
  expect(full).toContain(` ${names[0]})]`);
  const refused = await client.command('STORE 1 +FLAGS (one-more)');
  expect([refused.status, refused.text]).toEqual(['NO', expect.stringMatching(/^\[LIMIT\]/)]);
});

test('7.5.1: no EXPUNGE while a literal is asked for, nor while no command is in progress', async () => {
  await using imap = await startImap();
  const [client, other] = [await imap.login(), await imap.login()];
  for (const name of ['one', 'two']) await client.ok('APPEND INBOX', message(name));
  for (const session of [client, other]) await session.ok('SELECT INBOX');
  const body = message('three');
  client.wire.send(`lit APPEND INBOX {${body.length}}\r\n`);
  expect((await client.response()).text).toMatch(/^\+ /);
  await other.ok('STORE 1 +FLAGS.SILENT (\\Deleted)');
  await other.ok('EXPUNGE');
  // Long enough for what another session did to be told to one in IDLE.
  await sleep(100);
  client.wire.send(body);
  client.wire.send('\r\n');
  const lines = texts(await client.result('lit'));
  expect(lines.filter((line) => line.includes('EXPUNGE'))).toEqual(['* 1 EXPUNGE']);
  expect(lines.at(-1)).not.toMatch(/^\+/);
  await other.ok('STORE 1 +FLAGS.SILENT (\\Deleted)');
  await other.ok('EXPUNGE');
  await sleep(100);
  client.wire.send('f FETCH 1:* UID\r\n');
  expect(texts(await client.result('f')).filter((line) => line.includes('EXPUNGE'))).toEqual([]);
  expect(texts(await client.ok('NOOP'))).toContain('* 1 EXPUNGE');
});

test('7.3.1: no name is told as more than one of \\Marked, \\Unmarked and \\Noselect, nor with and without children', async () => {
  await using imap = await startImap();
  const client = await imap.login();
  await client.ok('CREATE a/b/c');
  await client.ok('DELETE a/b');
  for (const line of texts(await client.ok('LIST "" *'))) {
    const attributes = /^\* LIST \(([^)]*)\)/.exec(line)?.[1]?.split(' ') ?? [];
    const kinds = attributes.filter((name) => /^\\(Marked|Unmarked|Noselect|NonExistent)$/i.test(name));
    expect(kinds.length, line).toBeLessThan(2);
    expect(
      attributes.filter((name) => /^\\Has(No)?Children$/.test(name)),
      line,
    ).toHaveLength(1);
  }
});

test('9: words in any case, exactly one space, no NUL, no + in a tag', async () => {
  await using imap = await startImap();
  const client = await imap.login();
  await client.ok('APPEND iNbOx', message('one'));
  await client.ok('sElEcT InBoX');
  expect(texts(await client.ok('fEtCh 1 (uId fLaGs)'))[0]).toMatch(/^\* 1 FETCH \(UID 1 FLAGS /);
  expect(texts(await client.ok('uid search seen or from ANNA deleted'))).toEqual(['* SEARCH']);
  for (const wrong of ['FETCH  1 UID', 'FETCH 1  UID', 'FETCH\t1 UID', 'STORE 1 FLAGS  ()', 'SEARCH TEXT "a\0b"']) {
    expect((await client.command(wrong)).status, JSON.stringify(wrong)).toBe('BAD');
  }
  client.wire.send('a+b NOOP\r\n');
  expect((await client.response()).text).toMatch(/^\S+ BAD /);
  await client.ok('NOOP');
});
