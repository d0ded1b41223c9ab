// POP3 with messages: listing, fetching, deleting, and what stays when a connection is cut.
import { setTimeout as sleep } from 'node:timers/promises';
import Pop3Command from 'node-pop3';
import { expect, test } from 'vitest';
import { createPop3Server } from '#protocols/pop3/server.ts';
import { StoreError } from '#storage/errors.ts';
import type { MailAccount } from '#storage/ports.ts';
import { changedContents } from '#test/support/contents.ts';
import { type MailServer, type MailServerOptions, PASSWORD, startMailServer } from '#test/support/mail-server.ts';
import { overrideMail } from '#test/support/override.ts';
import { Pop3Wire } from './client.ts';

const start = (options: Omit<MailServerOptions, 'create'> = {}) =>
  startMailServer({ create: createPop3Server, ...options });

const message = (subject: string, body = 'A line.\r\n') =>
  `From: bert@example.test\r\nTo: anna@example.test\r\nSubject: ${subject}\r\n\r\n${body}`;

/** A store whose account is changed by `change`. */
function withAccount(change: (account: MailAccount) => Partial<MailAccount>): Omit<MailServerOptions, 'create'> {
  return {
    wrapStore: (store) => overrideMail(store, change),
  };
}

async function subjects(server: MailServer, path: string): Promise<number> {
  return (await server.mail.mailboxByPath(path))?.total ?? -1;
}

test('STAT and LIST count the octets that RETR sends, whatever the message looks like', async () => {
  await using server = await start();
  const messages = [
    message('plain'),
    message('dots', '.\r\n..\r\n.hidden\r\n. \r\n'),
    message('open end', 'no line end'),
    message('ends in LF', 'one\n'),
    message('bare LF', 'one\n.\ntwo\n..\n\r\n'),
    message('8 bit', 'gr\xfc\xdfe\r\n'),
    message('NUL', 'a\0b\r\n'),
    'Subject: no body\r\n',
    '',
    message('large', `${'x'.repeat(70)}\r\n`.repeat(20_000)),
  ];
  for (const text of messages) await server.deliver(text);
  const client = await Pop3Wire.login(server.port, PASSWORD);
  const listed = (await client.lines('LIST')).map((line) => Number(line.split(' ')[1]));
  expect(listed).toHaveLength(messages.length);
  for (const [index, text] of messages.entries()) {
    const ended = text === '' || text.endsWith('\r\n') ? text : `${text}\r\n`;
    client.wire.send(`RETR ${index + 1}\r\n`);
    expect(await client.wire.line()).toBe(`+OK ${ended.length} octets`);
    const wire = stuffed(ended);
    expect((await client.wire.bytes(wire.length)).toString('latin1')).toBe(wire);
    expect(listed[index]).toBe(ended.length);
    expect(await client.ok(`LIST ${index + 1}`)).toBe(`+OK ${index + 1} ${ended.length}`);
  }
  const total = listed.reduce((sum, octets) => sum + octets, 0);
  expect(await client.ok('STAT')).toBe(`+OK ${messages.length} ${total}`);
  await client.quit();
});

/** A message as it goes over the wire: dots at the start of a line doubled, closed by a lone dot. */
function stuffed(text: string): string {
  return `${text.replace(/(^|\n)\./g, '$1..')}.\r\n`;
}

test('TOP: the header, the empty line and so many lines of the body', async () => {
  await using server = await start();
  const header = 'From: bert@example.test\r\nTo: anna@example.test\r\nSubject: top\r\n\r\n';
  await server.deliver(`${header}one\r\n.two\r\nthree\r\n`);
  const client = await Pop3Wire.login(server.port, PASSWORD);
  expect(await client.message('TOP 1 0')).toBe(header);
  expect(await client.message('TOP 1 2')).toBe(`${header}one\r\n.two\r\n`);
  expect(await client.message('TOP 1 9999999999')).toBe(`${header}one\r\n.two\r\nthree\r\n`);
  for (const wrong of ['TOP', 'TOP 1', 'TOP 1 -1', 'TOP x 1', 'TOP 1 2 3'])
    expect(await client.command(wrong)).toMatch(/^-ERR TOP/);
  expect(await client.command('TOP 2 0')).toBe('-ERR no such message');
  await client.quit();
});

