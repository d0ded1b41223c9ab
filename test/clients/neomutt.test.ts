// neomutt, at a terminal as a person uses it: reads, flags, saves to a folder, deletes, and sends a message.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { client, deliver, list, message, PASSWORD, run, type Server, startServer, succeeded } from './tool.ts';

client('neomutt', () => {
  test('flags, moves and deletes messages over imaps', async () => {
    await using server = await startServer();
    await deliver(
      server,
      ['first', 'second', 'third', 'fourth'].map((subject) => message(subject)),
    );
    // The message at hand moves on after each command; quitting expunges what is deleted.
    const keys = ['<first-entry><flag-message>', '<first-entry><next-entry><delete-message>', '<search>third<enter>'];
    keys.push('<save-message>=Archive<enter>', '<search>fourth<enter><display-message><exit>', '<sync-mailbox><quit>');
    succeeded(await neomutt(server, keys.join('')));
    expect(await list(server, 'INBOX')).toEqual([
      { uid: 1, subject: 'first', flags: expect.stringContaining('\\Flagged') },
      { uid: 4, subject: 'fourth', flags: expect.stringContaining('\\Seen') },
    ]);
    expect((await list(server, 'Archive')).map(({ subject }) => subject)).toEqual(['third']);
  });

  test('sends by smtps and keeps a copy in Sent', async () => {
    await using server = await startServer();
    const keys = '<mail>bert@example.test<enter>from neomutt<enter><send-message><quit>';
    succeeded(await neomutt(server, keys));
    expect((await list(server, 'INBOX', 'bert')).map(({ subject }) => subject)).toEqual(['from neomutt']);
    expect((await list(server, 'Sent')).map(({ subject }) => subject)).toEqual(['from neomutt']);
  });
});

function configuration(server: Server): string {
  const file = join(server.folder, 'neomuttrc');
  writeFileSync(
    file,
    `set imap_user = "anna@example.test"
set imap_pass = "${PASSWORD}"
set smtp_url = "smtps://anna%40example.test@localhost:${server.running.port('submissions')}"
set smtp_pass = "${PASSWORD}"
set from = "anna@example.test"
set realname = "Anna"
set folder = "imaps://localhost:${server.running.port('imaps')}/"
set spool_file = "+INBOX"
set record = "+Sent"
set certificate_file = "${server.certificate}"
set ssl_ca_certificates_file = "${server.certificate}"
set header_cache = ""
set quit = yes
set delete = yes
set move = no
set confirm_append = no
set confirm_create = no
set editor = "echo written at a terminal >>"
set abort_unmodified = no
set wait_key = no
set resolve = no
set sort = mailbox-order
set mail_check = 60
set sleep_time = 0
`,
  );
  return file;
}

/** Runs neomutt in a pseudo-terminal and types these keys. */
function neomutt(server: Server, keys: string) {
  const config = configuration(server);
  writeFileSync(join(server.folder, 'keys'), `push "${keys}"\n`);
  const terminal = join(import.meta.dirname, 'terminal.py');
  const args = [terminal, 'neomutt', '-F', config, '-e', `source ${server.folder}/keys`];
  return run('python3', args, { home: server.folder, input: '', env: { TERM: 'xterm' } });
}
