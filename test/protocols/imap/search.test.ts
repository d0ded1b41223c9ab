// SEARCH over a socket: every key, exact substrings in every charset and case, dates by the day where they were written.
import { expect, test } from 'vitest';
import { type ImapServer, message, startImap } from '#test/support/imap-server.ts';
import { type ImapWire, WireClosed } from '#test/support/wire.ts';

async function mailbox(
  imap: ImapServer,
  messages: readonly { text: Buffer | string; options?: string }[],
): Promise<ImapWire> {
  const client = await imap.login();
  for (const { text, options = '' } of messages) await client.ok(`APPEND INBOX${options}`, Buffer.from(text));
  await client.ok('SELECT INBOX');
  return client;
}

/** The numbers that a search gives. */
async function found(client: ImapWire, keys: string, ...literals: Buffer[]): Promise<number[]> {
  const result = await client.ok(`SEARCH ${keys}`, ...literals);
  expect(result.untagged.length).toBe(1);
  expect(result.untagged[0]?.text).toMatch(/^\* SEARCH( \d+)*$/);
  return result.untagged[0]?.text.split(' ').slice(2).map(Number) ?? [];
}

const crlf = (text: string) => text.replace(/\n/g, '\r\n');

test('flags, keywords, numbers, UIDs and sizes', async () => {
  await using imap = await startImap();
  const client = await mailbox(imap, [
    { text: message('1'), options: ' (hello)' },
    { text: message('2'), options: ' (\\Seen \\Flagged)' },
    { text: message('3'), options: ' (\\Answered hello)' },
    { text: message('4', 'x'.repeat(2_000)), options: ' (\\Flagged \\Draft)' },
    { text: message('5'), options: ' (\\Deleted \\Answered)' },
  ]);
  const searches: [string, number[]][] = [
    ['ALL', [1, 2, 3, 4, 5]],
    ['ANSWERED', [3, 5]],
    ['UNANSWERED', [1, 2, 4]],
    ['DELETED', [5]],
    ['UNDELETED', [1, 2, 3, 4]],
    ['DRAFT', [4]],
    ['UNDRAFT', [1, 2, 3, 5]],
    ['FLAGGED', [2, 4]],
    ['UNFLAGGED', [1, 3, 5]],
    ['SEEN', [2]],
    ['UNSEEN', [1, 3, 4, 5]],
    ['KEYWORD hello', [1, 3]],
    ['UNKEYWORD hello', [2, 4, 5]],
    ['KEYWORD never', []],
    ['NEW', [1, 3, 4, 5]],
    ['OLD', []],
    ['RECENT', [1, 2, 3, 4, 5]],
    ['LARGER 2000', [4]],
    ['SMALLER 2000', [1, 2, 3, 5]],
    ['2:4', [2, 3, 4]],
    ['4:2,*', [2, 3, 4, 5]],
    ['6:*', [5]],
    ['UID 2:3', [2, 3]],
    ['UID *', [5]],
    ['UID 100:*', [5]],
    ['1:3 NOT UID 2', [1, 3]],
    ['NOT 2,4', [1, 3, 5]],
    ['OR 1 UID 3', [1, 3]],
    ['OR (ANSWERED DELETED) (FLAGGED SEEN)', [2, 5]],
    ['NOT (OR FLAGGED DELETED)', [1, 3]],
    ['1:* NOT DELETED', [1, 2, 3, 4]],
    ['OR LARGER 2000 KEYWORD hello', [1, 3, 4]],
    ['NOT OR LARGER 2000 SUBJECT 1', [2, 3, 5]],
  ];
  for (const [keys, expected] of searches) expect(await found(client, keys), keys).toEqual(expected);
  expect((await client.ok('UID SEARCH 2:3')).untagged[0]?.text).toBe('* SEARCH 2 3');
});

