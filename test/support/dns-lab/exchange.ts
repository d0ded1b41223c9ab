// Runs inside ns.sh: the DNS laboratory, its peers, a Postfix and two Posthuis servers, which send the same mail to the
// same places and to each other. `exchange.ts FOLDER` prints one line of JSON: what became of it, on each side.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { createTransport } from 'nodemailer';
import { Installation, type Running } from '../installation.ts';
import { SmtpPeer } from '../smtp-peer.ts';
import { SmtpWire } from '../wire.ts';
import { HOSTS, MXS, PEERS, POLICIES, SCENARIOS } from './scenarios.ts';

export interface Exchanged {
  /** For each scenario, in order: what became of the message, first and last. */
  readonly scenarios: readonly { readonly posthuis: readonly string[]; readonly postfix: readonly string[] }[];
  /** `from to`: how many of the messages that the servers sent each other have arrived, and over which TLS. */
  readonly arrived: Readonly<Record<string, string>>;
}

const PASSWORD = 'correct horse';
/** So many that none of them has a fifth of its mail refused, which would hold the rest of it. */
const SENDERS = ['probe', 'ada', 'bea', 'cleo', 'dora', 'eva'] as const;
/** Longer than all of them take on the slowest machine, second attempts included. */
const PATIENCE_MS = 300_000;
const here = import.meta.dirname;
const NAMES = { alpha: 'alpha.plain.test', beta: 'beta.plain.test', postfix: 'postfix.plain.test' } as const;

/** What became of each recipient, attempt by attempt. */
type Outcomes = Map<string, string[]>;

async function main(folder: string): Promise<void> {
  await using stack = new AsyncDisposableStack();
  // Who gives it up leaves nothing behind: the daemons are nobody's children.
  process.once('SIGTERM', () => void stack.disposeAsync().finally(() => process.exit(1)));
  const lab = join(folder, 'lab');
  startDns(lab);
  stack.defer(() => void spawnSync(join(here, 'lab.sh'), ['down', lab]));
  stack.use(await startPolicies(lab));
  for (const peer of PEERS) stack.use(await startPeer(lab, peer));
  const servers = { alpha: await startOwn(folder, lab, 'alpha', 31), beta: await startOwn(folder, lab, 'beta', 32) };
  for (const { running } of Object.values(servers)) stack.defer(async () => void (await running.stop()));
  const postfix = join(folder, 'postfix');
  writePolicies(lab);
  execFileSync(join(here, 'postfix.sh'), [postfix, lab, NAMES.postfix], { stdio: ['ignore', 2, 2] });
  stack.defer(() => void spawnSync('postfix', ['-c', join(postfix, 'etc'), 'stop'], { stdio: 'ignore' }));
  await greets(25);

  const recipients = SCENARIOS.map(({ domain, to = 'probe' }) => `${to}@${domain}`);
  const theirs = SCENARIOS.map(({ domain, to = 'probe', postfixDomain = domain }) => `${to}@${postfixDomain}`);
  for (const to of theirs) await send(25, '127.0.0.1', `probe@${NAMES.postfix}`, to);
  for (const [i, to] of recipients.entries()) {
    await send(587, '127.0.0.31', `${SENDERS[i % SENDERS.length]}@${NAMES.alpha}`, to, SCENARIOS[i]?.requireTls);
  }
  const crossing = [
    ['alpha', 'beta'],
    ['alpha', 'postfix'],
    ['beta', 'alpha'],
    ['beta', 'postfix'],
    ['postfix', 'alpha'],
    ['postfix', 'beta'],
  ] as const;
  for (const [from, to] of crossing) {
    const [port, host] = from === 'postfix' ? [25, '127.0.0.1'] : [587, from === 'alpha' ? '127.0.0.31' : '127.0.0.32'];
    await send(port, host, `probe@${NAMES[from]}`, `inbox@${NAMES[to]}`);
  }

  const maildir = join(postfix, 'mail/inbox/new');
  const outcomes = () => ({
    alpha: ofPosthuis(servers.alpha.running.output),
    beta: ofPosthuis(servers.beta.running.output),
    postfix: ofPostfix(readFileSync(join(postfix, 'log/mail.log'), 'utf8')),
  });
  const done = () => {
    const { alpha, beta, postfix: other } = outcomes();
    const all = SCENARIOS.every(
      ({ expected, postfix: differs }, i) =>
        alpha.get(recipients[i] ?? '')?.at(-1) === expected &&
        other.get(theirs[i] ?? '')?.at(-1) === (differs?.says ?? expected),
    );
    const crossed = crossing.every(([from, to]) => ({ alpha, beta, postfix: other })[from].has(`inbox@${NAMES[to]}`));
    // What Postfix has taken it delivers afterwards.
    return all && crossed && ([NAMES.alpha, NAMES.beta] as const).every((from) => inMaildir(maildir, from) > 0);
  };
  // A busy machine's time-out makes an attempt more, so that it is waited for what is expected; the test says what was not.
  const end = performance.now() + PATIENCE_MS;
  while (!done() && performance.now() < end) await sleep(200);

  const now = outcomes();
  const arrived: Record<string, string> = {};
  for (const [from, to] of crossing) {
    const count = to === 'postfix' ? inMaildir(maildir, NAMES[from]) : await inMailbox(servers[to], NAMES[from]);
    arrived[`${from} ${to}`] = `${count} ${now[from].get(`inbox@${NAMES[to]}`)?.at(-1) ?? 'nothing'}`;
  }
  const scenarios = SCENARIOS.map((_, i) => ({
    posthuis: now.alpha.get(recipients[i] ?? '') ?? [],
    postfix: now.postfix.get(theirs[i] ?? '') ?? [],
  }));
  process.stdout.write(`${JSON.stringify({ scenarios, arrived } satisfies Exchanged)}\n`);
}

