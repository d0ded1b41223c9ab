// Access control lists (RFC 4314) over sockets: the commands, and which right each command on a shared mailbox needs.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ImapServer, message, startImap } from '#test/support/imap-server.ts';
import type { ImapResult, ImapWire } from '#test/support/wire.ts';

const HIS = '"Other Users/anna@example.test/Projects"';
const BOX = `${HIS.slice(0, -1)}/Box"`;
const ALL = 'lrswipkxtena';

const texts = (result: ImapResult) => result.untagged.map(({ text }) => text);

/** Gives bert exactly these rights. */
async function grant(imap: ImapServer, path: string, rights: string, identifier = 'bert@example.test'): Promise<void> {
  await using anna = closing(await imap.login());
  await anna.client.ok(`SETACL ${path} ${identifier} "${rights}"`);
}

function closing(client: ImapWire) {
  return {
    client,
    async [Symbol.asyncDispose]() {
      await client.ok('LOGOUT');
    },
  };
}

test('ACL: SETACL, GETACL, DELETEACL, LISTRIGHTS and MYRIGHTS say what was set, with c and d for old clients', async () => {
  await using imap = await startImap();
  const anna = await imap.login();
  await anna.ok('CREATE Projects');
  expect(texts(await anna.ok('GETACL Projects'))).toEqual(['* ACL "Projects" "anna@example.test" lrswipkxtenacd']);
  await anna.ok('SETACL Projects BERT@Example.test lrswida');
  await anna.ok('setacl Projects anyone lr');
  await anna.ok('SETACL Projects -bert@example.test w');
  expect(texts(await anna.ok('GETACL Projects'))).toEqual([
    '* ACL "Projects" "anna@example.test" lrswipkxtenacd "anyone" lr "bert@example.test" lrsiteawd "-bert@example.test" w'.replace(
      'lrsiteawd',
      'lrswitead',
    ),
  ]);
  await anna.ok('SETACL Projects bert@example.test +k');
  await anna.ok('SETACL Projects bert@example.test -teas');
  const bert = await imap.login('bert');
  expect(texts(await bert.ok(`MYRIGHTS ${HIS}`))).toEqual([`* MYRIGHTS ${HIS} lrikc`]);
  await anna.ok('DELETEACL Projects -bert@example.test');
  await anna.ok('DELETEACL Projects bert@example.test');
  expect(texts(await bert.ok(`MYRIGHTS ${HIS}`))).toEqual([`* MYRIGHTS ${HIS} lr`]);
  await anna.ok('DELETEACL Projects anyone');
  expect(await bert.command(`MYRIGHTS ${HIS}`)).toMatchObject({ status: 'NO', text: '[NONEXISTENT] No such mailbox' });
  expect(texts(await anna.ok('MYRIGHTS INBOX'))).toEqual(['* MYRIGHTS "INBOX" lrswipkxtenacd']);
  expect(texts(await anna.ok('LISTRIGHTS Projects Bert@Example.Test'))).toEqual([
    '* LISTRIGHTS "Projects" "Bert@Example.Test" "" l r s w i p k x t e n a c d',
  ]);
  expect(texts(await anna.ok('LISTRIGHTS Projects anna@example.test'))).toEqual([
    '* LISTRIGHTS "Projects" "anna@example.test" lra s w i p k x t e n c d',
  ]);
});

