// What routes and gateways read, made up: headers that are made exact, answers of token services and of Graph, texts that
// become an SMS, numbers, and lines of the settings.
import { expect, test } from 'vitest';
import { Expected } from '#config/parts.ts';
import { parseRoutes, parseRouting } from '#config/routes.ts';
import { ScramExchange, ScramFailure } from '#protocols/sasl/scram-client.ts';
import { NoRoute } from '#src/outbound/carrier.ts';
import { messageText } from '#src/outbound/gateways/message-text.ts';
import { normalNumber } from '#src/outbound/gateways/number.ts';
import { smsParts } from '#src/outbound/gateways/sms-parts.ts';
import { withExactRecipients } from '#src/outbound/routes/exact-recipients.ts';
import { judgedGraph } from '#src/outbound/routes/graph.ts';
import { granted } from '#src/outbound/routes/tokens.ts';
import { parseAddresses } from '#storage/message/address.ts';
import { fields, fieldValue } from '#storage/message/headers.ts';
import { between, pick, type Random, seeded } from '#test/support/random.ts';

const several = <T>(random: Random, most: number, one: () => T): T[] =>
  Array.from({ length: between(random, 0, most) }, one);

const ADDRESSES = ['a@b.test', 'A@B.test', '"odd name"@c.test', 'x+y@d.test', 'hidden@e.test'];
const WRITTEN = [
  ...ADDRESSES,
  ...[
    '"A, B" <a@b.test>',
    '=?utf-8?q?=C3=A9?= <x+y@d.test>',
    'group: a@b.test, other@f.test;',
    '(c) <stranger@g.test>',
  ],
  ...['"', '<', '>', ',', '@', '\\', ':;', '\r\n ', 'nobody', '<@r:a@b.test>', '\xe9@h.test'],
];

test('a message without an envelope names its recipients, each once, and nobody else', () => {
  const random = seeded(5_322);
  for (let n = 0; n < 20_000; n++) {
    const names = ['To', 'Cc', 'to ', 'CC', 'Bcc', 'Subject', 'Resent-Bcc', 'X', ''];
    const header = several(random, 6, () => {
      return `${pick(random, names)}: ${several(random, 5, () => pick(random, WRITTEN)).join(pick(random, [', ', ',', ' ']))}\r\n`;
    }).join('');
    const recipients = [...new Set(several(random, 4, () => pick(random, ADDRESSES.slice(1))))];
    const text = Buffer.from(withExactRecipients(Buffer.from(`${header}\r\nTo: body`, 'latin1'), recipients)).toString(
      'latin1',
    );
    const named = fields(text)
      .filter(({ name }) => ['to', 'cc', 'bcc'].includes(name))
      .flatMap((field) => parseAddresses(fieldValue(text, field)))
      .filter(({ group }) => group === undefined)
      .map(({ mailbox, host }) => `${mailbox}@${host}`.toLowerCase());
    const wanted = recipients.map((address) => address.toLowerCase().replaceAll('"', ''));
    expect([header, named.toSorted()]).toEqual([header, wanted.toSorted()]);
  }
});

test('an answer of a token service is a token or a NoRoute, and one of Graph is a reply for each recipient', () => {
  const random = seeded(6_749);
  const pieces = [
    '{',
    '}',
    '"access_token"',
    ':',
    '"t"',
    ',',
    '"error"',
    'null',
    '[',
    ']',
    '1e999',
    '"expires_in"',
    '-5',
    '\0',
    '"\\u0000"',
  ];
  const whole = [
    '{"access_token":"t","expires_in":-5}',
    '{"error":{"code":5}}',
    '{"error":"x\\r\\ny"}',
    'null',
    '[]',
    '7',
  ];
  for (let n = 0; n < 20_000; n++) {
    const text = random() < 0.3 ? pick(random, whole) : several(random, 10, () => pick(random, pieces)).join('');
    const reply = { status: pick(random, [200, 202, 301, 400, 401, 413, 429, 500, 999]), headers: {}, text };
    try {
      const { token, lifeMs } = granted(reply, 'token.test');
      expect(token).not.toBe('');
      expect(lifeMs > 0 && lifeMs <= 3_600_000).toBe(true);
    } catch (error) {
      expect(error).toBeInstanceOf(NoRoute);
      expect((error as NoRoute).reply.text).not.toMatch(/\p{Cc}/u);
    }
    const { replies } = judgedGraph(reply, (one) => ({ replies: [one, one], dsn: false }));
    expect(replies.length).toBe(2);
    expect(replies[0]?.text).not.toMatch(/\p{Cc}/u);
  }
});

test('any message has a text, any text is so many parts, and a number is one or none', () => {
  const random = seeded(23_040);
  const lines = [
    'Content-Type: text/plain',
    'Content-Type: multipart/mixed; boundary=b',
    '--b',
    '--b--',
    '',
    '<p>',
    '&amp;',
  ];
  const characters = ['a', '€', 'ç', '😀', '\ud83d', '\n', '0', '+', '00', '(0)', ' ', '"', '٠'];
  for (let n = 0; n < 5_000; n++) {
    messageText(Buffer.from(several(random, 12, () => pick(random, lines)).join('\r\n')));
    const text = several(random, 400, () => pick(random, characters)).join('');
    const { parts } = smsParts(text);
    expect(parts).toBeGreaterThanOrEqual(Math.max(1, Math.floor(text.length / 160)));
    const number = normalNumber(several(random, 12, () => pick(random, [...characters, '4', '75'])).join(''), '32');
    if (number !== null) expect(number).toMatch(/^\+[1-9]\d{6,14}$/);
  }
});

test('a challenge of SCRAM is answered or refused, and lines of the settings are read or refused', async () => {
  const random = seeded(5_802);
  const pieces = ['r=', 'nonce', ',s=', 'c2FsdA==', ',i=', '4096', '99999999', '4095', ',', '=', 'm=x', '\0'];
  for (let n = 0; n < 2_000; n++) {
    const challenge = several(random, 8, () => pick(random, pieces)).join('');
    const exchange = new ScramExchange('us', 'secret', 'nonce');
    try {
      expect(await exchange.final(challenge)).toMatch(/^c=biws,r=nonce.+,p=[A-Za-z0-9+/]{43}=$/);
    } catch (error) {
      expect(error).toBeInstanceOf(ScramFailure);
    }
    expect(exchange.verifies(challenge)).toBe(false);
  }
  const words = [
    'mx',
    'r',
    'sender=',
    '@b',
    '<>',
    'account=a@b',
    'network=',
    '10.0.0.0/8',
    '::/129',
    'recipient=',
    ' ',
    '=',
  ];
  const keys = [
    'name',
    'preset',
    'host',
    'port',
    'tls',
    'auth',
    'oauth',
    'client_id',
    'token_url',
    'max_size',
    'tenant',
  ];
  const values = [
    'r',
    'gmail',
    'starttls',
    'none',
    'central',
    'google',
    'https://t.test/',
    'x:y',
    '',
    0,
    -1,
    587,
    true,
    [],
    {},
    null,
  ];
  for (let n = 0; n < 20_000; n++) {
    const rule = parseRouting(several(random, 6, () => pick(random, words)).join(pick(random, ['', ' '])));
    if (!(rule instanceof Expected)) expect(Array.isArray(rule.conditions)).toBe(true);
    const table = Object.fromEntries(several(random, 8, () => [pick(random, keys), pick(random, values)]));
    const routes = parseRoutes([table]);
    if (!(routes instanceof Expected)) expect(routes[0]?.name).toMatch(/^[a-z0-9.-]+$/);
  }
});