/** Waits until a server on 127.0.0.1 takes connections. */
async function greets(port: number): Promise<void> {
  const end = performance.now() + PATIENCE_MS;
  for (;;) {
    try {
      const client = await SmtpWire.open(port);
      client.wire.destroy();
      return;
    } catch (error) {
      const closed = error instanceof Error && 'code' in error && error.code === 'ECONNREFUSED';
      if (!closed || performance.now() > end) throw error;
      await sleep(100);
    }
  }
}

function startDns(lab: string): void {
  const hosts = [...HOSTS, ...PEERS.flatMap(({ name, at }) => (name === undefined ? [] : [`${name} ${at}`]))];
  execFileSync(join(here, 'lab.sh'), ['up', lab], {
    env: { ...process.env, REC: '53', AUTH: '15354', HOSTS: hosts.join('\n'), MXS: MXS.join('\n') },
    stdio: ['ignore', 2, 2],
  });
}

/** The laboratory's certificate of a name. */
function certificateOf(lab: string, name: string): { cert: string; key: string } {
  const read = (end: string) => readFileSync(join(lab, `certs/${name}.${end}`), 'utf8');
  return { cert: read('pem'), key: read('key') };
}

async function startPeer(lab: string, { at, certificate, extensions, act }: (typeof PEERS)[number]): Promise<SmtpPeer> {
  const secure = certificate === undefined ? [] : ['STARTTLS'];
  return new SmtpPeer({
    ...{ host: typeof at === 'string' ? at : `127.0.0.${at}`, port: 25 },
    extensions:
      extensions === null ? null : [...(extensions ?? ['PIPELINING', '8BITMIME', 'ENHANCEDSTATUSCODES']), ...secure],
    ...(act === undefined ? {} : { act }),
    tls: certificate === undefined || certificate === '' ? {} : certificateOf(lab, certificate),
  }).start();
}