test('UIDL: stable across sessions, moves and deletions, and never given to another message', async () => {
  await using server = await start();
  for (const subject of ['one', 'two', 'three']) await server.deliver(message(subject));
  const first = await Pop3Wire.login(server.port, PASSWORD);
  const ids = (await first.lines('UIDL')).map((line) => line.split(' ')[1] ?? '');
  expect(new Set(ids).size).toBe(3);
  for (const id of ids) expect(id).toMatch(/^[\x21-\x7e]{1,70}$/);
  expect(await first.ok('UIDL 2')).toBe(`+OK 2 ${ids[1]}`);
  await first.ok('DELE 3');
  expect(await first.command('UIDL 3')).toBe('-ERR no such message');
  expect(await first.lines('UIDL')).toHaveLength(2);
  await first.quit();

  // The first goes away and comes back; the second is copied; a new one arrives.
  const inbox = await server.mail.mailboxByPath('INBOX');
  const archive = await server.mail.mailboxByPath('Archive');
  if (inbox === undefined || archive === undefined) throw new Error('no mailboxes');
  const moved = await server.mail.move(inbox.id, [[1, 1]], archive.id);
  await server.mail.move(archive.id, [[moved.target[0] ?? 0, moved.target[0] ?? 0]], inbox.id);
  await server.mail.copy(inbox.id, [[2, 2]], inbox.id);
  await server.deliver(message('four'));
  const second = await Pop3Wire.login(server.port, PASSWORD);
  const later = (await second.lines('UIDL')).map((line) => line.split(' ')[1] ?? '');
  expect(later).toHaveLength(4);
  expect(new Set(later).size).toBe(4);
  expect(later[0]).toBe(ids[1]);
  expect(later[1]).toBe(ids[0]);
  expect(later).not.toContain(ids[2]);
  await second.quit();
});

test('DELE moves to Trash at QUIT, durably before its +OK', async () => {
  await using server = await start();
  for (const subject of ['one', 'two', 'three', 'four']) await server.deliver(message(subject));
  const client = await Pop3Wire.login(server.port, PASSWORD);
  expect(await client.ok('DELE 2')).toBe('+OK message 2 marked as deleted');
  await client.ok('DELE 3');
  expect(await client.command('DELE 3')).toBe('-ERR no such message');
  expect(await client.command('RETR 2')).toBe('-ERR no such message');
  expect((await client.lines('LIST')).map((line) => line.split(' ')[0])).toEqual(['1', '4']);
  expect(await client.ok('STAT')).toMatch(/^\+OK 2 /);
  expect(await subjects(server, 'INBOX')).toBe(4);
  expect(await client.quit()).toMatch(/^\+OK/);
  expect(await subjects(server, 'INBOX')).toBe(2);
  expect(await subjects(server, 'Trash')).toBe(2);
  const again = await Pop3Wire.login(server.port, PASSWORD);
  expect(await again.message('TOP 2 0')).toContain('Subject: four');
  await again.quit();
});

test('RSET takes the marks away', async () => {
  await using server = await start();
  await server.deliver(message('one'));
  const client = await Pop3Wire.login(server.port, PASSWORD);
  await client.ok('DELE 1');
  expect(await client.ok('RSET')).toMatch(/^\+OK 1 messages/);
  await client.ok('RETR 1');
  await client.rest();
  await client.quit();
  expect(await subjects(server, 'INBOX')).toBe(1);
});

test('a connection that is cut before QUIT deletes nothing', async () => {
  await using server = await start();
  await server.deliver(message('one'));
  const client = await Pop3Wire.login(server.port, PASSWORD);
  await client.ok('DELE 1');
  client.destroy();
  await expect.poll(() => server.protocol.connections).toBe(0);
  const half = await Pop3Wire.login(server.port, PASSWORD);
  await half.ok('DELE 1');
  half.wire.socket.end();
  await expect.poll(() => server.protocol.connections).toBe(0);
  expect(await subjects(server, 'INBOX')).toBe(1);
  expect(await subjects(server, 'Trash')).toBe(0);
});

