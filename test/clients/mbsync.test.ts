// mbsync keeps a Maildir and the server's mailboxes the same, both ways.
import { mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import {
  client,
  deliver,
  list,
  message,
  PASSWORD,
  PATIENCE,
  run,
  type Server,
  startServer,
  succeeded,
} from './tool.ts';

client('mbsync', () => {
  test('two ways 500 messages arrive, and a second run changes nothing', async () => {
    await using server = await startServer();
    const sync = prepare(server);
    await deliver(server, numbered('from the server', 250));
    putLocal(server, 'INBOX', numbered('from the client', 200));
    putLocal(server, 'Projects', numbered('in a folder', 50));

    succeeded(await sync());
    expect(await list(server, 'INBOX')).toHaveLength(450);
    expect(await list(server, 'Projects')).toHaveLength(50);
    expect(local(server, 'INBOX')).toHaveLength(450);
    const before = [
      await list(server, 'INBOX'),
      await list(server, 'Projects'),
      ...folders.map((name) => local(server, name)),
    ];

    succeeded(await sync());
    const after = [
      await list(server, 'INBOX'),
      await list(server, 'Projects'),
      ...folders.map((name) => local(server, name)),
    ];
    expect(after).toEqual(before);
  });

  test('flags and deletions travel both ways', async () => {
    await using server = await startServer();
    const sync = prepare(server);
    await deliver(server, numbered('message', 10));
    succeeded(await sync());
    const files = local(server, 'INBOX');
    // Seen and flagged in the Maildir; another one removed there.
    renameSync(files[0] as string, flagged(files[0] as string, 'FS'));
    rmSync(files[1] as string);
    succeeded(await sync());
    const there = await list(server, 'INBOX');
    expect(there).toHaveLength(9);
    expect(there.filter(({ flags }) => flags === '\\Flagged \\Seen' || flags === '\\Seen \\Flagged')).toHaveLength(1);
    succeeded(await sync());
    expect(local(server, 'INBOX')).toHaveLength(9);
  });
});

const folders = ['INBOX', 'Projects'];

function numbered(subject: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) =>
    message(`${subject} ${index}`, `line ${index}\r\n`.repeat(index + 1)),
  );
}

/** Writes the configuration; the function runs one synchronisation. */
function prepare(server: Server) {
  const config = join(server.folder, 'mbsyncrc');
  writeFileSync(
    config,
    `IMAPAccount posthuis
Host localhost
Port ${server.running.port('imaps')}
User anna@example.test
Pass "${PASSWORD}"
Timeout ${PATIENCE / 1_000}
SSLType IMAPS
CertificateFile ${server.certificate}

IMAPStore remote
Account posthuis

MaildirStore local
Path ${server.folder}/mail/
Inbox ${server.folder}/mail/INBOX
SubFolders Verbatim

Channel mail
Far :remote:
Near :local:
Patterns *
Create Both
Expunge Both
SyncState *
`,
  );
  for (const name of folders) {
    for (const part of ['cur', 'new', 'tmp']) mkdirSync(join(server.folder, 'mail', name, part), { recursive: true });
  }
  return () => run('mbsync', ['-c', config, '-a'], { home: server.folder });
}

function putLocal(server: Server, folder: string, messages: readonly string[]): void {
  for (const [index, text] of messages.entries()) {
    writeFileSync(join(server.folder, 'mail', folder, `cur/17${index}.M1P1.client:2,`), text.replaceAll('\r\n', '\n'));
  }
}

/** The files of a Maildir folder. */
function local(server: Server, folder: string): string[] {
  return ['cur', 'new']
    .flatMap((part) => {
      const path = join(server.folder, 'mail', folder, part);
      return readdirSync(path).map((name) => join(path, name));
    })
    .sort();
}

function flagged(file: string, flags: string): string {
  return `${file.replace('/new/', '/cur/').replace(/:2,.*$/, '')}:2,${flags}`;
}
