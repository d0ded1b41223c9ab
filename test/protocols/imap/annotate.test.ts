// Annotations of messages over sockets (RFC 5257, F118): a person's own comments and those for all.
import { expect, test } from 'vitest';
import { ANNOTATION_BYTES } from '#protocols/imap/limits.ts';
import { message, startImap } from '#test/support/imap-server.ts';

const texts = (result: { untagged: readonly { text: string }[] }) => result.untagged.map(({ text }) => text);

test('ANNOTATE-EXPERIMENT-1: comments for oneself and for all are set, told, changed and taken away', async () => {
  await using imap = await startImap();
  const client = await imap.login();
  for (const name of ['one', 'two']) await client.ok('APPEND INBOX', message(name));
  expect(texts(await client.ok('SELECT INBOX'))).toContain(`* OK [ANNOTATIONS ${ANNOTATION_BYTES}] Bytes of one`);
  const nothing = '(/comment (value.priv NIL value.shared NIL))';
  expect(texts(await client.ok('FETCH 1 (ANNOTATION (/comment value))'))).toEqual([
    `* 1 FETCH (ANNOTATION ${nothing})`,
  ]);
  expect(texts(await client.ok('STORE 1 ANNOTATION (/comment (value.priv "My comment" value.shared "Ours"))'))).toEqual(
    [],
  );
  expect(texts(await client.ok('FETCH 1:2 (UID ANNOTATION (/comment value) FLAGS)'))).toEqual([
    '* 1 FETCH (UID 1 ANNOTATION (/comment (value.priv "My comment" value.shared "Ours")) FLAGS (\\Recent))',
    `* 2 FETCH (UID 2 ANNOTATION ${nothing} FLAGS (\\Recent))`,
  ]);
  // A literal in UTF-8, several entries, patterns, sizes.
  client.wire.send(
    Buffer.from('s UID STORE 2 ANNOTATION (/Comment (value.priv {4+}\r\nzoë) /vendor/x (value.priv "y"))\r\n'),
  );
  expect((await client.result('s')).status).toBe('OK');
  const [reply] = (await client.ok('FETCH 2 ANNOTATION (* (value.priv size.priv))')).untagged;
  expect(reply?.text).toMatch(/^\* 2 FETCH \(ANNOTATION \(\/comment \(value.priv \{4\} size.priv "4"\) \/vendor\/x /);
  expect(reply?.literals[0]?.toString()).toBe('zoë');
  expect(texts(await client.ok('FETCH 2 ANNOTATION ((/vendor/% /none) value.priv)'))).toEqual([
    '* 2 FETCH (ANNOTATION (/none (value.priv NIL) /vendor/x (value.priv "y")))',
  ]);
  await client.ok('STORE 1 ANNOTATION (/comment (value.priv NIL))');
  expect(texts(await client.ok('FETCH 1 ANNOTATION (/comment (value.priv value.shared))'))).toEqual([
    '* 1 FETCH (ANNOTATION (/comment (value.priv NIL value.shared "Ours")))',
  ]);
});

test('ANNOTATE-EXPERIMENT-1: searched by text, and by there being none', async () => {
  await using imap = await startImap();
  const client = await imap.login();
  for (const name of ['one', 'two', 'three']) await client.ok('APPEND INBOX', message(name));
  await client.ok('SELECT INBOX');
  await client.ok('STORE 1 ANNOTATION (/comment (value.priv "call Bert back"))');
  await client.ok('STORE 2 ANNOTATION (/comment (value.shared "Bert did it"))');
  const found = async (keys: string) => texts(await client.ok(`SEARCH ${keys}`))[0];
  expect(await found('ANNOTATION /comment value "bert"')).toBe('* SEARCH 1 2');
  expect(await found('ANNOTATION /comment value.priv "bert"')).toBe('* SEARCH 1');
  expect(await found('ANNOTATION * value.shared bert SUBJECT two')).toBe('* SEARCH 2');
  expect(await found('ANNOTATION /comment value NIL')).toBe('* SEARCH 3');
  expect(await found('NOT ANNOTATION /comment value.priv NIL')).toBe('* SEARCH 1');
  expect(await found('OR ANNOTATION /comment value call SUBJECT three')).toBe('* SEARCH 1 3');
});

test('ANNOTATE-EXPERIMENT-1: messages come with some, copies have them, a move takes them along', async () => {
  await using imap = await startImap();
  const client = await imap.login();
  const mail = message('one');
  await client.ok('APPEND INBOX (\\Seen) ANNOTATION (/comment (value.priv "mine" value.shared "ours"))', mail);
  client.wire.send(`a APPEND INBOX ANNOTATION (/comment (value.priv {5+}\r\nlater)) {${mail.length}+}\r\n`);
  client.wire.send(mail);
  client.wire.send('\r\n');
  expect((await client.result('a')).status).toBe('OK');
  await client.ok('SELECT INBOX');
  await client.ok('COPY 1 Archive');
  await client.ok('MOVE 1:2 Archive');
  await client.ok('SELECT Archive');
  const both = '(ANNOTATION (/comment (value.priv "mine" value.shared "ours")))';
  expect(texts(await client.ok('FETCH 1:* ANNOTATION (/comment value)'))).toEqual([
    `* 1 FETCH ${both}`,
    `* 2 FETCH ${both}`,
    '* 3 FETCH (ANNOTATION (/comment (value.priv "later" value.shared NIL)))',
  ]);
});

test('ANNOTATE-EXPERIMENT-1: other sessions are told which entries changed if they asked, and of the change in any case', async () => {
  await using imap = await startImap();
  const [one, other, plain] = [await imap.login(), await imap.login(), await imap.login()];
  await one.ok('APPEND INBOX', message('one'));
  await one.ok('SELECT INBOX');
  await other.ok('SELECT INBOX (ANNOTATE)');
  await plain.ok('SELECT INBOX (CONDSTORE)');
  const [, before = ''] =
    /HIGHESTMODSEQ (\d+)/.exec(texts(await plain.ok('STATUS INBOX (HIGHESTMODSEQ)')).join()) ?? [];
  await one.ok('STORE 1 ANNOTATION (/comment (value.priv "x"))');
  expect(texts(await other.ok('NOOP'))).toEqual(['* 1 FETCH (UID 1 FLAGS () ANNOTATION (/comment))']);
  expect(texts(await other.ok('NOOP'))).toEqual([]);
  expect(texts(await one.ok('NOOP'))).toEqual([]);
  expect(texts(await plain.ok('NOOP'))).toEqual([
    expect.stringMatching(/^\* 1 FETCH \(UID 1 MODSEQ \(\d+\) FLAGS \(\)\)$/),
  ]);
  const late = await plain.command(`STORE 1 (UNCHANGEDSINCE ${before}) ANNOTATION (/comment (value.priv "y"))`);
  expect(late.text).toMatch(/^\[MODIFIED 1\]/);
  await one.ok('STORE 1 ANNOTATION (/comment (value.priv "x"))');
  expect(texts(await other.ok('NOOP'))).toEqual([]);
  expect(texts(await plain.ok('STORE 1 ANNOTATION (/comment (value.priv "z"))'))).toEqual([
    expect.stringMatching(/^\* 1 FETCH \(UID 1 MODSEQ \(\d+\)\)$/),
  ]);
});

test('ANNOTATE-EXPERIMENT-1: what is too long, too much or wrong is refused', async () => {
  await using imap = await startImap();
  const client = await imap.login();
  await client.ok('APPEND INBOX', message('one'));
  await client.ok('SELECT INBOX');
  const long = `STORE 1 ANNOTATION (/comment (value.priv "${'x'.repeat(ANNOTATION_BYTES + 1)}"))`;
  expect((await client.command(long)).text).toMatch(/^\[ANNOTATE TOOBIG\]/);
  await client.ok(`STORE 1 ANNOTATION (/comment (value.priv "${'x'.repeat(ANNOTATION_BYTES)}"))`);
  const many = Array.from({ length: 11 }, (_, at) => `/x${at} (value.priv "x")`).join(' ');
  expect((await client.command(`STORE 1 ANNOTATION (${many})`)).text).toMatch(/^\[ANNOTATE TOOMANY\]/);
  for (const wrong of [
    ...['STORE 1 ANNOTATION ()', 'STORE 1 ANNOTATION (/comment)', 'STORE 1 ANNOTATION (/comment ())'],
    ...['STORE 1 ANNOTATION (comment (value.priv "x"))', 'STORE 1 ANNOTATION (/c* (value.priv "x"))'],
    ...['STORE 1 ANNOTATION (/comment (size.priv "x"))', 'STORE 1 ANNOTATION (/comment (value "x"))'],
    ...['FETCH 1 ANNOTATION', 'FETCH 1 ANNOTATION (/comment)', 'FETCH 1 ANNOTATION (/comment other)'],
    ...['SEARCH ANNOTATION /comment size x', 'SEARCH ANNOTATION /comment value'],
  ]) {
    expect((await client.command(wrong)).status, wrong).toBe('BAD');
  }
  await client.ok('EXAMINE INBOX');
  expect((await client.command('STORE 1 ANNOTATION (/comment (value.priv "x"))')).status).toBe('NO');
});

test('ANNOTATE-EXPERIMENT-1: in a shared mailbox each has comments of his own, and who has the right n has those for all', async () => {
  await using imap = await startImap();
  const [anna, bert] = [await imap.login(), await imap.login('bert')];
  await anna.ok('CREATE Projects');
  await anna.ok('APPEND Projects ANNOTATION (/comment (value.priv "of anna" value.shared "of all"))', message('one'));
  await anna.ok('SETACL Projects bert@example.test lr');
  await anna.ok('SELECT Projects (ANNOTATE)');
  await bert.ok('SELECT "Other Users/anna@example.test/Projects"');
  const told = async (client: typeof anna) => texts(await client.ok('FETCH 1 ANNOTATION (/comment value)'))[0];
  expect(await told(bert)).toBe('* 1 FETCH (ANNOTATION (/comment (value.priv NIL value.shared "of all")))');
  await bert.ok('STORE 1 ANNOTATION (/comment (value.priv "of bert"))');
  expect(await told(bert)).toContain('value.priv "of bert"');
  expect(await told(anna)).toContain('value.priv "of anna"');
  const refused = await bert.command('STORE 1 ANNOTATION (/comment (value.shared "changed"))');
  expect(refused).toMatchObject({ status: 'NO', text: expect.stringMatching(/^\[NOPERM\]/) });
  await anna.ok('SETACL Projects bert@example.test lrn');
  await bert.ok('STORE 1 ANNOTATION (/comment (value.shared "changed"))');
  expect(texts(await anna.ok('NOOP')).join()).toContain('ANNOTATION (/comment)');
  expect(await told(anna)).toContain('value.shared "changed"');
  expect(texts(await bert.ok('SEARCH ANNOTATION /comment value "of bert"'))).toEqual(['* SEARCH 1']);
  expect(texts(await anna.ok('SEARCH ANNOTATION /comment value "of bert"'))).toEqual(['* SEARCH']);
});