test('QUIT says so when the marked messages could not be moved, and nothing is lost', async () => {
  const failing = () => ({ move: async () => Promise.reject(new StoreError('no-space', 'full')) });
  await using server = await start(withAccount(failing));
  await server.deliver(message('one'));
  const client = await Pop3Wire.login(server.port, PASSWORD);
  await client.ok('DELE 1');
  expect(await client.quit()).toBe('-ERR [SYS/TEMP] some deleted messages not removed');
  expect(await subjects(server, 'INBOX')).toBe(1);
});

test('a body that can not be read is [SYS/TEMP]; one that fails midway cuts the connection', async () => {
  let small = true;
  let midway = false;
  await using server = await start(
    withAccount((account) =>
      changedContents(account, (content) => ({
        ...content,
        look() {
          if (small) throw new StoreError('unavailable', 'bad sector');
          return false;
        },
        async *read() {
          if (midway) yield Buffer.from('Subject: half');
          throw new StoreError('unavailable', 'bad sector');
        },
      })),
    ),
  );
  await server.deliver(message('one'));
  const client = await Pop3Wire.login(server.port, PASSWORD);
  expect(await client.command('RETR 1')).toMatch(/^-ERR \[SYS\/TEMP\] /);
  small = false;
  expect(await client.command('RETR 1')).toMatch(/^-ERR \[SYS\/TEMP\] /);
  expect(await client.ok('NOOP')).toBe('+OK nothing done');
  midway = true;
  await expect(client.message('RETR 1')).rejects.toThrow('closed');
});

test('messages are the right ones in any order, and those that could not be read ahead are read when they are asked for', async () => {
  let failing = false;
  let readings = 0;
  await using server = await start(
    withAccount((account) => ({
      content: async (id) => {
        if (failing) throw new StoreError('busy', 'not now');
        return account.content(id);
      },
      async *listing(...asked) {
        readings += 1;
        if (failing) throw new StoreError('busy', 'not now');
        yield* account.listing(...asked);
      },
    })),
  );
  const order = Array.from({ length: 40 }, (_, index) => index + 1);
  for (const number of order) await server.deliver(message(`of number ${number}.`, 'x'.repeat(number * 500)));
  const client = await Pop3Wire.login(server.port, PASSWORD);
  const retrieve = async (number: number, verb = `RETR ${number}`) =>
    expect(await client.message(verb)).toContain(`Subject: of number ${number}.\r\n`);
  readings = 0;
  for (const number of order) await retrieve(number);
  expect(readings).toBeLessThan(8);
  for (const number of [40, 7, 8, 3, 4, 4, 5, 39, 1]) await retrieve(number);
  failing = true;
  expect(await client.command('RETR 20')).toMatch(/^-ERR \[SYS\/TEMP\] /);
  failing = false;
  await retrieve(20);
  await retrieve(21);
  await client.ok('DELE 22');
  failing = true;
  await retrieve(23);
  expect(await client.command('RETR 39')).toMatch(/^-ERR \[SYS\/TEMP\] /);
  expect(await client.command('RETR 40')).toMatch(/^-ERR \[SYS\/TEMP\] /);
  failing = false;
  await retrieve(40, 'TOP 40 0');
  await client.quit();
});

test('only INBOX is there, as it was at the login', async () => {
  await using server = await start();
  await server.deliver(message('one'));
  await server.deliver(message('junk'), 'Junk');
  const client = await Pop3Wire.login(server.port, PASSWORD);
  await server.deliver(message('late'));
  expect(await client.ok('STAT')).toMatch(/^\+OK 1 /);
  await client.quit();
  const next = await Pop3Wire.login(server.port, PASSWORD);
  expect(await next.ok('STAT')).toMatch(/^\+OK 2 /);
  await next.quit();
});

