// What the peer is told when delivery goes wrong, for one recipient and for several: over a socket, with a store that
// fails where it is told to.
import { expect, test } from 'vitest';
import { combine } from '#src/ingress/outcome.ts';
import { StoreError, type StoreErrorCode } from '#storage/errors.ts';
import type { MailAccount } from '#storage/ports.ts';
import { type SmtpServers, startSmtp } from '#test/support/smtp-server.ts';
import type { SqlStore } from '#test/support/sql-store.ts';
import { SmtpWire } from '#test/support/wire.ts';

/** A store whose appends to some accounts fail as long as the map says so. */
function failing(failures: Map<string, StoreErrorCode>) {
  return (store: SqlStore) => ({
    ...store,
    mail(id: string): MailAccount {
      const mail = store.mail(id);
      const append: MailAccount['append'] = (...args) => {
        const code = failures.get(id);
        return code === undefined ? mail.append(...args) : Promise.reject(new StoreError(code, 'made to fail'));
      };
      return new Proxy(mail, {
        get: (target, name) => (name === 'append' ? append : Reflect.get(target, name, target).bind(target)),
      });
    },
  });
}

let serial = 0;

async function send(smtp: SmtpServers, recipients: readonly string[], id = ++serial): Promise<string> {
  const client = await SmtpWire.open(smtp.mx);
  await client.command('EHLO peer.example');
  await client.command('MAIL FROM:<a@peer.example>');
  for (const recipient of recipients) await client.command(`RCPT TO:<${recipient}@example.test>`);
  await client.command('DATA');
  const { code, lines } = await client.command(`Message-ID: <${id}@peer.example>\r\nSubject: x\r\n\r\nx\r\n.`);
  client.wire.destroy();
  return `${code} ${lines[0]}`;
}

test.each<[StoreErrorCode, string]>([
  ['unavailable', '451 4.3.0 Temporary failure, try again later'],
  ['busy', '451 4.3.0 Temporary failure, try again later'],
  ['corrupt', '451 4.3.0 Temporary failure, try again later'],
  ['newer', '451 4.3.0 Temporary failure, try again later'],
  ['closed', '451 4.3.0 Temporary failure, try again later'],
  ['not-found', '451 4.3.0 Temporary failure, try again later'],
  ['no-space', '452 4.3.1 Insufficient system storage'],
  ['over-quota', '552 5.2.2 Mailbox full'],
  ['limit', '552 5.3.4 Message too large'],
])('a store that says %s makes the reply %s, and it recovers', async (code, reply) => {
  const failures = new Map<string, StoreErrorCode>();
  await using smtp = await startSmtp({ wrap: failing(failures) });
  failures.set(smtp.anna.id, code);
  expect(await send(smtp, ['anna'])).toBe(reply);
  failures.clear();
  expect(await send(smtp, ['anna'])).toBe('250 2.6.0 Message accepted');
  expect(await smtp.inbox(smtp.anna)).toHaveLength(1);
});

test.each<[StoreErrorCode, string]>([
  ['corrupt', '451 4.3.0'],
  ['no-space', '452 4.3.1'],
  ['over-quota', '452 4.2.2'],
  ['limit', '451 4.3.0'],
])(
  'one account that says %s defers the message of all, and the retry adds nothing where it is',
  async (code, reply) => {
    const failures = new Map<string, StoreErrorCode>();
    await using smtp = await startSmtp({ wrap: failing(failures) });
    failures.set(smtp.anna.id, code);
    for (let i = 0; i < 3; i++) expect(await send(smtp, ['anna', 'bert'], -1)).toMatch(new RegExp(`^${reply} `));
    expect(await smtp.inbox(smtp.anna)).toHaveLength(0);
    expect(await smtp.inbox(smtp.bert)).toHaveLength(1);
    failures.clear();
    expect(await send(smtp, ['anna', 'bert'], -1)).toMatch(/^250/);
    expect(await smtp.inbox(smtp.anna)).toHaveLength(1);
    expect(await smtp.inbox(smtp.bert)).toHaveLength(1);
  },
);

test('a full mailbox still takes what comes for postmaster and abuse (RFC 5321 4.5.1)', async () => {
  await using smtp = await startSmtp({ quota: 1_000 });
  for (const name of ['postmaster', 'abuse'])
    await smtp.store.directory.addAlias(`${name}@example.test`, ['anna@example.test']);
  while ((await send(smtp, ['anna'])).startsWith('250'));
  expect(await send(smtp, ['anna'])).toBe('552 5.2.2 Mailbox full');
  const before = (await smtp.inbox(smtp.anna)).length;
  expect(await send(smtp, ['postmaster'])).toBe('250 2.6.0 Message accepted');
  expect(await send(smtp, ['abuse'])).toBe('250 2.6.0 Message accepted');
  expect(await smtp.inbox(smtp.anna)).toHaveLength(before + 2);

  const client = await SmtpWire.open(smtp.mx);
  await client.command('EHLO peer.example');
  await client.command('MAIL FROM:<a@peer.example> SIZE=900');
  const replies = [];
  for (const name of ['anna', 'postmaster', 'abuse'])
    replies.push((await client.command(`RCPT TO:<${name}@example.test>`)).code);
  client.wire.destroy();
  expect(replies).toEqual([552, 250, 250]);
});