test('RIGHTS=kxten: what is no right or no identifier is BAD, whom nobody knows is NO', async () => {
  await using imap = await startImap();
  const anna = await imap.login();
  for (const rights of ['lrQ', 'lrq', 'L', '+0', '-9', '++l', `${'l'.repeat(60)}`])
    expect(await anna.command(`SETACL INBOX anyone ${rights}`)).toMatchObject({ status: 'BAD' });
  for (const identifier of ['""', '"-"', '"a b@example.test"', `"${'x'.repeat(700)}"`])
    expect(await anna.command(`SETACL INBOX ${identifier} l`)).toMatchObject({ status: 'BAD' });
  for (const identifier of ['nobody@example.test', 'bert', 'group:none@example.test', 'anonymous'])
    expect((await anna.command(`SETACL INBOX ${identifier} l`)).text).toMatch(/^\[CANNOT\]/);
  expect((await anna.command('SETACL Nowhere anyone l')).text).toMatch(/^\[NONEXISTENT\]/);
  expect((await anna.command('LISTRIGHTS INBOX nobody@example.test')).text).toMatch(/^\[CANNOT\]/);
  for (const bad of [
    'SETACL',
    'SETACL INBOX',
    'SETACL INBOX anyone',
    'GETACL',
    'GETACL INBOX x',
    'MYRIGHTS',
    'LISTRIGHTS INBOX',
  ])
    expect((await anna.command(bad)).status).toBe('BAD');
});

test('an owner may restrict himself, and stays the administrator of his mailbox', async () => {
  await using imap = await startImap();
  const anna = await imap.login();
  await anna.ok('CREATE Kept');
  await anna.ok('APPEND Kept', message('old'));
  await anna.ok('SETACL Kept anna@example.test ""');
  await anna.ok('SETACL Kept -anna@example.test lrswipkxtea');
  expect(texts(await anna.ok('MYRIGHTS Kept'))).toEqual(['* MYRIGHTS "Kept" lra']);
  expect((await anna.ok('SELECT Kept')).text).toMatch(/^\[READ-ONLY\]/);
  expect((await anna.command('STORE 1 +FLAGS (\\Deleted)')).text).toMatch(/^\[NOPERM\]/);
  expect((await anna.command('DELETE Kept')).text).toMatch(/^\[NOPERM\]/);
  await anna.ok('DELETEACL Kept anna@example.test');
  await anna.ok('DELETEACL Kept -anna@example.test');
  await anna.ok('STORE 1 +FLAGS (\\Deleted)');
});

/** A shared mailbox Projects with two messages and Box below it; bert has something in his INBOX. */
async function share(imap: ImapServer): Promise<void> {
  await using anna = closing(await imap.login());
  await anna.client.ok('CREATE Projects/Box');
  for (const name of ['one', 'two']) await anna.client.ok('APPEND Projects', message(name));
  await anna.client.ok('APPEND Projects/Box', message('boxed'));
  await anna.client.ok(`SETACL Projects/Box bert@example.test ${ALL}`);
  await using bert = closing(await imap.login('bert'));
  await bert.client.ok('APPEND INBOX', message('own'));
}

interface Row {
  readonly what: string;
  /** The rights of the mailbox $M without which it fails, and others that it has then. */
  readonly needs: string;
  readonly beside?: string;
  /** Where it is run: with $M selected, with one's own INBOX, or anywhere. */
  readonly in?: 'M' | 'INBOX';
  /** $M: the mailbox; $B: another of the same account; a message follows where there is one to be sent. */
  readonly run: string;
  readonly message?: true;
}