test('a message that another program deleted meanwhile leaves the numbers as they are', async () => {
  await using server = await start();
  for (const subject of ['one', 'two', 'three']) await server.deliver(message(subject));
  const client = await Pop3Wire.login(server.port, PASSWORD);
  const inbox = await server.mail.mailboxByPath('INBOX');
  await server.mail.expunge(inbox?.id ?? 0, [[2, 2]], { onlyDeleted: false });
  expect(await client.message('RETR 3')).toContain('Subject: three');
  expect(await client.lines('LIST')).toHaveLength(3);
  for (const number of [1, 2, 3]) await client.ok(`DELE ${number}`);
  expect(await client.quit()).toMatch(/^\+OK/);
  expect(await subjects(server, 'INBOX')).toBe(0);
  expect(await subjects(server, 'Trash')).toBe(2);
});

test('PIPELINING: many commands in one packet, split anywhere, are answered in order', async () => {
  await using server = await start();
  for (let i = 1; i <= 20; i++) await server.deliver(message(`number ${i}`));
  const client = await Pop3Wire.open(server.port);
  const lines = ['USER anna', `PASS ${PASSWORD}`, 'STAT'];
  for (let i = 1; i <= 20; i++) lines.push(`RETR ${i}`, `DELE ${i}`);
  lines.push('RSET', 'QUIT');
  const bytes = Buffer.from(`${lines.join('\r\n')}\r\n`);
  for (let at = 0; at < bytes.length; at += 37) {
    client.wire.send(bytes.subarray(at, at + 37));
    if (at % 3 === 0) await sleep(0);
  }
  for (let i = 0; i < 3; i++) expect(await client.wire.line()).toMatch(/^\+OK/);
  for (let i = 1; i <= 20; i++) {
    expect(await client.wire.line()).toMatch(/^\+OK \d+ octets/);
    expect((await client.rest()).join('\n')).toContain(`Subject: number ${i}\n`);
    expect(await client.wire.line()).toBe(`+OK message ${i} marked as deleted`);
  }
  expect(await client.wire.line()).toMatch(/^\+OK 20 messages/);
  expect(await client.wire.line()).toBe('+OK bye');
  await client.wire.closed();
  expect(await subjects(server, 'INBOX')).toBe(20);
});

test('a client that stops sending but still reads gets all its answers', async () => {
  await using server = await start();
  await server.deliver(message('one'));
  const client = await Pop3Wire.open(server.port);
  client.wire.send(`USER anna\r\nPASS ${PASSWORD}\r\nRETR 1\r\nDELE 1\r\nQUIT\r\n`);
  client.wire.socket.end();
  await client.wire.line();
  await client.wire.line();
  expect(await client.wire.line()).toMatch(/^\+OK \d+ octets/);
  expect((await client.rest()).join('\n')).toContain('Subject: one');
  expect(await client.wire.line()).toMatch(/^\+OK/);
  expect(await client.wire.line()).toBe('+OK bye');
  expect(await subjects(server, 'Trash')).toBe(1);
});

test('a client that reads slowly gets the whole large message', async () => {
  await using server = await start();
  const large = message('large', `.${'y'.repeat(75)}\r\n`.repeat(200_000));
  await server.deliver(large);
  const client = await Pop3Wire.login(server.port, PASSWORD);
  client.wire.send('RETR 1\r\n');
  for (let i = 0; i < 20; i++) {
    client.wire.socket.pause();
    await sleep(5);
    client.wire.socket.resume();
    await sleep(1);
  }
  expect(await client.wire.line()).toBe(`+OK ${large.length} octets`);
  expect((await client.rest()).join('\r\n').length).toBe(large.length - 2);
  await client.quit();
});

test('a client that goes away in the middle of a message frees the maildrop', async () => {
  await using server = await start();
  await server.deliver(message('large', `${'z'.repeat(75)}\r\n`.repeat(100_000)));
  const client = await Pop3Wire.login(server.port, PASSWORD);
  client.wire.socket.pause();
  client.wire.send('RETR 1\r\n');
  await sleep(20);
  client.destroy();
  await expect.poll(() => server.protocol.connections).toBe(0);
  const next = await Pop3Wire.login(server.port, PASSWORD);
  await next.quit();
});

