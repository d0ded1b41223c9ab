// posthuis route test NAME TO [--sender ADDRESS] [--account ADDRESS] [--json]

import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Resolver } from '#protocols/dns/resolver.ts';
import { formatReply } from '#protocols/smtp/client/reply.ts';
import { SessionFailure } from '#protocols/smtp/client/session.ts';
import { formatDate } from '#storage/message/date.ts';
import type { Host } from '../../control/host.ts';
import { type Carrier, NoRoute } from '../../outbound/carrier.ts';
import { setUpRoutes } from '../../outbound/routes/set-up.ts';
import { findAccount } from '../account/find.ts';
import { Refused, type StoreCommand, takeWords } from '../command.ts';
import { findRoute } from './find.ts';

interface Args {
  readonly name: string;
  readonly to: string;
  readonly sender: string | null;
  readonly account: string | null;
}

interface Tested {
  readonly sent: boolean;
  readonly host: string;
  readonly tls: string;
  readonly reply: string;
  /** The whole dialogue, secrets masked. */
  readonly transcript: string;
}

/** A test that nobody waits for any longer. */
const TEST_MS = 120_000;

export const command: StoreCommand<Args, Tested> = {
  kind: 'store',
  prepare(invocation, terminal) {
    const { NAME: name, TO: to } = takeWords(invocation, 'NAME', 'TO');
    const { values, flags } = invocation;
    return {
      args: { name, to, sender: values.get('sender') ?? null, account: values.get('account') ?? null },
      show(tested) {
        if (flags.has('json')) terminal.out(JSON.stringify(tested, null, 2));
        else for (const line of linesOf(tested)) terminal.out(line);
        return tested.sent ? undefined : 1;
      },
    };
  },
  async run(host, { name, to, sender, account }) {
    const { config, store, log } = host;
    const route = findRoute(config, name);
    if (!/^[^\s<>@]+@[^\s<>@]+$/.test(to)) throw new Refused(`${JSON.stringify(to)} is not an address`);
    const owner = account === null ? null : await findAccount(store, account);
    if (route.auth === 'user' && owner === null)
      throw new Refused('each account has a login of its own: say --account');
    const from = sender ?? owner?.address ?? (await defaultSender(host));
    const routeOf = setUpRoutes({
      ...{ outbound: config.outbound, store, log, now: Date.now },
      resolver: new Resolver({ servers: config.dns.servers }),
      extraCa: config.tls.extraCa === null ? [] : [readFileSync(config.tls.extraCa, 'utf8')],
    });
    const { connect } = routeOf(route.auth === 'user' ? `=${name}/${owner?.id}` : `=${name}`);
    try {
      return await send(
        await connect(AbortSignal.timeout(TEST_MS), 'usual'),
        from,
        to,
        testMessage(host, name, from, to),
      );
    } catch (error) {
      if (!(error instanceof NoRoute)) throw error;
      const { reply, transcript } = error;
      return { sent: false, host: error.host, tls: '', reply: formatReply(reply), transcript };
    }
  },
};

async function defaultSender({ config, store }: Host): Promise<string> {
  const domains = await store.directory.domains();
  const domain = domains.find(({ isDefault }) => isDefault) ?? domains[0];
  return `postmaster@${domain?.name ?? config.hostname}`;
}

function testMessage({ config }: Host, name: string, from: string, to: string): Buffer {
  const now = { seconds: Math.floor(Date.now() / 1000), offsetMinutes: 0 };
  const lines = [
    ...[`From: <${from}>`, `To: <${to}>`, `Subject: Test of route ${name}`, `Date: ${formatDate(now)}`],
    ...[`Message-ID: <${randomBytes(16).toString('base64url')}@${config.hostname}>`, 'MIME-Version: 1.0'],
    ...['Content-Type: text/plain; charset=utf-8', 'Content-Transfer-Encoding: 8bit', ''],
    ...[`This is a test by ${config.hostname} of its route ${name}. If you can read it, the route works.`, ''],
  ];
  return Buffer.from(lines.join('\r\n'));
}

async function send(carrier: Carrier, sender: string, to: string, message: Buffer): Promise<Tested> {
  const { host, tls, transcript } = carrier;
  const ascii = Buffer.byteLength(`${sender}${to}`) === `${sender}${to}`.length;
  const envelope = {
    ...{ sender, size: message.length, utf8: !ascii, eightBit: !ascii, requireTls: false },
    ...{ envelopeId: '', returnFull: null },
  };
  try {
    const { replies } = await carrier.carry({
      envelope,
      recipients: [{ address: to, notify: null, original: '' }],
      content: async function* () {
        yield message;
      },
    });
    const [reply = { code: 451, enhanced: '4.3.0', text: 'nothing was said' }] = replies;
    await carrier.end();
    return { sent: reply.code < 300, host, tls, reply: formatReply(reply), transcript: transcript.text };
  } catch (error) {
    carrier.destroy();
    if (!(error instanceof SessionFailure)) throw error;
    return { sent: false, host, tls, reply: formatReply(error.reply), transcript: transcript.text };
  }
}

function linesOf({ sent, host, tls, reply, transcript }: Tested): string[] {
  const where = host === '' ? '' : ` at ${host}${tls === '' ? '' : ` (${tls})`}`;
  return [
    ...transcript.split('\n').filter((line) => line !== ''),
    '',
    `${sent ? 'sent' : 'not sent'}${where}: ${reply}`,
  ];
}
