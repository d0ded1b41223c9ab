// Mail through the whole program with the npm clients: handed in by MX and by submission, read over IMAP and POP3, changed,
// and still so after a restart. With one server thread, and with two.
import type { ImapFlow } from 'imapflow';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { imap, PASSWORD, pop3, smtp } from '#test/support/clients.ts';
import { type TemporaryFolder, temporaryFolder } from '#test/support/folder.ts';
import { Installation, type Running } from '#test/support/installation.ts';

const listen = { smtp: 0, submission: 0, submissions: 0, imap: 0, imaps: 0, pop3: 0, pop3s: 0 };

/** The messages of a mailbox, oldest first. */
async function messages(client: ImapFlow, path: string) {
  const lock = await client.getMailboxLock(path);
  try {
    const found = await client.fetchAll('1:*', { uid: true, flags: true, envelope: true, source: true });
    return found.map(({ uid, flags, envelope, source }) => ({
      uid,
      flags: [...(flags ?? [])].filter((flag) => flag !== '\\Recent').sort(),
      subject: envelope?.subject,
      source: source?.toString('utf8') ?? '',
    }));
  } finally {
    lock.release();
  }
}

async function subjects(client: ImapFlow, path: string) {
  return (await messages(client, path)).map(({ subject }) => subject);
}

