// How mail to single domains is protected as the administrator says ([outbound] tls), whatever their DNS says.
import { beforeAll, expect, test } from 'vitest';
import { Expected } from '#config/parts.ts';
import { parseTlsRule } from '#config/tls-rules.ts';
import { makeCertificate } from '#test/support/certificate.ts';
import { outboundLab } from '#test/support/outbound.ts';

interface Pair {
  readonly cert: string;
  readonly key: string;
}
let good: Pair;
let other: Pair;

beforeAll(async () => {
  [good, other] = (await Promise.all(
    ['mx.good.test', 'mx.good.test'].map(async (name) => {
      const { certificate, key } = await makeCertificate([name]);
      return { cert: certificate, key };
    }),
  )) as [Pair, Pair];
});

const authentic = { authentic: true };
const TLSA = [{ usage: 3, selector: 1, matchingType: 1, certificate: Buffer.alloc(32) }];
const ZONES = {
  '.': authentic,
  'good.test': { MX: [[10, 'mx.good.test']], ...authentic },
  'mx.good.test': { A: ['127.0.0.2'], ...authentic },
} as const;

/** What becomes of a message to good.test, whose TLSA records name a certificate that nobody has. */
async function deliver(line: string | null, pair: Pair | null): Promise<string> {
  const rule = line === null ? null : parseTlsRule(`good.test ${line}`);
  if (rule instanceof Expected) throw new Error(rule.what);
  await using at = await outboundLab(ZONES, { tlsRules: rule === null ? [] : [rule], extraCa: [good.cert] });
  at.dns.zones.set(`_${at.port}._tcp.mx.good.test`, { TLSA, ...authentic });
  await using peer = await at.peer(2, pair === null ? {} : { extensions: ['STARTTLS'], tls: pair });
  await at.submit({ to: 'you@good.test' });
  await at.settled(1);
  const [message] = peer.messages;
  if (message !== undefined) return message.secure ? 'over TLS' : 'in the clear';
  const [listing] = await at.smtp.store.queue.list({}, 0, 1);
  return listing?.recipients[0]?.reply ?? 'gone';
}

const WITHOUT = '454 4.7.4 the server does not offer STARTTLS, without which it gets nothing';
const UNTRUSTED = '454 4.7.5 the certificate is not trusted, or is for another name';

test.each([
  [null, 'other', '454 4.7.5 the certificate matches no TLSA record'],
  ['none', 'good', 'in the clear'],
  ['may', 'other', 'over TLS'],
  ['may', null, 'in the clear'],
  ['encrypt', 'other', 'over TLS'],
  ['encrypt', null, WITHOUT],
  ['verify', 'good', 'over TLS'],
  ['verify', 'other', UNTRUSTED],
  ['verify', null, WITHOUT],
  ['verify mx.good.test', 'good', 'over TLS'],
  ['verify *.good.test', 'good', 'over TLS'],
  ['verify mx.else.test', 'good', '451 4.7.5 good.test has no mail host that [outbound] tls names for it'],
] as const)('under %j a server with a %s certificate gets: %s', async (line, which, outcome) => {
  expect(await deliver(line, which === null ? null : { good, other }[which])).toBe(outcome);
});

test('lines are read or refused', () => {
  expect(parseTlsRule(' Good.TEST  verify  MX.good.test ')).toEqual({
    ...{ domain: 'good.test', level: 'verify', hosts: ['mx.good.test'] },
  });
  for (const line of [
    '',
    'good.test',
    'good.test dane',
    'a b may',
    'good.test encrypt mx.good.test',
    '* may',
    'x.y verify *',
  ]) {
    expect(parseTlsRule(line), line).toBeInstanceOf(Expected);
  }
});
