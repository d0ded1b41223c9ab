// An account is copied to another one as imapsync does it: every mailbox, every message with its flags and date, twice,
// the second time finding nothing to do. imapsync is not in Debian; imapflow speaks as it does.
import { createHash } from 'node:crypto';
import { ImapFlow } from 'imapflow';
import { expect, test } from 'vitest';
import { deliver, message, PASSWORD, PATIENCE, type Server, startServer } from './tool.ts';

const MESSAGES = 1_000;
const FOLDERS = ['INBOX', 'Archive', 'Projects/Nieuw café', 'Projects/&'];

async function open(server: Server, user: string): Promise<ImapFlow> {
  const client = new ImapFlow({
    ...{ host: 'localhost', port: server.running.port('imaps'), secure: true, logger: false },
    greetingTimeout: PATIENCE,
    auth: { user: `${user}@example.test`, pass: PASSWORD },
    tls: { rejectUnauthorized: false },
  });
  await client.connect();
  return client;
}

interface Copied {
  readonly hash: string;
  readonly flags: string;
  readonly date: string;
}

/** What a mailbox holds, by Message-ID. */
async function content(client: ImapFlow, path: string): Promise<Map<string, Copied>> {
  const found = new Map<string, Copied>();
  const lock = await client.getMailboxLock(path, { readOnly: true });
  try {
    const wanted = { source: true, flags: true, internalDate: true, envelope: true } as const;
    for await (const { source, flags, internalDate, envelope } of client.fetch('1:*', wanted)) {
      found.set(envelope?.messageId ?? '', {
        hash: createHash('sha256')
          .update(source ?? '')
          .digest('hex'),
        flags: [...(flags ?? [])]
          .filter((flag) => flag !== '\\Recent')
          .sort()
          .join(' '),
        date: new Date(internalDate ?? 0).toISOString(),
      });
    }
  } finally {
    lock.release();
  }
  return found;
}

/** Appends to `to` what it lacks; how many messages. */
async function copy(from: ImapFlow, to: ImapFlow): Promise<number> {
  let copied = 0;
  for (const { path } of await from.list()) {
    if (!(await to.list()).some((mailbox) => mailbox.path === path)) await to.mailboxCreate(path);
    const there = await content(to, path);
    // imapflow leaves out keywords that the selected mailbox does not keep; one that is only read keeps none.
    await to.mailboxClose();
    const lock = await from.getMailboxLock(path, { readOnly: true });
    try {
      const wanted = { source: true, flags: true, internalDate: true, envelope: true } as const;
      for await (const { source, flags, internalDate, envelope } of from.fetch('1:*', wanted)) {
        if (source === undefined || there.has(envelope?.messageId ?? '')) continue;
        const kept = [...(flags ?? [])].filter((flag) => flag !== '\\Recent');
        await to.append(path, source, kept, new Date(internalDate ?? 0));
        copied++;
      }
    } finally {
      lock.release();
    }
  }
  return copied;
}

test('1,000 messages are copied to another account, each the same, and a second time none', async () => {
  await using server = await startServer();
  const anna = await open(server, 'anna');
  const bert = await open(server, 'bert');
  for (const path of FOLDERS.slice(2)) await anna.mailboxCreate(path);
  await deliver(server, [message('by SMTP')]);
  for (let number = 1; number < MESSAGES; number++) {
    const flags = ['\\Seen', '\\Flagged', '$Forwarded', 'work'].filter((_, bit) => (number >> bit) & 1);
    const text = message(`number ${number}`, `${'ü line of the text\r\n'.repeat(number % 200)}end\r\n`);
    const date = new Date(Date.UTC(2020, 0, 1) + number * 3_600_000);
    await anna.append(FOLDERS[number % FOLDERS.length] ?? '', text, flags, date);
  }
  expect(await copy(anna, bert)).toBe(MESSAGES);
  for (const path of FOLDERS) {
    const [there, here] = [await content(anna, path), await content(bert, path)];
    expect(there.size).toBeGreaterThanOrEqual(MESSAGES / FOLDERS.length - 1);
    expect(here).toEqual(there);
  }
  expect(await copy(anna, bert)).toBe(0);
  await anna.logout();
  await bert.logout();
});