/** One server for all policies (RFC 8461 3.3). */
async function startPolicies(lab: string): Promise<AsyncDisposable> {
  const server = createServer(certificateOf(lab, 'mta-sts.plain.test'), (request, response) => {
    const [mode, host] = POLICIES[(request.headers.host ?? '').replace(/^mta-sts\./, '')] ?? [];
    if (mode === undefined) response.writeHead(404).end();
    else response.end(`version: STSv1\nmode: ${mode}\nmx: ${host}\nmax_age: 86400\n`);
  });
  await new Promise<void>((resolve) => server.listen(443, '127.0.0.18', resolve));
  return {
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** For Postfix, as postfix-mta-sts-resolver has them: only what is enforced, and nothing where there is DANE. */
function writePolicies(lab: string): void {
  const lines = Object.entries(POLICIES)
    .filter(([domain, [mode]]) => mode === 'enforce' && !domain.endsWith('.good.test'))
    .map(([domain, [, host]]) => `${domain} secure match=${host} servername=hostname\n`);
  writeFileSync(join(lab, 'sts-policies'), lines.join(''));
}

interface Own {
  readonly installation: Installation;
  readonly running: Running;
  readonly folder: string;
}

async function startOwn(folder: string, lab: string, name: 'alpha' | 'beta', at: number): Promise<Own> {
  const installation = new Installation({
    ...{ folder: join(folder, name), threads: 2, address: `127.0.0.${at}`, hostname: NAMES[name] },
    listen: { smtp: 25, submission: 587 },
    settings: [
      `[dns]\nservers = ["127.0.0.1:53"]\n[tls]\nextra_ca = "${join(lab, 'certs/ca.pem')}"`,
      '[outbound]\nfirst_retry = "3s"\nlongest_retry = "5s"',
    ].join('\n'),
  });
  await installation.populate([...SENDERS, 'inbox'], PASSWORD, NAMES[name]);
  const env = { NODE_OPTIONS: `--import=${pathToFileURL(join(here, 'impatient.ts')).href}` };
  return { installation, running: await installation.serve({ env }), folder: join(folder, name) };
}

async function send(port: number, host: string, from: string, to: string, requireTls = false): Promise<void> {
  const transport = createTransport({
    ...{ host, port, secure: false, ignoreTLS: !requireTls, name: 'laptop', tls: { rejectUnauthorized: false } },
    greetingTimeout: PATIENCE_MS,
    ...(port === 587 ? { auth: { user: from, pass: PASSWORD } } : {}),
  });
  await transport.sendMail({ from, to, subject: 'across', text: 'One line.', requireTLSExtensionEnabled: requireTls });
  transport.close();
}

/** Of our log: a line a recipient and attempt. */
function ofPosthuis(output: string): Outcomes {
  const outcomes: Outcomes = new Map();
  for (const line of output.split('\n')) {
    if (!line.startsWith('{')) continue;
    const { recipient, host, tls, reply, msg } = JSON.parse(line) as Record<string, string>;
    if (recipient === undefined || host === undefined) continue;
    const address = /\[(.+)\]/.exec(host)?.[1] ?? '';
    const level = tls === '' ? 'plain' : tls?.includes('verified') ? 'verified' : 'tls';
    const status = reply?.split(' ')[1] ?? '';
    const what = { sent: `sent ${address} ${level}`, waiting: `deferred ${status}`, failed: `bounced ${status}` }[
      msg ?? ''
    ];
    if (what !== undefined) note(outcomes, recipient, what);
  }
  return outcomes;
}

/** Of Postfix's log; the level of TLS stands on a line before, of the same process. */
function ofPostfix(log: string): Outcomes {
  const outcomes: Outcomes = new Map();
  const levels = new Map<string, string>();
  // The last line may not be whole yet.
  for (const line of log.split('\n').slice(0, -1)) {
    const process = /\[(\d+)\]: /.exec(line)?.[1] ?? '';
    const tls = /(\w+) TLS connection established to .*\[([\da-f.:]+)\]:25/.exec(line);
    if (tls !== null) levels.set(process, `${tls[2]} ${tls[1] === 'Verified' ? 'verified' : 'tls'}`);
    const result = /to=<([^>]+)>,.* relay=([^,]+),.* dsn=([\d.]+), status=(\w+)/.exec(line);
    if (result === null) continue;
    const [, recipient = '', relay = '', dsn = '', status = ''] = result;
    const address = /\[(.+)\]/.exec(relay)?.[1] ?? '';
    const [last, level] = levels.get(process)?.split(' ') ?? [];
    levels.delete(process);
    note(
      outcomes,
      recipient,
      status === 'sent' ? `sent ${address} ${last === address ? level : 'plain'}` : `${status} ${dsn}`,
    );
  }
  return outcomes;
}

function note(outcomes: Outcomes, recipient: string, what: string): void {
  const list = outcomes.get(recipient) ?? [];
  if (list.at(-1) !== what) list.push(what);
  outcomes.set(recipient, list);
}

function inMaildir(folder: string, from: string): number {
  if (!existsSync(folder)) return 0;
  return readdirSync(folder).filter((name) => readFileSync(join(folder, name), 'utf8').includes(`From: probe@${from}`))
    .length;
}

async function inMailbox({ installation, folder }: Own, from: string): Promise<number> {
  const file = join(folder, `${from}.mbox`);
  const [, domain = ''] = installation.config.includes('alpha') ? ['', NAMES.alpha] : ['', NAMES.beta];
  await installation.ok(['export', `inbox@${domain}`, file]);
  return readFileSync(file, 'utf8').split(`\nFrom: probe@${from}\n`).length - 1;
}

const [folder] = process.argv.slice(2);
if (folder === undefined) throw new Error('exchange.ts FOLDER');
await main(folder);