test('headers: addresses with names, comments and groups; any field; only that it is there', async () => {
  await using imap = await startImap();
  const client = await mailbox(imap, [
    { text: crlf('From: user-from@domain.org\nTo: user-to@domain.org\nSubject: hello beautiful\n world\n\nbody\n') },
    { text: crlf('From: RealFrom <user-from@domain.org>\nBcc: RealBcc <b@domain.org>\n\nbody\n') },
    { text: crlf('From: <user-from (comment)@ (comment) domain.org>\n\nbody\n') },
    { text: crlf('From: user-from@domain.org (RealFrom)\nX-Extra: hello beautiful header\n\nbody\n') },
    {
      text: crlf(
        'From: user-from1@domain.org, user-from2@domain.org\nSubject: =?utf-8?B?w5xiZXI=?= =?iso-8859-1?Q?_gr=FC=DFe?=\n\nbody\n',
      ),
    },
    {
      text: crlf(
        'To: groupname: groupuser1@domain.org, groupuser2@domain.org;,\n  groupname2: groupuser3@domain.org;\n\nbody\n',
      ),
    },
  ]);
  const searches: [string, number[]][] = [
    ['FROM user-from@domain.org', [1, 2, 3, 4]],
    ['FROM realfrom', [2, 4]],
    ['FROM ser-fro', [1, 2, 3, 4, 5]],
    ['FROM user-from2', [5]],
    ['BCC ealbc', [2]],
    ['TO groupname', [6]],
    ['TO groupuser3', [6]],
    ['TO groupuser4', []],
    ['HEADER From ""', [1, 2, 3, 4, 5]],
    ['HEADER To ""', [1, 6]],
    ['HEADER X-Extra "EAUTIFUL head"', [4]],
    ['NOT HEADER X-Extra ""', [1, 2, 3, 5, 6]],
    ['SUBJECT "hello beautiful world"', [1]],
    ['SUBJECT "eautiful worl"', [1]],
    ['SUBJECT hello', [1]],
    ['CC x', []],
  ];
  for (const [keys, expected] of searches) expect(await found(client, keys), keys).toEqual(expected);
  expect(await found(client, 'CHARSET UTF-8 SUBJECT', Buffer.from('ÜBER GRÜ'))).toEqual([5]);
  expect(await found(client, 'CHARSET ISO-8859-1 SUBJECT', Buffer.from('über', 'latin1'))).toEqual([5]);
  expect(await found(client, 'SUBJECT', Buffer.from('über'))).toEqual([5]);
  // Accents are significant.
  expect(await found(client, 'SUBJECT uber')).toEqual([]);
});

test('TEXT and BODY find any substring: inside words, across a hyphen, decoded, whatever the case', async () => {
  await using imap = await startImap();
  const base64 = Buffer.from('Straße nach Köln, Πάμε ΟΔΟΣ').toString('base64');
  const client = await mailbox(imap, [
    { text: message('alpha', 'The quick-brown fox jumps over-\r\nboard') },
    {
      text: crlf(
        `Subject: enc\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: base64\n\n${base64}\n`,
      ),
    },
    {
      text: crlf(
        'Subject: qp\nContent-Type: text/plain; charset=iso-8859-1\nContent-Transfer-Encoding: quoted-printable\n\nna=EFve so=\nft break\n',
      ),
    },
    {
      text: crlf(
        'Subject: multi\nContent-Type: multipart/mixed; boundary=b\n\nprologue\n--b\nX-Part: partheader\n\nvisible part\n--b\nContent-Type: message/rfc822\n\nSubject: innersubject\n\ninnerbody\n--b\nContent-Type: application/octet-stream\nContent-Transfer-Encoding: base64\n\nc2VjcmV0YmluYXJ5\n--b--\n',
      ),
    },
    { text: message('nil', 'this is NIL') },
  ]);
  const searches: [string, number[]][] = [
    ['BODY uick-bro', [1]],
    ['BODY "OX JUMPS"', [1]],
    ['BODY alpha', []],
    ['TEXT alpha', [1]],
    ['BODY "subject: alpha"', []],
    ['TEXT "subject: alpha"', [1]],
    ['TEXT anna@example', [1, 5]],
    ['BODY anna@example', []],
    ['BODY "soft break"', [3]],
    ['BODY "visible part"', [4]],
    ['BODY innersubject', []],
    ['TEXT innersubject', [4]],
    ['BODY innerbody', [4]],
    ['BODY "visible partinner"', []],
    ['TEXT partheader', [4]],
    ['BODY nil', [5]],
    ['SUBJECT NIL', [5]],
    ['TEXT ""', [1, 2, 3, 4, 5]],
    ['BODY secretbinary', []],
    ['TEXT nothinglikethis', []],
    ['NOT TEXT visible', [1, 2, 3, 5]],
    ['OR BODY quick BODY soft', [1, 3]],
    ['TEXT subject TEXT fox', [1]],
    ['SEEN TEXT fox', []],
  ];
  for (const [keys, expected] of searches) expect(await found(client, keys), keys).toEqual(expected);
  expect(await found(client, 'BODY', Buffer.from('KÖLN'))).toEqual([2]);
  expect(await found(client, 'BODY', Buffer.from('οδος'))).toEqual([2]);
  expect(await found(client, 'BODY', Buffer.from('NAÏVE'))).toEqual([3]);
  expect(await found(client, 'BODY', Buffer.from('nai\u0308ve'))).toEqual([3]);
});