test('a graceful stop finishes the command in hand, says goodbye and deletes nothing', async () => {
  await using server = await start();
  await server.deliver(message('one'));
  const idle = await Pop3Wire.login(server.port, PASSWORD);
  await idle.ok('DELE 1');
  const greeted = await Pop3Wire.open(server.port);
  const stopped = server.protocol.close();
  expect(await idle.wire.line()).toMatch(/^-ERR \[SYS\/TEMP\] /);
  expect(await greeted.wire.line()).toMatch(/^-ERR \[SYS\/TEMP\] /);
  await idle.wire.closed();
  await stopped;
  expect(server.protocol.connections).toBe(0);
  expect(await subjects(server, 'INBOX')).toBe(1);
});

test('a graceful stop cuts a client that does not read its message, and the maildrop is free', async () => {
  await using server = await startMailServer({ create: (context) => createPop3Server(context, 50) });
  await server.deliver(message('large', `${'z'.repeat(75)}\r\n`.repeat(200_000)));
  const client = await Pop3Wire.login(server.port, PASSWORD);
  client.wire.socket.pause();
  client.wire.send('RETR 1\r\n');
  await sleep(50);
  await server.protocol.close();
  expect(server.protocol.connections).toBe(0);
  client.destroy();
});

test('commands that name no message or too much are refused, and the session goes on', async () => {
  await using server = await start();
  await server.deliver(message('one'));
  const client = await Pop3Wire.login(server.port, PASSWORD);
  const wrong = [
    'RETR',
    'RETR 0',
    'RETR 2',
    'RETR -1',
    'RETR 1 1',
    'RETR 99999999999999999999',
    'DELE x',
    'LIST 7',
    'UIDL 7',
  ];
  for (const line of wrong) expect(await client.command(line)).toMatch(/^-ERR /);
  expect(await client.command('retr  1 ')).toMatch(/^\+OK/);
  await client.rest();
  expect(await client.command('AUTH PLAIN')).toBe('-ERR already logged in');
  await client.quit();
});

test('20,000 messages are listed and deleted', async () => {
  await using server = await start();
  const inbox = await server.mail.mailboxByPath('INBOX');
  await using staging = server.store.stage({ maxBytes: 1_000 });
  await staging.write(Buffer.from(message('many')));
  await using staged = await staging.finish();
  for (let i = 0; i < 20; i++) await server.mail.append(inbox?.id ?? 0, Array(1_000).fill({ staged }));
  const client = await Pop3Wire.login(server.port, PASSWORD);
  expect(await client.ok('STAT')).toBe(`+OK 20000 ${20_000 * staged.size}`);
  const ids = await client.lines('UIDL');
  expect(new Set(ids.map((line) => line.split(' ')[1])).size).toBe(20_000);
  expect((await client.lines('LIST')).at(-1)).toBe(`20000 ${staged.size}`);
  client.wire.send(Array.from({ length: 20_000 }, (_, i) => (i % 3 === 0 ? '' : `DELE ${i + 1}\r\n`)).join(''));
  for (let i = 0; i < 20_000; i++) if (i % 3 !== 0) await client.wire.line();
  expect(await client.quit()).toBe('+OK bye');
  expect(await subjects(server, 'Trash')).toBe(20_000 - Math.ceil(20_000 / 3));
});

test('node-pop3, a client from npm, lists, reads and deletes', async () => {
  await using server = await start();
  await server.deliver(message('one'));
  await server.deliver(message('two'));
  const options = { user: 'anna@example.test', password: PASSWORD, host: '127.0.0.1', port: server.port };
  const client = new Pop3Command(options);
  expect(await client.UIDL()).toHaveLength(2);
  expect(await client.RETR(2)).toBe(message('two').slice(0, -2));
  expect(await client.TOP(1, 0)).toContain('Subject: one');
  await client.command('DELE', '1');
  await client.QUIT();
  expect(await subjects(server, 'Trash')).toBe(1);
});
