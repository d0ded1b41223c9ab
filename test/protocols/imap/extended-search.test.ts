// RETURN of SEARCH, what SEARCH saves, and searching by age, over sockets.
import { ImapFlow } from 'imapflow';
import { expect, test } from 'vitest';
import type { MailAccount } from '#storage/ports.ts';
import { message, PASSWORD, startImap } from '#test/support/imap-server.ts';

const texts = (result: { untagged: readonly { text: string }[] }) => result.untagged.map(({ text }) => text);

test('ESEARCH: counts, first, last and all, with the tag', async () => {
  await using imap = await startImap();
  const client = await imap.login();
  for (const name of ['one', 'two', 'one', 'one']) await client.ok('APPEND INBOX', message(name));
  await client.ok('SELECT INBOX');
  client.wire.send('t1 SEARCH RETURN (MIN MAX COUNT ALL) SUBJECT one\r\n');
  expect(texts(await client.result('t1'))).toEqual(['* ESEARCH (TAG "t1") MIN 1 MAX 4 COUNT 3 ALL 1,3:4']);
});

test('SEARCHRES: what a search saved is flagged, copied and fetched by $', async () => {
  await using imap = await startImap();
  const client = await imap.login();
  for (const name of ['one', 'two', 'one', 'one']) await client.ok('APPEND INBOX', message(name));
  await client.ok('SELECT INBOX');
  client.wire.send('a SEARCH RETURN (SAVE) SUBJECT one\r\nb STORE $ +FLAGS.SILENT (\\Flagged)\r\nc FETCH $ UID\r\n');
  expect(texts(await client.result('a'))).toEqual([]);
  await client.result('b');
  expect(texts(await client.result('c'))).toEqual(['* 1 FETCH (UID 1)', '* 3 FETCH (UID 3)', '* 4 FETCH (UID 4)']);
});

test('WITHIN: younger and older than so many seconds', async () => {
  await using imap = await startImap();
  const client = await imap.login();
  const at = (seconds: number) => {
    const [, day, month, year, time] =
      /, (\d\d) (\w{3}) (\d{4}) (\S+) GMT/.exec(new Date(Date.now() - seconds * 1000).toUTCString()) ?? [];
    return `"${day}-${month}-${year} ${time} +0000"`;
  };
  for (const age of [7_200, 600, 10]) await client.ok(`APPEND INBOX ${at(age)}`, message('x'));
  await client.ok('SELECT INBOX');
  expect(texts(await client.ok('SEARCH YOUNGER 3600'))).toEqual(['* SEARCH 2 3']);
  expect(texts(await client.ok('SEARCH OLDER 300 YOUNGER 3600'))).toEqual(['* SEARCH 2']);
});

test('PARTIAL: pages of a search and of a fetch, from the first or from the last', async () => {
  await using imap = await startImap();
  const client = await imap.login();
  for (let count = 0; count < 5; count++) await client.ok('APPEND INBOX', message('x'));
  await client.ok('SELECT INBOX');
  const [page] = texts(await client.ok('UID SEARCH RETURN (PARTIAL -1:-2) ALL'));
  expect(page).toMatch(/^\* ESEARCH \(TAG ".*"\) UID PARTIAL \(-1:-2 4:5\)$/);
  expect(texts(await client.ok('UID FETCH 1:* UID (PARTIAL 2:3)'))).toEqual(['* 2 FETCH (UID 2)', '* 3 FETCH (UID 3)']);
});

test('MULTISEARCH: several mailboxes at once, without selecting them', async () => {
  await using imap = await startImap();
  const client = await imap.login();
  for (const name of ['Sent', 'Archive', 'Archive']) await client.ok(`APPEND ${name}`, message('one'));
  expect(
    texts(await client.ok('ESEARCH IN (mailboxes ("Sent" "Archive")) SUBJECT one')).map((line) =>
      line.replace(/TAG "[^"]+"|UIDVALIDITY \d+/g, '-'),
    ),
  ).toEqual(['* ESEARCH (- MAILBOX "Archive" -) UID ALL 1:2', '* ESEARCH (- MAILBOX "Sent" -) UID ALL 1']);
});

