// fetchmail collects mail over IMAP and over POP3, deletes it there, and finds nothing the second time.
import { chmodSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { client, deliver, list, message, PASSWORD, run, startServer, succeeded } from './tool.ts';

/** fetchmail's exit status when there was no mail. */
const NO_MAIL = 1;

client('fetchmail', () => {
  for (const [protocol, listener] of [
    ['imap', 'imaps'],
    ['pop3', 'pop3s'],
  ] as const) {
    test(`collects over ${protocol} and leaves the mailbox empty`, async () => {
      await using server = await startServer();
      await deliver(
        server,
        ['one', 'two', 'three'].map((subject) => message(subject, '.a line with a dot\r\n')),
      );
      const config = join(server.folder, 'fetchmailrc');
      const box = join(server.folder, 'collected');
      writeFileSync(
        config,
        `poll localhost protocol ${protocol} port ${server.running.port(listener)}
  user "anna@example.test" password "${PASSWORD}" ssl sslcertck sslcertfile "${server.certificate}"
  nokeep fetchall mda "cat >> ${box}"
`,
      );
      chmodSync(config, 0o600);
      const collect = () => run('fetchmail', ['-f', config, '--nodetach', '--nosyslog', '-v'], { home: server.folder });
      succeeded(await collect());
      const text = readFileSync(box, 'utf8');
      expect(text.match(/^Subject: /gm)).toHaveLength(3);
      expect(text.match(/^\.a line with a dot/gm)).toHaveLength(3);
      expect(await list(server, 'INBOX')).toEqual([]);
      expect(await collect()).toMatchObject({ status: NO_MAIL });
      expect(readdirSync(server.folder)).toContain('collected');
    });
  }
});