describe.each([1, 2])('with %i server threads', (threads) => {
  let folder: TemporaryFolder;
  let program: Installation;
  let server: Running;

  beforeAll(async () => {
    folder = await temporaryFolder();
    program = new Installation({ folder: folder.path, threads, plaintext: false, listen });
    await program.populate(['anna', 'bert', 'carl', 'dora', 'emil', 'fred'], PASSWORD);
    await program.ok(['alias', 'add', 'team@example.test', 'anna@example.test', 'bert@example.test']);
    server = await program.serve();
  });

  afterAll(async () => {
    expect(await server.stop()).toEqual({ status: 0, signal: null });
    expect(await program.run(['verify'])).toMatchObject({ status: 0 });
    await folder[Symbol.asyncDispose]();
  });

  test('mail handed in on the MX port is in the INBOX of each recipient, byte for byte', async () => {
    const raw =
      'From: p@peer.test\r\nTo: team@example.test\r\nSubject: to the team\r\n\r\n.dot\r\n\u00e4\u00f6\u00fc\r\n';
    const sent = await smtp(server, 'smtp').sendMail({
      envelope: { from: 'p@peer.test', to: ['team@example.test', 'carl+lists@example.test'] },
      raw,
    });
    expect(sent.rejected).toEqual([]);
    for (const user of ['anna', 'bert', 'carl']) {
      const client = await imap(server, `${user}@example.test`);
      const [message] = await messages(client, 'INBOX');
      expect(message?.source.endsWith(raw)).toBe(true);
      expect(message?.source).toMatch(/^Return-Path: <p@peer\.test>\r\n/);
      await client.logout();
    }
  });

  test('a user submits on both submission ports, and only with a login', async () => {
    for (const listener of ['submission', 'submissions'] as const) {
      await smtp(server, listener, 'anna@example.test').sendMail({
        from: 'anna@example.test',
        to: 'dora@example.test',
        subject: `by ${listener}`,
        text: 'hello',
      });
      await expect(
        smtp(server, listener).sendMail({ from: 'anna@example.test', to: 'dora@example.test', text: 'x' }),
      ).rejects.toMatchObject({ responseCode: 530 });
    }
    const client = await imap(server, 'dora@example.test', 'imap');
    expect(await subjects(client, 'INBOX')).toEqual(['by submission', 'by submissions']);
    await client.logout();
  });

  test('nobody sends in another name', async () => {
    const mail = { to: 'dora@example.test', subject: 'not mine', text: 'x' };
    const client = smtp(server, 'submission', 'anna@example.test');
    await expect(client.sendMail({ ...mail, from: 'bert@example.test' })).rejects.toMatchObject({ responseCode: 550 });
    await expect(
      client.sendMail({ ...mail, from: 'bert@example.test', envelope: { from: 'anna@example.test', to: mail.to } }),
    ).rejects.toMatchObject({ responseCode: 550 });
  });

  test('flags, keywords, folders and moves persist over a restart', async () => {
    for (const subject of ['one', 'two', 'three', 'four']) {
      await smtp(server, 'smtp').sendMail({ from: 'p@peer.test', to: 'emil@example.test', subject, text: subject });
    }
    let client = await imap(server, 'emil@example.test');
    await client.mailboxCreate('Work/Projects \u00e4\u00f6');
    const lock = await client.getMailboxLock('INBOX');
    await client.messageFlagsAdd('1', ['\\Seen', '\\Flagged', 'todo']);
    expect(await client.messageMove('2', 'Work/Projects \u00e4\u00f6')).toMatchObject({
      destination: expect.anything(),
    });
    expect(await client.messageCopy('2', 'Archive')).toMatchObject({ uidMap: new Map([[3, 1]]) });
    await client.messageDelete('3');
    lock.release();
    const appended = await client.append('Drafts', 'Subject: a draft\r\n\r\nnot yet\r\n', ['\\Draft', '\\Seen']);
    expect(appended).toMatchObject({ uid: 1 });
    const look = async () => ({
      inbox: await messages(client, 'INBOX'),
      work: await messages(client, 'Work/Projects \u00e4\u00f6'),
      archive: await messages(client, 'Archive'),
      drafts: await messages(client, 'Drafts'),
      validity: await client.status('INBOX', { uidValidity: true, uidNext: true, messages: true, unseen: true }),
      folders: (await client.list()).map(({ path, specialUse }) => `${path} ${specialUse ?? ''}`).sort(),
    });
    const before = await look();
    expect(before.inbox).toMatchObject([
      { uid: 1, subject: 'one', flags: ['\\Flagged', '\\Seen', 'todo'] },
      { uid: 3, subject: 'three', flags: [] },
    ]);
    expect(before.work).toMatchObject([{ subject: 'two' }]);
    expect(before.drafts).toMatchObject([{ subject: 'a draft', flags: ['\\Draft', '\\Seen'] }]);
    await client.logout();

    expect(await server.stop()).toEqual({ status: 0, signal: null });
    server = await program.serve();
    client = await imap(server, 'emil@example.test');
    expect(await look()).toEqual(before);
    await client.logout();
  });

  test('POP3 lists, reads and deletes what is in the INBOX; deleted mail is in the Trash', async () => {
    for (const subject of ['one', 'two']) {
      await smtp(server, 'smtp').sendMail({
        from: 'p@peer.test',
        to: 'fred@example.test',
        subject,
        text: `${subject}\n.\n`,
      });
    }
    const client = pop3(server, 'fred@example.test');
    const ids = (await client.UIDL()) as string[][];
    expect(ids).toHaveLength(2);
    expect(await client.RETR(1)).toMatch(/Subject: one\r\n[\s\S]*\r\n\r\none\r\n\.\.$/); // node-pop3 leaves the dots doubled;
    await client.command('DELE', 1);
    await client.QUIT();
    const again = pop3(server, 'fred@example.test');
    expect(await again.UIDL()).toEqual([['1', ids[1]?.[1]]]);
    await again.QUIT();
    const reader = await imap(server, 'fred@example.test');
    expect(await subjects(reader, 'INBOX')).toEqual(['two']);
    expect(await subjects(reader, 'Trash')).toEqual(['one']);
    await reader.logout();
  });

  test('a client in IDLE hears of mail that another connection brings', async () => {
    const client = await imap(server, 'carl@example.test');
    const lock = await client.getMailboxLock('INBOX');
    const heard = new Promise<number>((resolve) =>
      client.on('exists', ({ count }: { count: number }) => resolve(count)),
    );
    const { exists } = client.mailbox as { exists: number };
    const idle = client.idle();
    await smtp(server, 'smtp').sendMail({ from: 'p@peer.test', to: 'carl@example.test', subject: 'news', text: 'x' });
    expect(await heard).toBe(exists + 1);
    lock.release();
    await client.noop();
    await idle;
    await client.logout();
  });

  test('each form of a login name means the same account', async () => {
    for (const login of ['bert', 'BERT@Example.Test', 'EXAMPLE.TEST\\bert', 'example.test/bert']) {
      const client = await imap(server, login);
      expect(await client.status('INBOX', { messages: true })).toMatchObject({ messages: 1 });
      await client.logout();
    }
  });
});