test('a string is found across the pieces in which a large text is read', async () => {
  await using imap = await startImap();
  const filler = `${'lorem ipsum dolor '.repeat(30_000)}`;
  const client = await mailbox(imap, [
    { text: message('far', `${filler}NEEDLE-in-the-hay${filler}`) },
    { text: message('none', filler) },
  ]);
  expect(await found(client, 'TEXT "dolor needle-in-THE-haylorem"')).toEqual([1]);
  expect(await found(client, 'BODY "m dolor l"')).toEqual([1, 2]);
});

test('dates disregard time and zone', async () => {
  await using imap = await startImap();
  const dates = [
    '24-Mar-2007 23:30:00 +0200',
    '25-Mar-2007 00:30:00 +0200',
    '25-Mar-2007 23:59:59 -1100',
    '26-Mar-2007 00:00:00 +1300',
  ];
  const client = await mailbox(
    imap,
    dates.map((date) => ({
      text: message('d', 'x', [`Date: ${date.replaceAll('-Mar-', ' Mar ')}`]),
      options: ` "${date}"`,
    })),
  );
  for (const prefix of ['', 'SENT']) {
    expect(await found(client, `${prefix}BEFORE 25-Mar-2007`)).toEqual([1]);
    expect(await found(client, `${prefix}ON 25-mar-2007`)).toEqual([2, 3]);
    expect(await found(client, `${prefix}SINCE "25-Mar-2007"`)).toEqual([2, 3, 4]);
    expect(await found(client, `${prefix}ON 23-Mar-2007`)).toEqual([]);
  }
  await client.ok('APPEND INBOX', message('no date'));
  await client.ok('NOOP');
  expect(await found(client, 'SENTBEFORE 1-Jan-2030')).toEqual([1, 2, 3, 4]);
});

test('SEARCH always answers, also in an empty mailbox; an unknown charset is refused by name', async () => {
  await using imap = await startImap();
  const client = await mailbox(imap, []);
  expect(await found(client, 'ALL')).toEqual([]);
  expect(await found(client, '1:* UNSEEN')).toEqual([]);
  expect(await client.command('SEARCH CHARSET X-UNKNOWN TEXT a')).toMatchObject({
    status: 'NO',
    text: '[BADCHARSET (US-ASCII UTF-8)] Unknown charset',
  });
  expect((await client.command('SEARCH NONSENSE')).status).toBe('BAD');
  expect((await client.command(`SEARCH ${'('.repeat(10_000)}ALL${')'.repeat(10_000)}`)).status).toBe('BAD');
});

test('a long search leaves other sessions undisturbed and ends with its client', async () => {
  await using imap = await startImap();
  const filler = message('big', 'lorem ipsum dolor sit amet '.repeat(80_000));
  const client = await mailbox(imap, [{ text: filler }]);
  for (let count = 0; count < 5; count++) await client.ok(`COPY 1:${2 ** count} INBOX`);
  await client.ok('NOOP');
  const other = await imap.login();
  client.wire.send('a SEARCH TEXT nothinglikethis\r\n');
  let searching = true;
  const found = client.result('a').then(
    () => (searching = false),
    (error: unknown) => expect(error).toBeInstanceOf(WireClosed),
  );
  // Each gets its turn long before the search is through.
  for (let count = 0; count < 10; count++) await other.ok('NOOP');
  expect(searching).toBe(true);
  client.wire.destroy();
  await found;
  await expect.poll(() => imap.server.connections).toBe(1);
});
