// Large messages pass through the server in pieces: its memory does not grow with them, nor with peers that do not read.
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { Pop3Wire } from '#test/protocols/pop3/client.ts';
import { type TemporaryFolder, temporaryFolder } from '#test/support/folder.ts';
import { Installation, type Running } from '#test/support/installation.ts';
import { seeded } from '#test/support/random.ts';
import { ImapWire, SmtpWire, type Wire } from '#test/support/wire.ts';

const CLIENTS = 20;
const MEGABYTE = 1024 * 1024;
/** Just below message_size, with room for what SMTP adds. */
const SIZE = 50 * MEGABYTE - 8_192;
const ALLOWED = 150 * MEGABYTE;
const PASSWORD = 'correct horse';

/** A quarter of a megabyte of lines as a base64 attachment has them; every message repeats it. */
const BLOCK = block(256 * 1024);

function block(bytes: number): Buffer {
  const random = seeded(50);
  const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
  const line = () => Array.from({ length: 76 }, () => letters[Math.floor(random() * 64)]).join('');
  const text: string[] = [];
  for (let length = 0; length < bytes; length += 78) text.push(line());
  return Buffer.from(`${text.join('\r\n')}\r\n`);
}

/** Sends a message of SIZE bytes as fast as it is taken. */
async function sendMessage(wire: Wire, subject: string): Promise<void> {
  const header = Buffer.from(`Subject: ${subject}\r\n\r\n`);
  wire.send(header);
  for (let left = SIZE - header.length; left > 0; left -= BLOCK.length) {
    const piece = left >= BLOCK.length ? BLOCK : Buffer.concat([BLOCK.subarray(0, left - 2), Buffer.from('\r\n')]);
    if (!wire.socket.write(piece)) await once(wire.socket, 'drain');
  }
}

describe('memory', () => {
  let folder: TemporaryFolder;
  let program: Installation;
  let running: Running;
  const names = Array.from({ length: CLIENTS }, (_, number) => `user${number}`);

  beforeAll(async () => {
    folder = await temporaryFolder();
    const listen = { smtp: 0, imap: 0, pop3: 0 };
    program = new Installation({ folder: folder.path, threads: 2, listen, messageSize: '50MB' });
    await program.populate(names, PASSWORD);
  });

  beforeEach(async () => {
    running = await program.serve();
  });

  afterEach(async () => {
    await running.stop();
  });

  afterAll(async () => {
    await folder[Symbol.asyncDispose]();
  });

  /** Its own memory, swapped out or not: pages of the program's file come and go as the system likes. */
  function resident(): number {
    const status = readFileSync(`/proc/${running.pid}/status`, 'utf8');
    const of = (name: string) => Number(new RegExp(`${name}:\\s+(\\d+) kB`).exec(status)?.[1] ?? 0) * 1024;
    return of('RssAnon') + of('RssShmem') + of('VmSwap');
  }

  /** How much more memory the server had at any time than before. */
  async function growth(work: () => Promise<void>): Promise<number> {
    const before = resident();
    let most = before;
    const watch = setInterval(() => {
      most = Math.max(most, resident());
    }, 10);
    try {
      await work();
    } finally {
      clearInterval(watch);
    }
    return most - before;
  }

  async function report(what: string, work: () => Promise<void>): Promise<void> {
    const grown = await growth(work);
    console.log(`memory: ${what}: +${Math.round(grown / MEGABYTE)} MB to ${Math.round(resident() / MEGABYTE)} MB`);
    expect(grown).toBeLessThan(ALLOWED);
  }

  /** One logged-in IMAP connection for each account. */
  async function imapClients(): Promise<ImapWire[]> {
    const clients: ImapWire[] = [];
    for (const name of names) {
      const client = await ImapWire.open(running.port('imap'));
      await client.login(`${name}@example.test`, PASSWORD);
      clients.push(client);
    }
    return clients;
  }

  async function append(client: ImapWire, size: number, send: (wire: Wire) => Promise<void>): Promise<void> {
    client.wire.send(`big APPEND INBOX {${size}+}\r\n`);
    await send(client.wire);
    client.wire.send('\r\n');
    expect((await client.result('big')).status).toBe('OK');
  }

  /** What a server has done before it is measured: code is loaded, the accounts' databases are open. */
  async function warmUp(): Promise<ImapWire[]> {
    const clients = await imapClients();
    await Promise.all(clients.map((client) => append(client, BLOCK.length, async (wire) => wire.send(BLOCK))));
    return clients;
  }

  test(`${CLIENTS} clients that APPEND 50 MB each at once`, async () => {
    const clients = await warmUp();
    await report('APPEND', async () => {
      const sent = clients.map((client) => append(client, SIZE, (wire) => sendMessage(wire, 'appended')));
      await Promise.all(sent);
    });
    const [client] = clients;
    await client?.ok('SELECT INBOX');
    const { untagged } = (await client?.ok('FETCH * RFC822.SIZE')) ?? { untagged: [] };
    expect(untagged.map(({ text }) => text).join()).toContain(`RFC822.SIZE ${SIZE}`);
  });

  test(`${CLIENTS} clients that send 50 MB each by DATA at once`, async () => {
    await warmUp();
    await report('DATA', async () => {
      await Promise.all(
        names.map(async (name) => {
          const client = await SmtpWire.open(running.port('smtp'));
          await client.command('EHLO client.example.test');
          expect((await client.command(`MAIL FROM:<bert@elsewhere.test> SIZE=${SIZE}`)).code).toBe(250);
          expect((await client.command(`RCPT TO:<${name}@example.test>`)).code).toBe(250);
          expect((await client.command('DATA')).code).toBe(354);
          await sendMessage(client.wire, 'sent');
          client.wire.send('.\r\n');
          await client.expect(250);
          client.wire.destroy();
        }),
      );
    });
  });

  test(`${CLIENTS} peers that ask for 50 MB over IMAP and stop reading`, async () => {
    const clients = await warmUp();
    for (const client of clients) await client.ok('SELECT INBOX');
    await report('FETCH not read', async () => {
      for (const client of clients) {
        client.wire.socket.pause();
        client.wire.send('f1 FETCH 2 BODY.PEEK[]\r\n');
      }
      await sleep(2_000);
    });
  });

  test(`${CLIENTS} peers that ask for 50 MB over POP3 and stop reading`, async () => {
    await warmUp();
    const clients: Pop3Wire[] = [];
    for (const name of names) {
      clients.push(await Pop3Wire.login(running.port('pop3'), PASSWORD, `${name}@example.test`));
    }
    await report('RETR not read', async () => {
      for (const client of clients) {
        client.wire.socket.pause();
        client.wire.send('RETR 2\r\n');
      }
      await sleep(2_000);
    });
  });
});
