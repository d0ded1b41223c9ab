// A client library that others use, end to end under TLS: what it shows is what is there.
import { ImapFlow } from 'imapflow';
import { expect, test } from 'vitest';
import { message, PASSWORD, startImap } from '#test/support/imap-server.ts';

function flow(port: number, options: { secure: boolean }): ImapFlow {
  return new ImapFlow({
    host: '127.0.0.1',
    port,
    secure: options.secure,
    auth: { user: 'anna@example.test', pass: PASSWORD },
    tls: { rejectUnauthorized: false },
    logger: false,
  });
}

test('imapflow lists, appends, fetches, searches, flags, moves and deletes', async () => {
  await using imap = await startImap();
  const client = flow(imap.securePort, { secure: true });
  await client.connect();
  const list = await client.list();
  expect(list.map(({ path, specialUse }) => [path, specialUse])).toEqual(
    expect.arrayContaining([
      ['INBOX', '\\Inbox'],
      ['Sent', '\\Sent'],
      ['Drafts', '\\Drafts'],
      ['Trash', '\\Trash'],
      ['Junk', '\\Junk'],
      ['Archive', '\\Archive'],
    ]),
  );
  await client.mailboxCreate(['Größe', 'Übung & Co']);
  const date = new Date('2026-02-03T04:05:06Z');
  for (let count = 1; count <= 30; count++) {
    const text = message(`number ${count}`, 'x'.repeat(count * 5_000));
    const appended = await client.append('Größe/Übung & Co', text, ['\\Seen', 'Work'], date);
    expect(appended).toMatchObject({ uid: count });
  }
  const lock = await client.getMailboxLock('Größe/Übung & Co');
  expect(client.mailbox).toMatchObject({ exists: 30, uidNext: 31 });
  const subjects: string[] = [];
  for await (const one of client.fetch('1:*', {
    uid: true,
    flags: true,
    envelope: true,
    size: true,
    source: true,
    bodyStructure: true,
    internalDate: true,
  })) {
    subjects.push(one.envelope?.subject ?? '');
    expect(one.source?.equals(message(`number ${one.uid}`, 'x'.repeat(one.uid * 5_000)))).toBe(true);
    expect(one.size).toBe(one.source?.length);
    // imapflow enables IMAP4rev2, which has no \Recent.
    expect(one.flags).toEqual(new Set(['\\Seen', 'Work']));
    expect(new Date(one.internalDate ?? 0)).toEqual(date);
    expect(one.bodyStructure?.type).toBe('text/plain');
  }
  expect(subjects).toEqual(Array.from({ length: 30 }, (_, index) => `number ${index + 1}`));
  expect(await client.search({ subject: 'number 3' }, { uid: true })).toEqual([3, 30]);
  expect(await client.search({ larger: 140_000, seen: true })).toEqual([28, 29, 30]);
  await client.messageFlagsAdd('5:7', ['\\Flagged']);
  expect(await client.search({ flagged: true })).toEqual([5, 6, 7]);
  const moved = await client.messageMove('1:3', 'Archive');
  expect(moved).toMatchObject({
    destination: 'Archive',
    uidMap: new Map([
      [1, 1],
      [2, 2],
      [3, 3],
    ]),
  });
  await client.messageDelete('1:2');
  expect(client.mailbox).toMatchObject({ exists: 25 });
  const { content } = await client.download('5', undefined, { uid: true });
  expect(content).toBeUndefined();
  const download = await client.download('10', undefined, { uid: true });
  const pieces: Buffer[] = [];
  for await (const piece of download.content ?? []) pieces.push(piece as Buffer);
  expect(Buffer.concat(pieces).equals(message('number 10', 'x'.repeat(50_000)))).toBe(true);
  lock.release();
  expect(await client.status('Archive', { messages: true, unseen: true, uidNext: true })).toMatchObject({
    messages: 3,
    unseen: 0,
    uidNext: 4,
  });
  await client.mailboxRename('Größe/Übung & Co', 'Andere');
  await client.mailboxDelete('Andere');
  await client.logout();
});

test('imapflow in IDLE hears of a new message', async () => {
  await using imap = await startImap();
  const client = flow(imap.port, { secure: false });
  await client.connect();
  expect(client.secureConnection).toBe(true);
  const lock = await client.getMailboxLock('INBOX');
  const exists = new Promise<number>((resolve) => client.on('exists', ({ count }) => resolve(count)));
  void client.idle();
  await new Promise((resolve) => setTimeout(resolve, 50));
  await (await imap.login()).ok('APPEND INBOX', message('news'));
  expect(await exists).toBe(1);
  lock.release();
  await client.logout();
});
