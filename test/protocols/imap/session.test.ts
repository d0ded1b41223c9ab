// The session over a socket: greeting, states, errors, pipelining, literals, limits, closing.
import { expect, test } from 'vitest';
import { BAD_COMMANDS_UNAUTHENTICATED, LINE_BYTES_UNAUTHENTICATED } from '#protocols/imap/limits.ts';
import { StoreError, type StoreErrorCode } from '#storage/errors.ts';
import { message, PASSWORD, startImap } from '#test/support/imap-server.ts';
import { override } from '#test/support/override.ts';
import { ImapWire } from '#test/support/wire.ts';

const texts = (result: { untagged: readonly { text: string }[] }) => result.untagged.map(({ text }) => text);

test('a first session: login, append, select, fetch, store, expunge, logout', async () => {
  await using imap = await startImap();
  const client = await imap.connect();
  expect(client.greeting).toMatch(/^\* OK \[CAPABILITY IMAP4rev1 [^\]]+\] mail\.example\.test ready$/);
  await client.login('anna@example.test', PASSWORD);
  const appended = await client.ok('APPEND INBOX (\\Flagged work) " 7-Feb-2026 22:13:54 +0130"', message('one'));
  expect(appended.text).toMatch(/^\[APPENDUID \d+ 1\] APPEND completed$/);
  const selected = await client.ok('SELECT inbox');
  expect(texts(selected)).toEqual([
    '* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft work)',
    '* OK [PERMANENTFLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft work \\*)] Flags that are kept',
    '* 1 EXISTS',
    '* 1 RECENT',
    '* OK [UNSEEN 1] First unseen',
    expect.stringMatching(/^\* OK \[MAILBOXID \(F[a-z0-9]+-\d+\)\]/),
    expect.stringMatching(/^\* OK \[UIDVALIDITY \d+\]/),
    '* OK [UIDNEXT 2] Predicted next UID',
    expect.stringMatching(/^\* OK \[HIGHESTMODSEQ \d+\] Highest$/),
    '* OK [ANNOTATIONS 4096] Bytes of one',
    '* OK [URLMECH INTERNAL] URLs can be authorized',
  ]);
  expect(selected.text).toBe('[READ-WRITE] Selected');
  const fetched = await client.ok('FETCH 1 (UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE BODY[])');
  const size = message('one').length;
  expect(texts(fetched)).toEqual([
    `* 1 FETCH (UID 1 FLAGS (\\Flagged \\Seen \\Recent work) INTERNALDATE " 7-Feb-2026 22:13:54 +0130" RFC822.SIZE ${size} ENVELOPE (NIL "one" (("Anna" NIL "anna" "example.test")) (("Anna" NIL "anna" "example.test")) (("Anna" NIL "anna" "example.test")) ((NIL NIL "bert" "example.test")) NIL NIL NIL NIL) BODY[] {${size}})`,
  ]);
  expect(fetched.untagged[0]?.literals[0]).toEqual(message('one'));
  expect(texts(await client.ok('STORE 1 +FLAGS (\\Deleted)'))).toEqual([
    '* 1 FETCH (FLAGS (\\Flagged \\Deleted \\Seen \\Recent work))',
  ]);
  expect(texts(await client.ok('EXPUNGE'))).toEqual(['* 1 EXPUNGE', '* 0 RECENT']);
  const out = await client.ok('LOGOUT');
  expect(texts(out)).toEqual(['* BYE Logging out']);
  await client.wire.closed();
});

test('commands in the wrong state, unknown ones and wrong ones get BAD with their tag', async () => {
  await using imap = await startImap();
  const client = await imap.connect();
  expect(await client.command('SELECT INBOX')).toMatchObject({ status: 'BAD', text: 'Log in first' });
  expect(await client.command('NONSENSE')).toMatchObject({ status: 'BAD', text: 'Unknown command' });
  await client.login('anna@example.test', PASSWORD);
  expect(await client.command('FETCH 1 FLAGS')).toMatchObject({ status: 'BAD', text: 'No mailbox is selected' });
  expect(await client.command('LOGIN anna x')).toMatchObject({ status: 'BAD', text: 'Already logged in' });
  expect(await client.command('SELECT')).toMatchObject({ status: 'BAD' });
  expect(await client.command('SELECT INBOX extra')).toMatchObject({ status: 'BAD' });
  expect(await client.command('UID NOOP')).toMatchObject({ status: 'BAD', text: 'Unknown command' });
  client.wire.send('*\r\n');
  expect((await client.response()).text).toMatch(/^\* BAD /);
  client.wire.send('tagonly\r\n');
  expect((await client.response()).text).toMatch(/^\* BAD /);
  expect(await client.command('NOOP')).toMatchObject({ status: 'OK', text: 'NOOP completed' });
});