const ROWS: readonly Row[] = [
  { what: 'SELECT', needs: 'r', run: 'SELECT $M' },
  { what: 'EXAMINE', needs: 'r', run: 'EXAMINE $M' },
  { what: 'STATUS', needs: 'r', run: 'STATUS $M (MESSAGES)' },
  { what: 'GETQUOTAROOT', needs: 'r', run: 'GETQUOTAROOT $M' },
  { what: 'CATENATE of a URL', needs: 'r', run: 'APPEND INBOX CATENATE (URL "/$U/;UID=1")' },
  { what: 'APPEND', needs: 'i', run: 'APPEND $M', message: true },
  { what: 'COPY to it', needs: 'i', in: 'INBOX', run: 'COPY 1 $M' },
  { what: 'UID COPY to it', needs: 'i', in: 'INBOX', run: 'UID COPY * $M' },
  { what: 'MOVE to it', needs: 'i', in: 'INBOX', run: 'MOVE 1 $M' },
  { what: 'UID MOVE to it', needs: 'i', in: 'INBOX', run: 'UID MOVE * $M' },
  { what: 'REPLACE into it', needs: 'i', in: 'INBOX', run: 'REPLACE 1 $M', message: true },
  { what: 'UID REPLACE into it', needs: 'i', in: 'INBOX', run: 'UID REPLACE * $M', message: true },
  { what: 'COPY from it', needs: '', in: 'M', run: 'COPY 1 INBOX' },
  { what: 'FETCH', needs: '', in: 'M', run: 'FETCH 1 BODY[]' },
  { what: 'UID FETCH', needs: '', in: 'M', run: 'UID FETCH 1 FLAGS' },
  { what: 'SEARCH', needs: '', in: 'M', run: 'SEARCH ALL' },
  { what: 'SORT', needs: '', in: 'M', run: 'SORT (DATE) UTF-8 ALL' },
  { what: 'THREAD', needs: '', in: 'M', run: 'THREAD REFERENCES UTF-8 ALL' },
  { what: 'MOVE from it', needs: 'te', in: 'M', run: 'MOVE 1 INBOX' },
  { what: 'UID MOVE from it', needs: 'te', in: 'M', run: 'UID MOVE 1 $B' },
  { what: 'REPLACE in it', needs: 'te', in: 'M', run: 'REPLACE 1 $B', message: true },
  { what: 'UID REPLACE in it', needs: 'te', in: 'M', run: 'UID REPLACE 1 INBOX', message: true },
  { what: 'EXPUNGE', needs: 'e', in: 'M', run: 'EXPUNGE' },
  { what: 'UID EXPUNGE', needs: 'e', in: 'M', run: 'UID EXPUNGE 1' },
  { what: 'STORE \\Seen', needs: 's', in: 'M', run: 'STORE 1 +FLAGS (\\Seen)' },
  { what: 'STORE \\Deleted', needs: 't', in: 'M', run: 'STORE 1 -FLAGS (\\Deleted)' },
  { what: 'UID STORE \\Deleted', needs: 't', in: 'M', run: 'UID STORE 1 +FLAGS.SILENT (\\Deleted)' },
  { what: 'STORE \\Flagged', needs: 'w', in: 'M', run: 'STORE 1 +FLAGS (\\Flagged)' },
  { what: 'STORE of a keyword', needs: 'w', in: 'M', run: 'STORE 1 +FLAGS (work)' },
  { what: 'STORE of a note for all', needs: 'n', in: 'M', run: 'STORE 1 ANNOTATION (/comment (value.shared "x"))' },
  { what: 'STORE of a note of his own', needs: '', in: 'M', run: 'STORE 1 ANNOTATION (/comment (value.priv "x"))' },
  { what: 'CREATE', needs: 'k', run: 'CREATE $N' },
  { what: 'RENAME into it', needs: 'k', run: 'RENAME $B $N' },
  { what: 'RENAME of it', needs: 'x', run: 'RENAME $M $C' },
  { what: 'DELETE', needs: 'x', run: 'DELETE $M' },
  { what: 'GETACL', needs: 'a', run: 'GETACL $M' },
  { what: 'SETACL', needs: 'a', run: 'SETACL $M anyone l' },
  { what: 'DELETEACL', needs: 'a', run: 'DELETEACL $M anyone' },
  { what: 'LISTRIGHTS', needs: 'a', run: 'LISTRIGHTS $M anyone' },
  { what: 'SUBSCRIBE', needs: 'l', run: 'SUBSCRIBE $M' },
  { what: 'GETMETADATA', needs: 'l', beside: 'r', run: 'GETMETADATA $M /shared/comment' },
  { what: 'SETMETADATA', needs: 'lw', run: 'SETMETADATA $M (/shared/comment "x")' },
];

