// METADATA, over a socket.
import { expect, test } from 'vitest';
import { startImap } from '#test/support/imap-server.ts';

type Result = { readonly untagged: readonly { readonly text: string; readonly literals: readonly Buffer[] }[] };
const texts = (result: Result) => result.untagged.map(({ text }) => text);

test('METADATA: entries of mailboxes and of the account are set, told by depth and size, and taken away', async () => {
  await using imap = await startImap();
  const client = await imap.login();
  await client.ok('CREATE box');
  await client.ok('SETMETADATA box (/Private/Comment "mine" /shared/comment "ours" /private/a/b/c "deep")');
  const told = texts(await client.ok('GETMETADATA box (/private/comment /SHARED/COMMENT /private/none)'));
  expect(told).toEqual(['* METADATA "box" ("/private/comment" "mine" "/shared/comment" "ours" "/private/none" NIL)']);
  expect(texts(await client.ok('GETMETADATA box /private/a'))).toEqual(['* METADATA "box" ("/private/a" NIL)']);
  expect(texts(await client.ok('GETMETADATA (DEPTH 1) box /private/none'))).toEqual([]);
  expect(texts(await client.ok('GETMETADATA (DEPTH 1) box /private'))).toEqual([
    '* METADATA "box" ("/private/comment" "mine")',
  ]);
  expect(texts(await client.ok('GETMETADATA (DEPTH infinity) box /private'))).toEqual([
    '* METADATA "box" ("/private/a/b/c" "deep" "/private/comment" "mine")',
  ]);
  const sized = await client.ok('GETMETADATA (MAXSIZE 3) box (/private/comment /shared/comment)');
  expect([sized.untagged.length, sized.text]).toEqual([0, '[METADATA LONGENTRIES 4] GETMETADATA completed']);
  await client.ok('RENAME box other');
  await client.ok('SETMETADATA other (/private/comment NIL)');
  expect(texts(await client.ok('GETMETADATA other (/private/comment /shared/comment)'))).toEqual([
    '* METADATA "other" ("/shared/comment" "ours" "/private/comment" NIL)',
  ]);
  await client.ok('SETMETADATA "" (/private/comment "account")');
  expect(texts(await client.ok('GETMETADATA "" /private/comment'))).toEqual([
    '* METADATA "" ("/private/comment" "account")',
  ]);
  await client.ok('DELETE other');
  await client.ok('CREATE other');
  expect(texts(await client.ok('GETMETADATA other /shared/comment'))).toEqual([
    '* METADATA "other" ("/shared/comment" NIL)',
  ]);
  expect(texts(await (await imap.login('bert')).ok('GETMETADATA "" /private/comment'))).toEqual([
    '* METADATA "" ("/private/comment" NIL)',
  ]);
});

test('METADATA: any bytes come back as they were, and what is too much is refused', async () => {
  await using imap = await startImap();
  const client = await imap.login();
  const bytes = Buffer.from('line\r\n\u00e9\0end', 'utf8');
  client.wire.send(`a SETMETADATA INBOX (/private/x ~{${bytes.length}+}\r\n`);
  client.wire.send(Buffer.concat([bytes, Buffer.from(')\r\n')]));
  expect((await client.result('a')).status).toBe('OK');
  expect(texts(await client.ok('GETMETADATA INBOX /private/x'))).toEqual([
    `* METADATA "INBOX" ("/private/x" ~{${bytes.length}})`,
  ]);
  expect((await client.ok('GETMETADATA INBOX /private/x')).untagged[0]?.literals[0]).toEqual(bytes);
  const refused: [string, string, string][] = [
    [`SETMETADATA INBOX (/private/x {16385+}\r\n${'x'.repeat(16_385)})`, 'NO', '[METADATA MAXSIZE 16384]'],
    ['SETMETADATA "" (/shared/comment "x")', 'NO', '[NOPERM]'],
    ['SETMETADATA none (/private/comment "x")', 'NO', '[NONEXISTENT]'],
    ['GETMETADATA none /private/comment', 'NO', '[NONEXISTENT]'],
    ['GETMETADATA INBOX /other/comment', 'BAD', ''],
    ['GETMETADATA INBOX /private/*', 'BAD', ''],
    ['GETMETADATA INBOX /private//x', 'BAD', ''],
    ['GETMETADATA (DEPTH 2) INBOX /private', 'BAD', ''],
    ['GETMETADATA INBOX ()', 'BAD', ''],
    ['SETMETADATA INBOX (/private/x)', 'BAD', ''],
  ];
  for (const [command, status, code] of refused) {
    const result = await client.command(command);
    expect([result.status, result.text], command.slice(0, 60)).toEqual([status, expect.stringContaining(code)]);
  }
  for (let from = 0; from < 200; from += 50) {
    const entries = Array.from({ length: 50 }, (_, index) => `/private/n${from + index} "x"`).join(' ');
    const { status, text } = await client.command(`SETMETADATA INBOX (${entries})`);
    if (from < 150) expect(status).toBe('OK');
    else expect([status, text]).toEqual(['NO', expect.stringContaining('[METADATA TOOMANY]')]);
  }
});

test("METADATA: a tag's colour is kept with the keyword (F119)", async () => {
  await using imap = await startImap();
  const client = await imap.login();
  const name = '/private/vendor/posthuis/tags/Invoices/color';
  await client.ok(`SETMETADATA "" (${name} "#3366cc")`);
  expect(texts(await client.ok('GETMETADATA (DEPTH infinity) "" /private/vendor/posthuis/tags'))).toEqual([
    '* METADATA "" ("/private/vendor/posthuis/tags/invoices/color" "#3366cc")',
  ]);
  expect([...(await imap.store.mail(imap.anna.id).keywords()).values()]).toContain('invoices');
  await client.ok(`SETMETADATA "" (${name} NIL)`);
  expect(texts(await client.ok(`GETMETADATA "" ${name}`))).toEqual([`* METADATA "" ("${name.toLowerCase()}" NIL)`]);
});

test('LIST-METADATA: annotations follow each mailbox of LIST', async () => {
  await using imap = await startImap();
  const client = await imap.login();
  await client.ok('SETMETADATA Sent (/private/color "red")');
  expect(texts(await client.ok('LIST "" (Sent Trash) RETURN (METADATA (/private/color) STATUS (MESSAGES))'))).toEqual([
    '* LIST (\\HasNoChildren \\Sent) "/" "Sent"',
    '* STATUS "Sent" (MESSAGES 0)',
    '* METADATA "Sent" ("/private/color" "red")',
    '* LIST (\\HasNoChildren \\Trash) "/" "Trash"',
    '* STATUS "Trash" (MESSAGES 0)',
    '* METADATA "Trash" ("/private/color" NIL)',
  ]);
  expect((await client.command('LIST "" * RETURN (METADATA)')).status).toBe('BAD');
});
