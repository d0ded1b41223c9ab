// docs/protocols.md is true: each line says yes, partly (and what is missing) or no; everything a running server advertises
// is in it and has a test over a socket; and nothing is said to be advertised that is not.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { PASSWORD } from '#test/support/clients.ts';
import { type TemporaryFolder, temporaryFolder } from '#test/support/folder.ts';
import { Installation, type Running } from '#test/support/installation.ts';
import { ImapWire, SmtpWire, Wire } from '#test/support/wire.ts';

const root = resolve(import.meta.dirname, '../..');
type Protocol = 'IMAP' | 'POP3' | 'SMTP';
const SMTP_LISTENERS = ['smtp', 'lmtp', 'submission', 'submissions'] as const;

interface Line {
  readonly section: string;
  readonly standard: string;
  readonly state: string;
  readonly advertised: readonly string[];
}

const lines: Line[] = readFileSync(join(root, 'docs/protocols.md'), 'utf8')
  .split(/^## /m)
  .slice(1)
  .flatMap((section) =>
    section
      .split('\n')
      .filter((line) => line.startsWith('| ') && !line.startsWith('| standard'))
      .map((line) => {
        const [, standard = '', , state = '', advertised = ''] = line.split('|').map((cell) => cell.trim());
        const names = [...advertised.matchAll(/`([^`]+)`/g)].map(([, name]) => name as string);
        return { section: section.slice(0, section.indexOf('\n')).trim(), standard, state, advertised: names };
      }),
  );

let folder: TemporaryFolder;
let server: Running;

beforeAll(async () => {
  folder = await temporaryFolder();
  const listen = { smtp: 0, lmtp: 0, submission: 0, submissions: 0, imap: 0, imaps: 0, pop3: 0, pop3s: 0 };
  const program = new Installation({ folder: folder.path, plaintext: false, listen });
  await program.populate(['anna'], PASSWORD);
  server = await program.serve();
});

afterAll(async () => {
  await server.stop();
  await folder[Symbol.asyncDispose]();
});

/** Every name that a protocol's listeners advertise, before and after TLS and login. */
async function advertised(protocol: Protocol): Promise<Set<string>> {
  const names = new Set<string>();
  const note = (found: Iterable<string>) => {
    for (const name of found) names.add(name);
  };
  if (protocol === 'IMAP') for (const secure of [false, true]) note(await imapCapabilities(secure));
  if (protocol === 'POP3') for (const secure of [false, true]) note(await pop3Capabilities(secure));
  if (protocol === 'SMTP') {
    for (const listener of SMTP_LISTENERS) note(await smtpExtensions(listener));
  }
  return names;
}

async function imapCapabilities(secure: boolean): Promise<string[]> {
  const client = await ImapWire.open(server.port(secure ? 'imaps' : 'imap'), { secure });
  const found = (/\[CAPABILITY ([^\]]*)\]/.exec(client.greeting)?.[1] ?? '').split(' ');
  const ask = async () => {
    const { untagged } = await client.ok('CAPABILITY');
    for (const { text } of untagged) if (text.startsWith('* CAPABILITY ')) found.push(...text.slice(13).split(' '));
  };
  await ask();
  if (!secure) {
    await client.startTls();
    await ask();
  }
  await client.login('anna', PASSWORD);
  await ask();
  client.wire.destroy();
  return found.filter((name) => name !== '');
}

async function pop3Capabilities(secure: boolean): Promise<string[]> {
  let wire = await Wire.open(server.port(secure ? 'pop3s' : 'pop3'), { secure });
  await wire.line();
  const found: string[] = [];
  const ask = async () => {
    wire.send('CAPA\r\n');
    expect(await wire.line()).toMatch(/^\+OK/);
    for (let line = await wire.line(); line !== '.'; line = await wire.line()) found.push(line.split(' ')[0] as string);
  };
  await ask();
  if (!secure) {
    wire.send('STLS\r\n');
    expect(await wire.line()).toMatch(/^\+OK/);
    wire = await wire.secured();
    await ask();
  }
  wire.send(`USER anna\r\nPASS ${PASSWORD}\r\n`);
  expect(await wire.line()).toMatch(/^\+OK/);
  expect(await wire.line()).toMatch(/^\+OK/);
  await ask();
  wire.destroy();
  return found;
}

async function smtpExtensions(listener: (typeof SMTP_LISTENERS)[number]): Promise<string[]> {
  const client = await SmtpWire.open(server.port(listener), { secure: listener === 'submissions' });
  const found: string[] = [];
  const ask = async () => {
    const { lines: said } = await client.command(`${listener === 'lmtp' ? 'LHLO' : 'EHLO'} peer.test`);
    found.push(...said.slice(1).map((line) => line.split(' ')[0] as string));
  };
  await ask();
  if (listener !== 'submissions') {
    await client.startTls();
    await ask();
  }
  client.wire.destroy();
  return found;
}

/** The titles of a protocol's tests over sockets. */
function titles(protocol: Protocol): string[] {
  return [`test/protocols/${protocol.toLowerCase()}`, 'test/end-to-end'].flatMap((path) =>
    !existsSync(join(root, path))
      ? []
      : readdirSync(join(root, path), { recursive: true, encoding: 'utf8' })
          .filter((name) => name.endsWith('.test.ts'))
          .flatMap((name) =>
            [
              ...readFileSync(join(root, path, name), 'utf8').matchAll(
                /\b(?:test|it)(?:\.each\([^)]*\))?\(\s*(['"`])(.*?)\1/gs,
              ),
            ].map(([, , title]) => title as string),
          ),
  );
}

test('each standard is implemented, partly with what is missing, or not', () => {
  expect(lines.length).toBeGreaterThan(30);
  expect(lines.filter(({ state }) => !/^(yes|no|partly: \S.*)$/.test(state))).toEqual([]);
  expect(lines.filter(({ state, advertised: names }) => state === 'no' && names.length > 0)).toEqual([]);
});

test('SMTP: LMTP offers what MX does', async () => {
  const sorted = async (listener: 'smtp' | 'lmtp') => [...new Set(await smtpExtensions(listener))].sort();
  expect(await sorted('lmtp')).toEqual(await sorted('smtp'));
});

for (const protocol of ['IMAP', 'POP3', 'SMTP'] as const) {
  const documented = () =>
    new Set(
      lines
        .filter(({ section }) => section === protocol)
        .flatMap((line) => line.advertised.map((name) => name.split(' ')[0])),
    );

  test(`${protocol}: what is advertised is documented, and the other way round`, async () => {
    expect([...(await advertised(protocol))].sort()).toEqual([...documented()].sort());
  });

  test(`${protocol}: what is advertised has a test over a socket with its name`, async () => {
    const found = titles(protocol);
    const untested = [...(await advertised(protocol))].filter(
      (name) => !found.some((title) => title.toUpperCase().startsWith(`${name.toUpperCase()}: `)),
    );
    expect(untested).toEqual([]);
  });
}