test('CONTEXT=SEARCH: what comes to match and what no longer does is told', async () => {
  await using imap = await startImap();
  const [client, other] = [await imap.login(), await imap.login()];
  await client.ok('APPEND INBOX', message('one'));
  await client.ok('SELECT INBOX');
  client.wire.send('s UID SEARCH RETURN (UPDATE COUNT) UNSEEN\r\n');
  expect(texts(await client.result('s'))).toEqual(['* ESEARCH (TAG "s") UID COUNT 1']);
  await other.ok('APPEND INBOX', message('two'));
  expect(texts(await client.ok('NOOP')).at(-1)).toBe('* ESEARCH (TAG "s") UID ADDTO (0 2)');
  expect(texts(await client.ok('STORE 1 +FLAGS.SILENT (\\Seen)'))).toEqual([
    '* ESEARCH (TAG "s") UID REMOVEFROM (0 1)',
  ]);
});

test('INPROGRESS: a search that takes long says how far it is, with its tag', async () => {
  // Reading a message takes long here; of what the rows decide about too, it is read by itself.
  const slow = (mail: MailAccount): MailAccount =>
    new Proxy(mail, {
      get: (target, name) => {
        const value = Reflect.get(target, name, target);
        if (typeof value !== 'function') return value;
        if (name !== 'content') return value.bind(target);
        return async (message: number) => {
          await new Promise((resolve) => setTimeout(resolve, 600));
          return await target.content(message);
        };
      },
    });
  await using imap = await startImap({
    wrap: (store) => ({ mail: (id) => slow(store.mail(id)), stage: (options) => store.stage(options) }),
  });
  const client = await imap.login();
  for (let count = 0; count < 12; count++) await client.ok('APPEND INBOX', message('x', 'needle'));
  await client.ok('SELECT INBOX');
  client.wire.send('t]1 SEARCH LARGER 1 BODY needle\r\n');
  const first = (await client.response()).text;
  expect(first).toMatch(/^\* OK \[INPROGRESS \(NIL \d+ 12\)\] /);
  const result = await client.result('t]1');
  expect(texts(result).at(-1)).toBe('* SEARCH 1 2 3 4 5 6 7 8 9 10 11 12');
  expect(Number(/(\d+) 12\)/.exec(first)?.[1])).toBeLessThan(12);
});

test('imapflow searches with ESEARCH', async () => {
  await using imap = await startImap();
  const other = await imap.login();
  for (let count = 0; count < 6; count++) await other.ok('APPEND INBOX', message(`${count % 2}`));
  const client = new ImapFlow({
    ...{ host: '127.0.0.1', port: imap.securePort, secure: true, logger: false },
    auth: { user: 'anna@example.test', pass: PASSWORD },
    tls: { rejectUnauthorized: false },
  });
  await client.connect();
  await client.mailboxOpen('INBOX');
  expect(
    await client.search({ subject: '1' }, { uid: true, returnOptions: ['MIN', 'MAX', 'COUNT', 'ALL'] }),
  ).toMatchObject({
    min: 2,
    max: 6,
    count: 3,
  });
  expect(await client.search({ subject: '1' }, { uid: true })).toEqual([2, 4, 6]);
  await client.logout();
});

test('CONTEXT=SEARCH: of what is not kept up to date, that is said', async () => {
  await using imap = await startImap();
  const client = await imap.login();
  await client.ok('APPEND INBOX', message('one'));
  const refused = expect.stringMatching(/^\* NO \[NOUPDATE "\w+"\]/);
  const sources = 'ESEARCH IN (mailboxes ("INBOX"))';
  expect(texts(await client.ok(`${sources} RETURN (UPDATE) ALL`)).at(-1)).toEqual(refused);
  await client.ok('SELECT Sent');
  expect(texts(await client.ok(`${sources} RETURN (COUNT UPDATE) ALL`))).toHaveLength(2);
  const both = texts(await client.ok('ESEARCH IN (mailboxes ("INBOX" "Sent")) RETURN (UPDATE) ALL'));
  expect(both.filter((line) => line.includes('NOUPDATE'))).toEqual([]);
  expect(texts(await client.ok('SORT RETURN (UPDATE) (SIZE) UTF-8 ALL')).at(-1)).toEqual(refused);
  await client.ok('SELECT INBOX');
  const [found, ...more] = texts(await client.ok(`${sources} RETURN (UPDATE ALL) FLAGGED`));
  expect([found, ...more].filter((line) => line?.includes('NOUPDATE'))).toEqual([]);
  expect(texts(await client.ok('STORE 1 +FLAGS (\\Flagged)')).join()).toContain(' UID ADDTO (0 1)');
});