test('pipelined commands run in order, each to its end', async () => {
  await using imap = await startImap();
  const client = await imap.login();
  for (const name of ['one', 'two', 'three']) await client.ok('APPEND INBOX', message(name));
  await client.ok('SELECT INBOX');
  client.wire.send(
    'a STORE 1 +FLAGS.SILENT (\\Deleted)\r\nb EXPUNGE\r\nc FETCH 1 UID\r\nd UID STORE 3 FLAGS (x)\r\ne NOOP\r\n',
  );
  expect(await client.result('a')).toMatchObject({ status: 'OK', untagged: [] });
  expect(texts(await client.result('b'))).toEqual(['* 1 EXPUNGE', '* 2 RECENT']);
  expect(texts(await client.result('c'))).toEqual(['* 1 FETCH (UID 2)']);
  expect(texts(await client.result('d')).at(-1)).toBe('* 2 FETCH (UID 3 FLAGS (\\Recent x))');
  expect((await client.result('e')).status).toBe('OK');
});

test('a command in many packets, and many commands in one, make no difference', async () => {
  await using imap = await startImap();
  const client = await imap.connect();
  for (const piece of ['a LO', 'GIN {17}', '\r', '\n']) {
    client.wire.send(piece);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  expect((await client.response()).text).toMatch(/^\+ /);
  for (const piece of [
    'anna@exam',
    'ple.test {',
    `${PASSWORD.length}+}\r`,
    `\n${PASSWORD}`,
    '\r\nb CAPABI',
    'LITY\r\nc NOOP\r\n',
  ]) {
    client.wire.send(piece);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  expect((await client.result('a')).status).toBe('OK');
  expect(texts(await client.result('b'))[0]).toMatch(/^\* CAPABILITY /);
  expect((await client.result('c')).status).toBe('OK');
});

test('empty lines between commands are ignored', async () => {
  await using imap = await startImap();
  const client = await imap.connect();
  client.wire.send('\r\n\r\n\na NOOP\r\n\r\nb NOOP\r\n');
  expect(await client.result('a')).toMatchObject({ status: 'OK', untagged: [] });
  expect(await client.result('b')).toMatchObject({ status: 'OK', untagged: [] });
});

test('a wrong password, a throttled login and a temporary fault are told apart', async () => {
  const answers = new Map<string, 'throttled' | 'unavailable'>([
    ['t', 'throttled'],
    ['u', 'unavailable'],
  ]);
  await using imap = await startImap({
    authenticator: (real) =>
      override(real, {
        password: async (login, password, peer, protocol) => {
          const reason = answers.get(login);
          return reason === undefined ? await real.password(login, password, peer, protocol) : { ok: false, reason };
        },
      }),
  });
  const client = await imap.connect();
  expect(await client.command('LOGIN anna wrong')).toMatchObject({
    status: 'NO',
    text: '[AUTHENTICATIONFAILED] Authentication failed',
  });
  for (const login of answers.keys()) {
    const { status, text } = await client.command(`LOGIN ${login} x`);
    expect(status).toBe('NO');
    expect(text).toMatch(/^\[UNAVAILABLE\] /);
    expect(text).not.toMatch(/password|authentication/i);
  }
  await client.login('ANNA', PASSWORD);
});

test('without TLS and without permission no password is taken', async () => {
  await using imap = await startImap({ plaintext: false });
  const client = await imap.connect();
  expect(client.greeting).toContain('LOGINDISABLED');
  expect(client.greeting).not.toContain('AUTH=');
  expect(await client.command(`LOGIN anna "${PASSWORD}"`)).toMatchObject({
    status: 'NO',
    text: expect.stringContaining('[PRIVACYREQUIRED]'),
  });
  expect(await client.command('AUTHENTICATE PLAIN')).toMatchObject({
    status: 'NO',
    text: expect.stringContaining('[PRIVACYREQUIRED]'),
  });
  await client.startTls();
  await client.login('anna@example.test', PASSWORD);
  const secure = await imap.connect({ secure: true });
  expect(secure.greeting).toContain('AUTH=PLAIN');
  expect(secure.greeting).not.toContain('STARTTLS');
  expect(await secure.command('STARTTLS')).toMatchObject({ status: 'BAD' });
  await secure.login('anna@example.test', PASSWORD);
});

test('AUTHENTICATE is refused for an unknown mechanism, cancelled by a star, BAD for what is no base64', async () => {
  await using imap = await startImap();
  const client = await imap.connect();
  expect(await client.command('AUTHENTICATE X-NONE')).toMatchObject({ status: 'NO' });
  for (const answer of ['*', '!!!', 'AAAA']) {
    client.wire.send('a AUTHENTICATE PLAIN\r\n');
    expect((await client.response()).text).toBe('+ ');
    client.wire.send(`${answer}\r\n`);
    expect((await client.result('a')).status).toBe('BAD');
  }
  const other = Buffer.from(`bert\0anna@example.test\0${PASSWORD}`).toString('base64');
  expect(await client.command(`AUTHENTICATE PLAIN ${other}`)).toMatchObject({
    status: 'NO',
    text: expect.stringContaining('[AUTHORIZATIONFAILED]'),
  });
});

test('after too many wrong commands, or wrong passwords, the connection is closed with BYE', async () => {
  await using imap = await startImap();
  const client = await imap.connect();
  for (let count = 0; count < BAD_COMMANDS_UNAUTHENTICATED; count++) client.wire.send(`a${count} GET /\r\n`);
  const lines = [];
  for (let count = 0; count <= BAD_COMMANDS_UNAUTHENTICATED; count++) lines.push((await client.response()).text);
  expect(lines.at(-1)).toBe('* BYE Too many invalid commands');
  await client.wire.closed();
  const guesser = await imap.connect();
  for (let count = 0; count < 4; count++) await guesser.command('LOGIN bert wrong');
  expect(texts(await guesser.command('LOGIN bert wrong'))).toEqual(['* BYE Too many failed logins']);
  await guesser.wire.closed();
});

test('a line that is too long ends the connection, before login at 8 KB, after it at 128 KB', async () => {
  await using imap = await startImap();
  const client = await imap.connect();
  client.wire.send(`a LOGIN anna ${'x'.repeat(LINE_BYTES_UNAUTHENTICATED)}\r\n`);
  expect((await client.response()).text).toBe('* BYE Command line too long');
  await client.wire.closed();
  const other = await imap.login();
  await other.ok('SELECT INBOX');
  const uids = Array.from({ length: 12_000 }, (_, index) => index * 3 + 100_000).join(',');
  expect(uids.length).toBeGreaterThan(80_000);
  expect((await other.command(`UID FETCH ${uids} FLAGS`)).status).toBe('OK');
  other.wire.send(`b UID FETCH ${uids},${uids} FLAGS\r\n`);
  expect((await other.response()).text).toBe('* BYE Command line too long');
});

test('literals that are too large are refused before they are sent, or read and thrown away', async () => {
  await using imap = await startImap();
  const client = await imap.connect();
  expect(await client.command('LOGIN {100000}')).toMatchObject({ status: 'BAD', text: 'Literal too large' });
  client.wire.send(`a LOGIN {100000+}\r\n${'x'.repeat(100_000)} {3+}\r\nabc\r\nb NOOP\r\n`);
  expect(await client.result('a')).toMatchObject({ status: 'BAD', text: 'Literal too large' });
  expect((await client.result('b')).status).toBe('OK');
  expect(await client.command('LOGIN {4294967296}')).toMatchObject({ status: 'BAD' });
  expect(await client.command('LOGIN {99999999999999999999}')).toMatchObject({ status: 'BAD' });
  const other = await imap.connect();
  other.wire.send('a LOGIN {4294967296+}\r\n');
  expect((await other.response()).text).toBe('* BYE Literal too large');
  await other.wire.closed();
});

test('negative, zero and strange literals do not bring the lines out of step', async () => {
  await using imap = await startImap();
  const client = await imap.login();
  expect((await client.command('SELECT {-1}')).status).toBe('BAD');
  expect((await client.command('SELECT {1x}')).status).toBe('BAD');
  expect((await client.command('SELECT "a {3}')).status).toBe('BAD');
  client.wire.send('a SELECT {0+}\r\n\r\nb SELECT "x {3}"\r\nc NOOP {1+}\r\nx\r\nd NOOP\r\n');
  expect((await client.result('a')).status).toBe('NO');
  expect((await client.result('b')).status).toBe('NO');
  expect((await client.result('c')).status).toBe('BAD');
  expect((await client.result('d')).status).toBe('OK');
});

test('what is pipelined in plaintext behind STARTTLS is not run', async () => {
  await using imap = await startImap();
  const client = await imap.connect();
  client.wire.send('a STARTTLS\r\nb NOOP\r\n');
  expect((await client.response()).text).toMatch(/^a OK /);
  const secured = new ImapWire(await client.wire.secured());
  expect((await secured.ok('CAPABILITY')).untagged[0]?.text).not.toContain('STARTTLS');
  secured.wire.destroy();
});

test('every error of the store has its reply, and the session goes on', async () => {
  let fault: StoreErrorCode | 'bug' = 'busy';
  await using imap = await startImap({
    wrap: (store) => ({
      stage: (options) => store.stage(options),
      mail: (id) =>
        new Proxy(store.mail(id), {
          get(target, name) {
            if (name === 'createMailbox') {
              return () => Promise.reject(fault === 'bug' ? new TypeError('secret') : new StoreError(fault, 'secret'));
            }
            const value = Reflect.get(target, name, target);
            return typeof value === 'function' ? value.bind(target) : value;
          },
        }),
    }),
  });
  const client = await imap.login();
  const codes: Record<StoreErrorCode | 'bug', string> = {
    'not-found': 'NONEXISTENT',
    exists: 'ALREADYEXISTS',
    invalid: 'CANNOT',
    protected: 'CANNOT',
    'over-quota': 'OVERQUOTA',
    limit: 'LIMIT',
    conflict: 'INUSE',
    'stale-cursor': 'UNAVAILABLE',
    busy: 'UNAVAILABLE',
    'no-space': 'UNAVAILABLE',
    unavailable: 'UNAVAILABLE',
    corrupt: 'UNAVAILABLE',
    newer: 'UNAVAILABLE',
    closed: 'UNAVAILABLE',
    bug: 'SERVERBUG',
  };
  for (const [code, reply] of Object.entries(codes)) {
    fault = code as StoreErrorCode | 'bug';
    const { status, text } = await client.command('CREATE x');
    expect(status).toBe('NO');
    expect(text).toMatch(new RegExp(`^\\[${reply}\\] `));
    expect(text).not.toContain('secret');
  }
  await client.ok('NOOP');
});

test('an account has at most so many connections', async () => {
  await using imap = await startImap();
  const clients = [];
  for (let count = 0; count < 100; count++) clients.push(await imap.login('bert'));
  const more = await imap.connect();
  expect(await more.command(`LOGIN bert@example.test "${PASSWORD}"`)).toMatchObject({
    status: 'NO',
    text: '[LIMIT] Too many connections of this account',
  });
  await clients[0]?.ok('LOGOUT');
  await clients[0]?.wire.closed();
  // Its place is free when the server has seen the end, too.
  await expect.poll(async () => (await more.command(`LOGIN bert@example.test "${PASSWORD}"`)).status).toBe('OK');
});

test('a server that stops says BYE to idle sessions and to those in IDLE', async () => {
  await using imap = await startImap();
  const idle = await imap.login();
  const idling = await imap.login();
  idling.wire.send('a IDLE\r\n');
  expect((await idling.response()).text).toMatch(/^\+ /);
  const fresh = await imap.connect();
  const closed = imap.server.close();
  for (const client of [idle, idling, fresh]) {
    expect((await client.response()).text).toBe('* BYE Server is shutting down');
    await client.wire.closed();
  }
  await closed;
  expect(imap.server.connections).toBe(0);
});

test('a client that goes away in the middle of anything leaves nothing behind', async () => {
  await using imap = await startImap();
  const beginnings = ['', 'a LOG', 'a LOGIN {10}\r\n', 'a LOGIN {10}\r\nabc', 'a AUTHENTICATE PLAIN\r\n'];
  for (const text of beginnings) {
    const client = await imap.connect();
    client.wire.send(text);
    await new Promise((resolve) => setTimeout(resolve, 5));
    client.wire.destroy();
  }
  for (const text of ['a APPEND INBOX {1000000}\r\nabc', 'a IDLE\r\n', 'a SEARCH TEXT x']) {
    const client = await imap.login();
    client.wire.send(text);
    await new Promise((resolve) => setTimeout(resolve, 5));
    client.wire.destroy();
  }
  await expect.poll(() => imap.server.connections).toBe(0);
});
