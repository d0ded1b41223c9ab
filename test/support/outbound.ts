// The road out in one process: our submission and MX over a real store, the scheduler, a DNS server, and a clock that
// can be moved on. Peers take addresses 127.0.0.x of their own, all on one port.
import { createTransport, type SendMailOptions } from 'nodemailer';
import { type Logger, pino } from 'pino';
import type { TlsRule } from '#config/tls-rules.ts';
import { Resolver } from '#protocols/dns/resolver.ts';
import { createConduct, createConductShared } from '#src/conduct.ts';
import { createIngress } from '#src/ingress/pipeline.ts';
import { createConnector } from '#src/outbound/connector.ts';
import { createDestinations } from '#src/outbound/destinations.ts';
import { retryTimes } from '#src/outbound/retry.ts';
import { addressesOf } from '#src/outbound/routes/addresses.ts';
import { createRouter } from '#src/outbound/routes/router.ts';
import { createRoutes } from '#src/outbound/routes/routes.ts';
import { Scheduler } from '#src/outbound/scheduler/scheduler.ts';
import { createPolicies } from '#src/outbound/sts.ts';
import { tlsCollector } from '#src/outbound/tls-report/collect.ts';
import type { AttemptResult } from '#storage/ports.ts';
import { type TestDns, testDns, type Zone } from './dns-server.ts';
import { freePorts } from './installation.ts';
import { type RouteSettings, readRoutes } from './routes.ts';
import { type PeerOptions, SmtpPeer } from './smtp-peer.ts';
import { PASSWORD, type SmtpServers, type SmtpServersOptions, startSmtp } from './smtp-server.ts';
import { SmtpWire } from './wire.ts';

export interface OutboundLab extends AsyncDisposable {
  readonly smtp: SmtpServers;
  readonly dns: TestDns;
  readonly port: number;
  /** What became of recipients, in order. */
  readonly outcomes: AttemptResult['state'][];
  /** Hands in mail of anna's; what the server said to it. */
  submit(mail: SendMailOptions): Promise<string>;
  /** A peer at 127.0.0.`last`. */
  peer(last: number, options?: PeerOptions): Promise<SmtpPeer>;
  /** Moves the clock on. */
  pass(ms: number): void;
  now(): number;
  /** Resolves once so many recipients have an outcome. */
  settled(count: number): Promise<void>;
  /** Ends the scheduler and begins another one. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

export interface OutboundLabOptions extends RouteSettings {
  /** Does not start the scheduler: `restart` does. */
  readonly idle?: boolean;
  /** What we call ourselves by IPv6. */
  readonly hostname6?: string;
  /** Of MTA-STS policy servers. */
  readonly stsPort?: number;
  readonly log?: Logger;
  readonly smtp?: SmtpServersOptions;
  /** PEM. */
  readonly extraCa?: readonly string[];
  readonly tlsRules?: readonly TlsRule[];
}