describe('each command needs its right', () => {
  let imap: ImapServer;
  let [anna, bert] = [] as unknown as [ImapWire, ImapWire];
  let number = 0;
  beforeAll(async () => {
    imap = await startImap();
    [anna, bert] = [await imap.login(), await imap.login('bert')];
  });
  afterAll(() => imap[Symbol.asyncDispose]());

  test.each(ROWS)('$what needs $needs', async ({ what, needs, beside = '', in: place, run, ...row }) => {
    const name = `M${++number}`;
    const top = 'Other Users/anna@example.test';
    const command = run
      .replace('$M', `"${top}/${name}"`)
      .replace('$B', `"${top}/B${number}"`)
      .replace('$C', `"${top}/B${number}/moved"`)
      .replace('$N', `"${top}/${name}/new"`)
      .replace('$U', `${top.replace(' ', '%20')}/${name}`);
    for (const path of [name, `B${number}`]) await anna.ok(`CREATE ${path}`);
    await anna.ok(`APPEND ${name}`, message(what));
    await anna.ok(`SETACL B${number} bert@example.test ${ALL}`);
    await bert.ok('APPEND INBOX', message('own'));
    const attempt = async (rights: string) => {
      await anna.ok(`SETACL ${name} bert@example.test ${ALL}`);
      if (place !== undefined) await bert.ok(`SELECT ${place === 'M' ? `"${top}/${name}"` : 'INBOX'}`);
      await anna.ok(`SETACL ${name} bert@example.test ${rights}`);
      return row.message === true ? await bert.command(command, message('x')) : await bert.command(command);
    };
    for (const missing of needs) {
      const result = await attempt(ALL.replace(missing, ''));
      const told = missing === 'l' ? /NONEXISTENT/ : /NOPERM|BADURL/;
      expect([missing, result.status, told.test(result.text)]).toEqual([missing, 'NO', true]);
    }
    const result = await attempt(`l${needs.replace('l', '')}${beside}${place === 'M' ? 'r' : ''}`);
    expect([result.status, result.text]).toEqual(['OK', expect.any(String)]);
    if (place !== undefined) await bert.ok('UNSELECT');
  });

  test('a STORE changes what it may of what it names, and fails only where that is nothing', async () => {
    await using imap = await startImap();
    await share(imap);
    await grant(imap, 'Projects', 'lrsw');
    const bert = await imap.login('bert');
    const selected = texts(await bert.ok(`SELECT ${HIS}`));
    expect(selected).toContain('* OK [PERMANENTFLAGS (\\Answered \\Flagged \\Seen \\Draft \\*)] Flags that are kept');
    expect(texts(await bert.ok('STORE 1 +FLAGS (\\Seen \\Deleted \\Flagged)'))).toEqual([
      '* 1 FETCH (FLAGS (\\Flagged \\Seen \\Recent))',
    ]);
    await grant(imap, 'Projects', 'lrst');
    // RFC 4314 5.1.1: who may keep other flags now is told so.
    expect(texts(await bert.ok('STORE 1 FLAGS (\\Deleted work)'))).toEqual([
      '* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft)',
      '* OK [PERMANENTFLAGS (\\Deleted \\Seen)] Flags that are kept',
      '* 1 FETCH (FLAGS (\\Flagged \\Deleted \\Recent))',
    ]);
    await grant(imap, 'Projects', 'lr');
    expect((await bert.command('STORE 1 FLAGS ()')).text).toMatch(/^\[NOPERM\]/);
    // Reading marks nothing as seen for who may not.
    await bert.ok('FETCH 1:* BODY[]');
    expect(texts(await bert.ok('FETCH 2 FLAGS'))).toEqual(['* 2 FETCH (FLAGS (\\Recent))']);
  });

  test('flags that may not be set in the target are left out of APPEND and COPY, and CLOSE without e expunges nothing', async () => {
    await using imap = await startImap();
    await share(imap);
    await grant(imap, 'Projects', 'lrsi');
    const bert = await imap.login('bert');
    await bert.ok(`APPEND ${HIS} (\\Seen \\Flagged \\Deleted work)`, message('three'));
    await bert.ok('SELECT INBOX');
    await bert.ok('STORE 1 FLAGS (\\Seen \\Flagged \\Deleted work)');
    await bert.ok(`COPY 1 ${HIS}`);
    await bert.ok(`SELECT ${BOX}`);
    await bert.ok('STORE 1 FLAGS (\\Flagged \\Deleted work)');
    await bert.ok(`COPY 1 ${HIS}`);
    await bert.ok('CLOSE');
    expect(texts(await bert.ok(`STATUS ${BOX} (MESSAGES)`))).toEqual([`* STATUS ${BOX} (MESSAGES 0)`]);
    expect((await bert.ok(`SELECT ${HIS}`)).text).toMatch(/^\[READ-WRITE\]/);
    const flags = texts(await bert.ok('FETCH 3:5 FLAGS')).map((line) =>
      line.replace(' \\Recent', '').replace('\\Recent', ''),
    );
    expect(flags).toEqual(['* 3 FETCH (FLAGS (\\Seen))', '* 4 FETCH (FLAGS (\\Seen))', '* 5 FETCH (FLAGS ())']);
    const anna = await imap.login();
    await anna.ok('SELECT Projects');
    await anna.ok('STORE 1:* +FLAGS (\\Deleted)');
    await bert.ok('CLOSE');
    expect(texts(await anna.ok('SEARCH ALL'))).toEqual(['* SEARCH 1 2 3 4 5']);
  });
});