test('an account that goes between RCPT and DATA loses nobody else his mail', async () => {
  await using smtp = await startSmtp();
  const client = await SmtpWire.open(smtp.mx);
  await client.command('EHLO peer.example');
  const { lines } = await (async () => {
    for (const line of ['MAIL FROM:<>', 'RCPT TO:<anna@example.test>', 'RCPT TO:<bert@example.test>', 'DATA'])
      await client.command(line);
    await smtp.store.directory.removeAccount(smtp.anna.id);
    return client.command('Message-ID: <gone@peer.example>\r\n.');
  })();
  expect(lines).toEqual(['4.3.0 Temporary failure, try again later']);
  expect(await send(smtp, ['bert'])).toMatch(/^250/);
});

test('nothing is acknowledged while the sync stalls, and 451 comes when it fails', async () => {
  const stalled = Promise.withResolvers<void>();
  const fatal = Promise.withResolvers<Error>();
  const reached = Promise.withResolvers<void>();
  let stall = false;
  const file = () => {
    if (!stall) return Promise.resolve();
    reached.resolve();
    return stalled.promise;
  };
  await using smtp = await startSmtp({
    sync: { file, folder: async () => {} },
    fatal: fatal.resolve,
  });
  expect(await send(smtp, ['anna'])).toMatch(/^250/);
  stall = true;
  const replies: string[] = [];
  const sent = [1, 2, 3].map(async () => replies.push(await send(smtp, ['anna', 'bert'])));
  await reached.promise;
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect(replies).toEqual([]);
  stalled.reject(Object.assign(new Error('EIO: i/o error, fdatasync'), { code: 'EIO' }));
  await Promise.all(sent);
  expect(replies).toEqual(Array(3).fill('451 4.3.0 Temporary failure, try again later'));
  expect((await fatal.promise).message).toContain('EIO');
});

test('a disk that is full while a message is received is told 452 4.3.1', async () => {
  let full = true;
  const wrap = (store: SqlStore) => ({
    ...store,
    stage(options: { maxBytes: number }) {
      const staging = store.stage(options);
      const write: typeof staging.write = (chunk) =>
        full ? Promise.reject(new StoreError('no-space', 'made to fail')) : staging.write(chunk);
      return { write, finish: () => staging.finish(), [Symbol.asyncDispose]: () => staging[Symbol.asyncDispose]() };
    },
  });
  await using smtp = await startSmtp({ wrap });
  expect(await send(smtp, ['anna'])).toBe('452 4.3.1 Insufficient system storage');
  full = false;
  expect(await send(smtp, ['anna'])).toMatch(/^250/);
});

test('a directory that can not be asked is a temporary failure at RCPT, not an unknown user', async () => {
  await using smtp = await startSmtp({
    wrap: (store) => {
      const { directory } = store;
      const resolve: typeof directory.resolve = (address) =>
        address.startsWith('anna')
          ? Promise.reject(new StoreError('unavailable', 'made to fail'))
          : directory.resolve(address);
      const broken = new Proxy(directory, {
        get: (target, name) => (name === 'resolve' ? resolve : Reflect.get(target, name, target)),
      });
      return { ...store, directory: broken };
    },
  });
  const client = await SmtpWire.open(smtp.mx);
  await client.command('EHLO peer.example');
  await client.command('MAIL FROM:<>');
  expect(await client.command('RCPT TO:<anna@example.test>')).toMatchObject({ code: 451 });
  expect(await client.command('RCPT TO:<bert@example.test>')).toMatchObject({ code: 250 });
});

test('the reply for all is the worst that leaves nothing lost', () => {
  const reply = (code: number, enhanced = `${Math.floor(code / 100)}.0.0`) => ({ code, enhanced, text: '' });
  const code = (...codes: number[]) => combine(codes.map((value) => reply(value))).code;
  expect(code(250, 250)).toBe(250);
  expect(code(250, 451)).toBe(451);
  expect(code(552, 451)).toBe(451);
  expect(code(552, 552)).toBe(552);
  expect(code(250, 552)).toBe(451);
  expect(combine([reply(250), reply(552, '5.2.2')])).toMatchObject({ code: 452, enhanced: '4.2.2' });
});