export async function outboundLab(
  zones: Readonly<Record<string, Zone>>,
  options: OutboundLabOptions = {},
): Promise<OutboundLab> {
  await using stack = new AsyncDisposableStack();
  const [port = 0] = await freePorts(1);
  const dns = stack.use(await testDns(zones));
  const { routes, routing, gateways } = readRoutes(options);
  const rules = { routes: options.routes ?? [], routing: options.routing ?? [], gateways: options.gateways ?? [] };
  const smtp = stack.use(
    await startSmtp({
      queue: { dsn: true, requireTls: true, verp: true, futureMs: 86_400_000 },
      dns: dns.servers,
      ...options.smtp,
      ...rules,
    }),
  );
  let offset = 0;
  const now = () => Date.now() + offset;
  Object.defineProperty(smtp.store.clock, 'now', { get: now });
  const outcomes: AttemptResult['state'][] = [];
  const log = options.log ?? pino({ level: 'silent' });
  const { directory, queue } = smtp.store;
  const hostname = 'mail.example.test';
  const { extraCa = [] } = options;
  const limits = { connectMs: 20_000, greetingMs: 20_000, commandMs: 20_000, dataMs: 20_000, endMs: 20_000 };
  const names = { hostname, ...(options.hostname6 !== undefined && { hostname6: options.hostname6 }), source: [] };
  const ways = { ...names, extraCa, log };
  const start = () => {
    const resolver = new Resolver({ servers: dns.servers, waits: [3_000] });
    return new Scheduler({
      ...{ hostname, directory, queue, log, now, delayReportMs: 14_400_000, suppressAfter: 3 },
      returns: smtp.forwarder.returns,
      ingress: createIngress({
        ...{
          hostname,
          directory,
          log,
          mail: (id) => smtp.store.mail(id),
          conduct: createConduct(createConductShared()),
          forwarder: smtp.forwarder,
          reports: smtp.reports,
        },
      }),
      mail: (id) => smtp.store.mail(id),
      signingKeys: smtp.store.signingKeys,
      stage: (bounds) => smtp.store.stage(bounds),
      routed: createRouter(directory, { routes, routing, gateways }),
      destination: createDestinations(
        createConnector({
          noteTls: tlsCollector(resolver, smtp.store.tlsResults, now),
          ...{ ...ways, port, resolver, limits, tlsRules: options.tlsRules ?? [] },
          policyOf: createPolicies({
            ...{ resolver, extraCa, log, now, policies: smtp.store.policies, port: options.stsPort ?? 1 },
          }),
        }),
        createRoutes({
          ...{ ...ways, directory, queue, routes, gateways, now, clientLimits: limits },
          ...{ credentials: smtp.store.routeCredentials, addressesOf: addressesOf(resolver) },
        }),
      ),
      retry: retryTimes({
        retry: { firstMs: 300_000, longestMs: 14_400_000, giveUpMs: 432_000_000 },
        domains: [{ domain: 'hasty.test', firstMs: 1_000, longestMs: 2_000, giveUpMs: 60_000 }],
      }),
      delivered: (state, count) => {
        for (let n = 0; n < count; n++) outcomes.push(state);
      },
    });
  };
  let scheduler = options.idle === true ? null : start();
  stack.defer(async () => scheduler?.[Symbol.asyncDispose]());
  const running = stack.move();
  return {
    ...{ smtp, dns, port, outcomes, now },
    async submit(mail) {
      const transport = createTransport({
        ...{ host: '127.0.0.1', port: smtp.submission, secure: false, ignoreTLS: true, name: 'laptop' },
        auth: { user: 'anna@example.test', pass: PASSWORD },
      });
      const { response } = await transport.sendMail({
        from: 'anna@example.test',
        subject: 'hello',
        text: 'text',
        ...mail,
      });
      transport.close();
      return response;
    },
    async peer(last, peerOptions = {}) {
      return new SmtpPeer({ host: `127.0.0.${last}`, port, ...peerOptions }).start();
    },
    pass(ms) {
      offset += ms;
      scheduler?.wake();
    },
    async settled(count) {
      await until(
        () => outcomes.length >= count,
        () => `${outcomes.length} of ${count} outcomes`,
      );
    },
    async restart() {
      await scheduler?.[Symbol.asyncDispose]();
      scheduler = start();
    },
    async stop() {
      await scheduler?.[Symbol.asyncDispose]();
      scheduler = null;
    },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

/** Waits for something that happens soon, for as long as a slow machine takes. */
export async function until(is: () => boolean | Promise<boolean>, what: () => string = () => 'it'): Promise<void> {
  const end = performance.now() + 60_000;
  while (!(await is())) {
    if (performance.now() > end) throw new Error(`${what()} in all that time`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Hands a message in at our MX; the last reply. `mail`, `rcpt`: parameters, each with a blank in front. */
export async function incoming(
  lab: OutboundLab,
  to: readonly string[],
  from = 'joe@sender.test',
  lines: readonly string[] = [],
  { mail = '', rcpt = '' }: { mail?: string; rcpt?: string } = {},
) {
  const client = await SmtpWire.open(lab.smtp.mx);
  await client.command('EHLO mx.sender.test');
  let reply = await client.command(`MAIL FROM:<${from}>${mail}`);
  for (const address of to) {
    if (reply.code < 300) reply = await client.command(`RCPT TO:<${address}>${rcpt}`);
  }
  if (reply.code < 300) {
    await client.command('DATA');
    reply = await client.command([...lines, 'From: joe@sender.test', 'Subject: hello', '', 'text', '.'].join('\r\n'));
  }
  client.wire.destroy();
  return `${reply.code} ${reply.lines.join(' ')}`;
}

/** What lies in anna's Junk. */
export async function junk({ smtp }: OutboundLab): Promise<string[]> {
  const mail = smtp.store.mail(smtp.anna.id);
  const box = (await mail.mailboxes()).find(({ special }) => special === 'junk');
  const found: string[] = [];
  for await (const page of mail.placements(box?.id ?? 0, [[1, 99]])) {
    for (const { message } of page) found.push(`${await (await mail.content(message)).bytes()}`);
  }
  return found;
}