test('a mailbox that may not be looked up is like one that is not there', async () => {
  await using imap = await startImap();
  await share(imap);
  await grant(imap, 'Projects', 'p');
  const bert = await imap.login('bert');
  const missing = '"Other Users/anna@example.test/Nothing"';
  const other = '"Other Users/nobody@example.test/Nothing"';
  const commands = [
    'SELECT $M',
    'EXAMINE $M',
    'STATUS $M (UNSEEN)',
    'DELETE $M',
    'RENAME $M X',
    'SUBSCRIBE $M',
    'GETACL $M',
    'SETACL $M anyone l',
    'DELETEACL $M anyone',
    'LISTRIGHTS $M anyone',
    'MYRIGHTS $M',
    'GETMETADATA $M /shared/comment',
    'SETMETADATA $M (/shared/comment "x")',
    'GETQUOTAROOT $M',
  ];
  for (const command of commands) {
    const [hidden, gone, nobody] = [HIS, missing, other].map((name) => command.replace('$M', name));
    const said = async (text = '') => ((result) => `${result.status} ${result.text}`)(await bert.command(text));
    const expected = await said(gone);
    expect([command, expected.slice(0, 3)]).toEqual([command, 'NO ']);
    expect([await said(hidden), await said(nobody)]).toEqual([expected, expected]);
  }
  await bert.ok('SELECT INBOX');
  for (const name of [HIS, missing, other]) {
    expect((await bert.command(`COPY 1 ${name}`)).text).toBe('[NONEXISTENT] No such mailbox');
    expect((await bert.command(`APPEND ${name}`, message('x'))).text).toBe('[NONEXISTENT] No such mailbox');
  }
  const listed = texts(await bert.ok('LIST "" *')).filter((line) => line.includes('Other Users'));
  expect(listed).toEqual([`* LIST (\\HasNoChildren) "/" ${BOX}`]);
  // A drop box: mail goes in, and that is all that is known of it.
  await grant(imap, 'Projects', 'i');
  await bert.ok(`APPEND ${HIS}`, message('dropped'));
  expect((await bert.command(`SELECT ${HIS}`)).text).toBe('[NONEXISTENT] No such mailbox');
});
