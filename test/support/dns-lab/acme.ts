// Runs inside ns.sh: the laboratory's DNS, its ACME authority (pebble), and a Posthuis server of a name there, which begins with
// a certificate of the laboratory's own. `acme.ts FOLDER` has another one issued for that name, puts it into the files that
// the server has, and prints one line of JSON: who had issued what the server showed before and then, and for which name.
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect } from 'node:tls';
import { Installation } from '../installation.ts';
import { Wire } from '../wire.ts';
import { issue } from './acme-client.ts';

export interface AcmeOutcome {
  /** Names of the certificate and of its issuer. */
  readonly before: readonly [string, string];
  readonly then: readonly [string, string];
}

const here = import.meta.dirname;
const NAME = 'mx.plain.test';
const ADDRESS = '127.0.0.17';
const DIRECTORY = 'https://127.0.0.1:14000/dir';
/** Longer than a slow machine takes. */
const PATIENCE_MS = 120_000;

async function main(folder: string): Promise<void> {
  await using stack = new AsyncDisposableStack();
  process.once('SIGTERM', () => void stack.disposeAsync().finally(() => process.exit(1)));
  const lab = join(folder, 'lab');
  execFileSync(join(here, 'lab.sh'), ['up', lab], {
    env: { ...process.env, REC: '53', AUTH: '15354' },
    stdio: ['ignore', 2, 2],
  });
  stack.defer(() => void spawnSync(join(here, 'lab.sh'), ['down', lab]));
  const authority = spawn(join(here, 'pebble.sh'), [lab, join(folder, 'pebble'), '80', '443', '127.0.0.1:53'], {
    stdio: ['ignore', 2, 2],
  });
  stack.defer(async () => {
    const ended = once(authority, 'exit');
    if (authority.kill()) await ended;
  });
  const texts = new Map<string, string>();
  const web = createServer((request, response) => {
    const [, token = ''] = /^\/\.well-known\/acme-challenge\/([\w-]+)$/.exec(request.url ?? '') ?? [];
    const text = texts.get(token);
    if (request.headers.host?.replace(/:80$/, '') !== NAME || text === undefined) response.writeHead(404).end();
    else response.end(text);
  });
  await new Promise<void>((resolve) => web.listen(80, ADDRESS, resolve));
  stack.defer(() => void web.close());

  const files = { certificate: join(folder, 'fullchain.pem'), key: join(folder, 'privkey.pem') };
  writeFileSync(files.certificate, readFileSync(join(lab, `certs/${NAME}.pem`)));
  writeFileSync(files.key, readFileSync(join(lab, `certs/${NAME}.key`)));
  const installation = new Installation({
    ...{ folder: join(folder, 'server'), threads: 2, address: ADDRESS, hostname: NAME, listen: { submissions: 465 } },
    settings: `[[tls.certificates]]\ncertificate = "${files.certificate}"\nkey = "${files.key}"`,
  });
  const server = await installation.serve();
  stack.defer(async () => void (await server.stop()));
  const before = await shown();

  const ca = readFileSync(join(lab, 'certs/ca.pem'), 'utf8');
  await listens(14_000);
  const { chain, key } = await issue({
    ...{ directory: DIRECTORY, ca, name: NAME, folder },
    answer: (token, text) => texts.set(token, text),
  });
  writeFileSync(files.key, key);
  writeFileSync(files.certificate, chain);
  const end = performance.now() + PATIENCE_MS;
  let then = await shown();
  while (then[1] === before[1] && performance.now() < end) {
    await sleep(200);
    then = await shown();
  }
  process.stdout.write(`${JSON.stringify({ before, then } satisfies AcmeOutcome)}\n`);
}

/** What the server shows now. */
async function shown(): Promise<readonly [string, string]> {
  const socket = connect({ host: ADDRESS, port: 465, servername: NAME, rejectUnauthorized: false });
  await once(socket, 'secureConnect');
  const certificate = socket.getPeerX509Certificate();
  socket.destroy();
  return [certificate?.subjectAltName ?? '', certificate?.issuer ?? ''];
}

async function listens(port: number): Promise<void> {
  const end = performance.now() + PATIENCE_MS;
  for (;;) {
    try {
      (await Wire.open(port)).destroy();
      return;
    } catch (error) {
      if (performance.now() > end) throw error;
      await sleep(100);
    }
  }
}

const [folder] = process.argv.slice(2);
if (folder === undefined) throw new Error('acme.ts FOLDER');
await main(folder);
