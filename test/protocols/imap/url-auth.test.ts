// URLAUTH over sockets: URLs that carry the right to read a message, who may use them, and how they end.
import { expect, test } from 'vitest';
import { type ImapServer, message, startImap } from '#test/support/imap-server.ts';
import type { ImapWire } from '#test/support/wire.ts';

const texts = (result: { untagged: readonly { text: string }[] }) => result.untagged.map(({ text }) => text);
const RUMP = 'imap://anna@example.test/INBOX/;uid=1';

const PARTS = [
  ...['--b', 'Content-Type: text/plain', '', 'plain', '--b', 'Content-Type: application/octet-stream'],
  ...['Content-Transfer-Encoding: base64', '', 'AAEC', '--b', 'Content-Transfer-Encoding: x-new', '', 'x'],
  ...[
    '--b',
    'Content-Type: message/rfc822',
    '',
    'Content-Type: multipart/mixed; boundary=c',
    '',
    '--c',
    '',
    'in',
    '--c--',
  ],
  '--b--',
].join('\r\n');
const MAIL = message('one', PARTS, ['Content-Type: multipart/mixed; boundary=b']);

async function two(imap: ImapServer): Promise<{ anna: ImapWire; bert: ImapWire }> {
  const [anna, bert] = [await imap.login(), await imap.login('bert')];
  await anna.ok('APPEND INBOX', MAIL);
  return { anna, bert };
}

async function authorized(client: ImapWire, rump: string): Promise<string> {
  const [line = ''] = texts(await client.ok(`GENURLAUTH "${rump}" INTERNAL`));
  const [, url = ''] = /^\* GENURLAUTH "(.*)"$/.exec(line) ?? [];
  expect(url).toMatch(/:internal:01[0-9a-f]{64}$/);
  expect(url.startsWith(rump)).toBe(true);
  return url;
}

/** The bytes of a URL, or null. */
async function fetched(client: ImapWire, url: string): Promise<string | null> {
  const [reply] = (await client.ok(`URLFETCH "${url}"`)).untagged;
  if (reply?.text.endsWith(' NIL')) return null;
  return reply?.literals[0]?.toString('latin1') ?? '';
}

test('URLAUTH: a URL lets those read a message that it is for, and nobody else', async () => {
  await using imap = await startImap();
  const { anna, bert } = await two(imap);
  const url = await authorized(anna, `${RUMP};urlauth=authuser`);
  expect(await fetched(bert, url)).toBe(MAIL.toString('latin1'));
  expect(await fetched(bert, await authorized(anna, `${RUMP}/;section=1;urlauth=anonymous`))).toBe('plain');
  const forBert = await authorized(anna, `${RUMP}/;section=HEADER.FIELDS%20(Subject);urlauth=user+bert`);
  expect(await fetched(bert, forBert)).toBe('Subject: one\r\n\r\n');
  expect(await fetched(anna, forBert)).toBeNull();
  expect(
    await fetched(bert, await authorized(anna, `${RUMP}/;section=1/;partial=1.3;urlauth=user+bert%40example.test`)),
  ).toBe('lai');
  // A submission server would read it; nobody here is one.
  const submit = await authorized(anna, `${RUMP};urlauth=submit+bert`);
  for (const client of [anna, bert]) expect(await fetched(client, submit)).toBeNull();
  // The same mail by the address as user and our name as host.
  const byHost = 'imap://anna%40example.test@mail.example.test/INBOX/;uid=1;urlauth=authuser';
  expect(await fetched(bert, await authorized(anna, byHost))).toBe(MAIL.toString('latin1'));
  expect(texts(await anna.ok('SELECT INBOX'))).toContain('* OK [URLMECH INTERNAL] URLs can be authorized');
});

