// offlineimap keeps a Maildir and the server's mailboxes the same, both ways.
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { client, deliver, list, message, PASSWORD, run, type Server, startServer, succeeded } from './tool.ts';

client('offlineimap', () => {
  test('two ways messages and flags arrive, and a second run changes nothing', async () => {
    await using server = await startServer();
    const sync = prepare(server);
    await deliver(server, subjects('from the server', 30));
    succeeded(await sync());
    expect(files(server, 'INBOX')).toHaveLength(30);

    for (const [index, text] of subjects('from the client', 20).entries()) {
      const file = join(
        server.folder,
        'mail/INBOX/cur',
        `1700000000_${index}.1.client,FMD5=7e33429f656f1e6e9d79b29c3f82c57e:2,S`,
      );
      writeFileSync(file, text.replaceAll('\r\n', '\n'));
    }
    succeeded(await sync());
    const there = await list(server, 'INBOX');
    expect(there).toHaveLength(50);
    expect(
      there.filter(({ flags, subject }) => subject.startsWith('from the client') && flags === '\\Seen'),
    ).toHaveLength(20);

    const state = async () => [await list(server, 'INBOX'), await list(server, 'Sent'), files(server, 'INBOX')];
    const before = await state();
    succeeded(await sync());
    succeeded(await sync());
    expect(await state()).toEqual(before);
  });
});

function subjects(subject: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => message(`${subject} ${index}`, `line ${index}\r\n`));
}

/** Writes the configuration; the function runs one synchronisation. */
function prepare(server: Server) {
  const config = join(server.folder, 'offlineimaprc');
  writeFileSync(
    config,
    `[general]
accounts = posthuis
metadata = ${server.folder}/metadata
ui = basic

[Account posthuis]
localrepository = local
remoterepository = remote

[Repository local]
type = Maildir
localfolders = ${server.folder}/mail

[Repository remote]
type = IMAP
remotehost = localhost
remoteport = ${server.running.port('imaps')}
remoteuser = anna@example.test
remotepass = ${PASSWORD}
ssl = yes
sslcacertfile = ${server.certificate}
maxconnections = 2
`,
  );
  return () => run('offlineimap', ['-c', config, '-o'], { home: server.folder });
}

/** The files of a Maildir folder. */
function files(server: Server, folder: string): string[] {
  return ['cur', 'new'].flatMap((part) => readdirSync(join(server.folder, 'mail', folder, part))).sort();
}