test('URLAUTH: what was changed, has expired or names nothing is answered NIL', async () => {
  await using imap = await startImap();
  const { anna, bert } = await two(imap);
  const url = await authorized(anna, `${RUMP}/;section=1;urlauth=authuser`);
  const wrong = [
    url.replace('uid=1', 'uid=2'),
    url.replace('/;section=1', ''),
    url.replace('authuser', 'anonymous'),
    url.replace(/.$/, (digit) => (digit === '0' ? '1' : '0')),
    url.slice(0, -2),
    url.replace(':internal:', ':other:'),
    `${RUMP};urlauth=authuser`,
    RUMP,
    url.replace('anna', 'bert'),
    url.replace('anna', 'nobody'),
    url.replace('INBOX', 'nowhere'),
    'nonsense',
    await authorized(anna, `${RUMP.replace('uid=1', 'uid=77')};urlauth=authuser`),
    await authorized(anna, `${RUMP}/;section=9;urlauth=authuser`),
    await authorized(anna, `${RUMP};expire=2020-01-01T00:00:00Z;urlauth=authuser`),
  ];
  for (const one of wrong) expect(await fetched(bert, one), one).toBeNull();
  expect(
    await fetched(bert, await authorized(anna, `${RUMP};expire=2999-01-01T00:00:00Z;urlauth=authuser`)),
  ).not.toBeNull();
  // Each of several has its answer.
  const replies = texts(await bert.ok(`URLFETCH "${url}" "nonsense" "${url}"`));
  expect(replies.map((text) => text.replace(/^\* URLFETCH "[^"]*" /, ''))).toEqual(['{5}', 'NIL', '{5}']);
  await anna.ok('SELECT INBOX');
  await anna.ok('STORE 1 +FLAGS.SILENT (\\Deleted)');
  await anna.ok('EXPUNGE');
  expect(await fetched(bert, url)).toBeNull();
});

test('URLAUTH: RESETKEY ends the URLs of one mailbox, or of all', async () => {
  await using imap = await startImap();
  const { anna, bert } = await two(imap);
  await anna.ok('APPEND Sent', MAIL);
  const [inbox, sent] = [
    await authorized(anna, `${RUMP};urlauth=authuser`),
    await authorized(anna, 'imap://anna@example.test/Sent/;uid=1;urlauth=authuser'),
  ];
  expect((await anna.ok('RESETKEY INBOX INTERNAL')).text).toMatch(/^\[URLMECH INTERNAL\]/);
  expect(await fetched(bert, inbox)).toBeNull();
  expect(await fetched(bert, sent)).not.toBeNull();
  const again = await authorized(anna, `${RUMP};urlauth=authuser`);
  expect(again).not.toBe(inbox);
  expect(await fetched(bert, again)).not.toBeNull();
  await anna.ok('RESETKEY');
  for (const url of [again, sent]) expect(await fetched(bert, url)).toBeNull();
  // What the key is made of is not to be seen.
  expect(texts(await anna.ok('GETMETADATA (DEPTH infinity) INBOX ("/private" "/shared")'))).toEqual([]);
  expect((await anna.command('GETMETADATA INBOX urlauth')).status).toBe('BAD');
  expect((await anna.command('RESETKEY nowhere')).text).toMatch(/^\[NONEXISTENT\]/);
  expect((await anna.command('RESETKEY INBOX OTHER')).status).toBe('BAD');
});

test('URLAUTH: only URLs of one’s own mail can be authorized', async () => {
  await using imap = await startImap();
  const { anna } = await two(imap);
  for (const rump of [
    'imap://bert@example.test/INBOX/;uid=1;urlauth=authuser',
    'imap://anna@elsewhere.test/INBOX/;uid=1;urlauth=authuser',
    '/INBOX/;uid=1;urlauth=authuser',
    `${RUMP};urlauth=somebody`,
    `${RUMP};urlauth=authuser:internal:0123`,
    `${RUMP};urlauth=authuser:internal`,
    RUMP,
    'x',
  ]) {
    expect((await anna.command(`GENURLAUTH "${rump}" INTERNAL`)).status, rump).toBe('BAD');
  }
  expect((await anna.command(`GENURLAUTH "${RUMP};urlauth=authuser" OTHER`)).status).toBe('BAD');
  expect((await anna.command(`GENURLAUTH "${RUMP.replace('INBOX', 'x')};urlauth=authuser" INTERNAL`)).status).toBe(
    'NO',
  );
  const many = ` "${RUMP};urlauth=authuser" INTERNAL`;
  expect(texts(await anna.ok(`GENURLAUTH${many.repeat(50)}`))).toHaveLength(1);
  expect((await anna.command(`GENURLAUTH${many.repeat(51)}`)).status).toBe('BAD');
});

test('URLAUTH=BINARY: the structure of a part, and its bytes as they are or decoded', async () => {
  await using imap = await startImap();
  const { anna, bert } = await two(imap);
  const of = (section: string) =>
    authorized(anna, `${RUMP}${section === '' ? '' : `/;section=${section}`};urlauth=authuser`);
  const asked = async (url: string, what: string) => {
    const { untagged } = await bert.ok(`URLFETCH ("${url}"${what})`);
    return [untagged[0]?.text.replace(`* URLFETCH "${url}"`, ''), untagged[0]?.literals[0]?.toString('latin1')];
  };
  expect(await asked(await of('2'), ' BODY')).toEqual([' (BODY {4})', 'AAEC']);
  expect(await asked(await of('2'), ' BINARY')).toEqual([' (BINARY ~{3})', '\x00\x01\x02']);
  const [told] = await asked(await of('2'), ' BODYPARTSTRUCTURE BINARY');
  expect(told).toBe(
    ' (BODYPARTSTRUCTURE ("application" "octet-stream" NIL NIL NIL "binary" 3 NIL NIL NIL NIL)) (BINARY ~{3})',
  );
  expect(await asked(await of('3'), ' BINARY')).toEqual([' (BINARY NIL)', undefined]);
  expect((await asked(await of('4.1'), ' BODYPARTSTRUCTURE'))[0]).toMatch(/^ \(BODYPARTSTRUCTURE \("text" "plain" /);
  expect((await asked(await of('4'), ' BODYPARTSTRUCTURE'))[0]).toMatch(/^ \(BODYPARTSTRUCTURE \("message" "rfc822" /);
  await anna.ok('SELECT INBOX');
  const whole = texts(await anna.ok('FETCH 1 BODYSTRUCTURE'))[0]?.replace('* 1 FETCH (BODYSTRUCTURE ', '');
  expect((await asked(await of(''), ' BODYPARTSTRUCTURE'))[0]).toBe(` (BODYPARTSTRUCTURE ${whole}`);
  expect(await asked(await of('2.MIME'), ' BODYPARTSTRUCTURE')).toEqual([' (BODYPARTSTRUCTURE NIL)', undefined]);
  expect(await asked('nonsense', ' BODY')).toEqual([' NIL', undefined]);
  expect(await asked(await of('1'), '')).toEqual(['', undefined]);
  for (const wrong of ['()', '("x" BODY BINARY)', '("x" OTHER)', '("x"']) {
    expect((await bert.command(`URLFETCH ${wrong}`)).status, wrong).toBe('BAD');
  }
});

const ENCODED = [
  ['base64', 'text/plain', Buffer.from('one\r\ntwo').toString('base64')],
  ['quoted-printable', 'text/plain; charset=utf-8', 'caf=C3=A9=\r\n!=0D=0Aend=0D=0A'],
  ['quoted-printable', 'text/html', 'a=0Ab'],
  ['quoted-printable', 'text/css', 'a=0D'],
  ['base64', 'text/csv', Buffer.from(`${'x'.repeat(998)}\r\n`).toString('base64')],
  ['base64', 'text/csv', Buffer.from('x'.repeat(999)).toString('base64')],
  ['base64', 'image/png', Buffer.from('png').toString('base64')],
  ['x-new', 'text/plain', 'as it is'],
  ['8bit', 'text/plain', 'as it is'],
] as const;

test('RFC 5524 3: a structure that comes with decoded bytes tells of those, and stands before them', async () => {
  await using imap = await startImap();
  const anna = await imap.login();
  const parts = ENCODED.map(
    ([encoding, type, text]) =>
      `--b\r\nContent-Type: ${type}\r\nContent-Transfer-Encoding: ${encoding}\r\n\r\n${text}\r\n`,
  );
  await anna.ok('APPEND INBOX', message('m', `${parts.join('')}--b--`, ['Content-Type: multipart/mixed; boundary=b']));
  const told = async (section: number, what: string) => {
    const url = await authorized(anna, `${RUMP}/;section=${section};urlauth=authuser`);
    const [line = ''] = texts(await anna.ok(`URLFETCH ("${url}" ${what})`));
    return line.slice(line.indexOf('" (') + 2);
  };
  const described = async (section: number) => {
    const line = await told(section, 'BINARY BODYPARTSTRUCTURE');
    const found = /^\(BODYPARTSTRUCTURE \(.* NIL NIL ("[^ ]*" [\d ]*) NIL NIL NIL NIL\)\) \(BINARY (.*)\)$/.exec(line);
    return found?.slice(1);
  };
  // Lines are counted in the transfer encoding: there are none where it is undone.
  expect(await described(1)).toEqual(['"7bit" 8 0', '{8}']);
  expect(await described(2)).toEqual(['"8bit" 13 0', '{13}']);
  // RFC 2045 2.7 to 2.9: CR and LF stand together, and lines have at most 998 octets.
  expect(await described(3)).toEqual(['"binary" 3 0', '{3}']);
  expect(await described(4)).toEqual(['"binary" 2 0', '{2}']);
  expect(await described(5)).toEqual(['"7bit" 1000 0', '{1000}']);
  expect(await described(6)).toEqual(['"binary" 999 0', '{999}']);
  expect(await described(7)).toEqual(['"7bit" 3', '{3}']);
  // Nothing is undone, so it is told as it is stored.
  expect(await described(8)).toEqual(['"x-new" 8 0', 'NIL']);
  expect(await described(9)).toEqual(['"8bit" 8 0', '{8}']);
  const stored = '(BODYPARTSTRUCTURE ("image" "png" NIL NIL NIL "base64" 4 NIL NIL NIL NIL))';
  expect(await told(7, 'BODYPARTSTRUCTURE')).toBe(stored);
  expect(await told(7, 'BODY BODYPARTSTRUCTURE')).toBe(`${stored} (BODY {4})`);
});
