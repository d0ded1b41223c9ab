// DKIM signatures of others (RFC 6376, RFC 8463), made by our own signer and by another implementation (mailauth), and keys
// asked of a DNS server over UDP.
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { dkimSign } from 'mailauth/lib/dkim/sign.js';
import { dkimVerify } from 'mailauth/lib/dkim/verify.js';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type DkimVerdict, verifyDkim } from '#protocols/authenticity/dkim.ts';
import { readKey } from '#protocols/authenticity/dkim-key.ts';
import { SIGNATURES } from '#protocols/authenticity/limits.ts';
import { signatures } from '#protocols/authenticity/sign.ts';
import { Resolver } from '#protocols/dns/resolver.ts';
import { type TestDns, testDns } from '#test/support/dns-server.ts';
import { between, pick, seeded } from '#test/support/random.ts';

const NOW = Math.floor(Date.now() / 1000);
const HEADER = 'From: Anna <anna@a.test>\r\nTo: you@b.test\r\nSubject:  two  blanks\r\n\tfolded \r\nDate: x\r\n';
const MESSAGE = `${HEADER}\r\nthe  text \r\n\r\n\r\n`;
const RSA = generateKeyPairSync('rsa', { modulusLength: 2_048 });
const ED = generateKeyPairSync('ed25519');
let dns: TestDns;

const rsaRecord = (key: KeyObject) => `p=${key.export({ format: 'der', type: 'spki' }).toString('base64')}`;
const edRecord = (key: KeyObject) =>
  `k=ed25519; p=${key.export({ format: 'der', type: 'spki' }).subarray(-32).toString('base64')}`;

beforeAll(async () => {
  dns = await testDns({
    'rsa._domainkey.a.test': { TXT: [`v=DKIM1; ${rsaRecord(RSA.publicKey)}`] },
    'ed._domainkey.a.test': { TXT: [`v=DKIM1; ${edRecord(ED.publicKey)}`] },
    'exact._domainkey.a.test': { TXT: [`t=y:s; ${rsaRecord(RSA.publicKey)}`] },
    'gone._domainkey.a.test': { TXT: ['v=DKIM1; p='] },
    'broken._domainkey.a.test': { rcode: 'SERVFAIL' },
  });
});
afterAll(() => dns[Symbol.asyncDispose]());

interface How {
  readonly form?: string;
  readonly selector?: string;
  readonly edit?: (message: string) => string;
  readonly chunk?: number;
  readonly now?: number;
  readonly about?: (domain: string) => boolean;
}

/** Judges a message, its body in pieces. */
async function judge(message: string, { now = NOW, chunk = 7, about }: How = {}): Promise<readonly DkimVerdict[]> {
  const bytes = Buffer.from(message, 'latin1');
  const end = bytes.indexOf('\r\n\r\n') + 4;
  async function* body() {
    for (let at = end; at < bytes.length; at += chunk) yield bytes.subarray(at, at + chunk);
  }
  const resolver = new Resolver({ servers: dns.servers, waits: [1_000] });
  return await verifyDkim(resolver, { header: bytes.subarray(0, end), body, now, ...(about && { about }) });
}

/** What mailauth signs with; its types ask for what only the list is read for. */
function signerOptions(selector: string, key: KeyObject, algorithm: string, more: { maxBodyLength?: number } = {}) {
  const privateKey = key.export({ format: 'pem', type: 'pkcs8' }).toString();
  const signer = { signingDomain: 'a.test', selector, algorithm, privateKey, ...more };
  return { ...signer, signatureData: [signer] };
}

/** A message that mailauth has signed. */
async function signed(message: string, { form = 'relaxed/relaxed', selector = 'rsa' }: How = {}): Promise<string> {
  const ed = selector === 'ed';
  const { signatures: made, errors } = await dkimSign(Buffer.from(message, 'latin1'), {
    canonicalization: form,
    ...signerOptions(selector, ed ? ED.privateKey : RSA.privateKey, ed ? 'ed25519-sha256' : 'rsa-sha256'),
  });
  expect(errors).toEqual([]);
  return made + message;
}

const result = async (message: string, how: How = {}) => {
  return (await judge((how.edit ?? String)(await signed(message, how)), how)).map((verdict) => verdict.result).join();
};

test.each(['relaxed/relaxed', 'relaxed/simple', 'simple/relaxed', 'simple/simple'])(
  '%s: good as it came',
  async (form) => {
    for (const selector of ['rsa', 'ed']) {
      for (const body of ['', '\r\n', '\r\n\r\n', 'x', 'a \t b\r\n\r\n c\r\n\r\n', '.\r\n..\r\n', ' \r\n \r\n']) {
        for (const chunk of [1, 4_096]) {
          expect([body, await result(`${HEADER}\r\n${body}`, { form, selector, chunk })]).toEqual([body, 'pass']);
        }
      }
    }
  },
);

test('what was changed on the way is bad where that form does not allow it', async () => {
  const blanks = (message: string) =>
    message.replace('the  text ', 'the text').replace('Subject:  two', 'subject: two');
  expect(await result(MESSAGE, { edit: blanks })).toBe('pass');
  expect(await result(MESSAGE, { edit: blanks, form: 'relaxed/simple' })).toBe('fail');
  expect(await result(MESSAGE, { edit: blanks, form: 'simple/relaxed' })).toBe('fail');
  for (const form of ['relaxed/relaxed', 'simple/simple']) {
    expect(await result(MESSAGE, { form, edit: (text) => `${text}more\r\n` })).toBe('fail');
    expect(await result(MESSAGE, { form, edit: (text) => text.replace('Anna', 'Bert') })).toBe('fail');
    expect(await result(MESSAGE, { form, edit: (text) => text.replace('From:', 'From: x@y.test\r\nFrom:') })).toBe(
      'pass',
    );
    expect(
      await result(MESSAGE, { form, edit: (text) => text.replace('\r\n\r\n', '\r\nFrom: x@y.test\r\n\r\n') }),
    ).toBe('fail');
    expect(await result(MESSAGE, { form, edit: (text) => `Received: x\r\n${text}\r\n\r\n` })).toBe('pass');
  }
});

test('what stands after the length that was signed (l=) makes it another message', async () => {
  const limited = async (body: string) => {
    const { signatures: made } = await dkimSign(Buffer.from(`${HEADER}\r\n${body}`), {
      ...{ canonicalization: 'relaxed/simple', maxBodyLength: 6 },
      ...signerOptions('rsa', RSA.privateKey, 'rsa-sha256', { maxBodyLength: 6 }),
    });
    expect(made).toMatch(/ l=6;/);
    return made;
  };
  const made = await limited('text\r\n');
  expect(await judge(`${made}${HEADER}\r\ntext\r\n`)).toMatchObject([{ result: 'pass' }]);
  expect(await judge(`${made}${HEADER}\r\ntext\r\nmore\r\n`)).toMatchObject([{ result: 'fail' }]);
});

test('keys that are gone, of another kind, weak, or not for this', async () => {
  const edit = (to: string) => (text: string) => text.replace('s=rsa', `s=${to}`);
  expect(await result(MESSAGE, { selector: 'gone' })).toBe('fail');
  expect(await result(MESSAGE, { selector: 'nowhere' })).toBe('fail');
  expect(await result(MESSAGE, { selector: 'broken' })).toBe('temperror');
  expect(await result(MESSAGE, { selector: 'exact' })).toBe('pass');
  expect(await result(MESSAGE, { edit: edit('ed') })).toBe('fail');
  const weak = generateKeyPairSync('rsa', { modulusLength: 768 });
  const good = rsaRecord(RSA.publicKey);
  for (const text of [
    rsaRecord(weak.publicKey),
    `h=sha1; ${good}`,
    `s=tlsrpt; ${good}`,
    `v=DKIM2; ${good}`,
    `${good}; p=x`,
  ]) {
    expect(readKey(text)).toBeNull();
  }
  for (const text of ['', 'p', 'p=%%', 'p=AAAA', 'k=ed25519; p=AAAA', `k=ed25519; ${good}`, 'k=dsa; p=AAAA'])
    expect(readKey(text)).toBeNull();
  for (const text of [
    good,
    `h=sha1:sha256; s=*; ${good};`,
    `p=${RSA.publicKey.export({ format: 'der', type: 'pkcs1' }).toString('base64')}`,
  ]) {
    expect(readKey(text)?.kind).toBe('rsa');
  }
});

test('what can not be read, has run out, or says what it may not, is neutral', async () => {
  const good = await signed(MESSAGE);
  const changes: readonly [RegExp, string][] = [
    [/v=1;/, 'v=2;'],
    [/a=rsa-sha256/, 'a=rsa-sha1'],
    [/c=relaxed\/relaxed/, 'c=nowsp'],
    [/d=a\.test/, 'd=a.test; d=a.test'],
    [/d=a\.test/, 'd=..'],
    [/d=a\.test/, 'd=a.test; i=joe@b.test'],
    [/d=a\.test/, 'd=a.test; q=http'],
    [/d=a\.test/, `d=a.test; x=${NOW - 1}`],
    [/d=a\.test/, `d=a.test; x=${NOW + 99}; t=${NOW + 100}`.replace(/ t=/, ' z=1; t0=')],
    [/ s=rsa/, ' s=../x'],
    [/h=[^;]*;/, 'h=to;'],
    [/bh=[^;]*;/, ''],
    [/ b=[^;]*?\r\n(?=From)/s, ' b=\r\n'],
  ];
  for (const [from, to] of changes) {
    expect(good).toMatch(from);
    const verdicts = await judge(good.replace(from, to));
    expect([to, verdicts[0]?.result]).toEqual([to, /z=1/.test(to) ? 'fail' : 'neutral']);
  }
});

test('so many signatures are looked at, of those that matter, and a body only if one can be good', async () => {
  const good = await signed(MESSAGE);
  const [field = ''] = good.split(/(?=From: Anna)/);
  const verdicts = await judge(field.repeat(SIGNATURES + 5) + MESSAGE);
  expect(verdicts).toHaveLength(SIGNATURES);
  expect(await judge(good, { about: (domain) => domain !== 'a.test' })).toEqual([]);
  const strange = field.replace('d=a.test', 'd=b.test');
  expect(await judge(strange.repeat(50) + good, { about: (domain) => domain === 'a.test' })).toEqual([
    { domain: 'a.test', result: 'pass' },
  ]);
});

test('our own signatures are good, also of fields that end in a byte which is a blank elsewhere', async () => {
  const header = Buffer.from('From: a@a.test\r\nSubject: voilà\r\nTo: you@b.test\r\nDate: x\r\n\r\n');
  async function* body() {
    yield Buffer.from('text\r\n');
  }
  const privateKey = RSA.privateKey.export({ format: 'der', type: 'pkcs8' });
  const made = await signatures([{ domain: 'a.test', selector: 'rsa', algorithm: 'rsa-sha256', privateKey }], {
    header,
    body: body(),
    now: NOW,
  });
  const message = `${made}${header.toString('latin1')}text\r\n`;
  expect(await judge(message)).toMatchObject([{ result: 'pass' }]);
  const resolver = async () => [[`v=DKIM1; ${rsaRecord(RSA.publicKey)}`]];
  const { results } = await dkimVerify(Buffer.from(message, 'latin1'), { resolver });
  expect(results.map(({ status }) => status.result)).toEqual(['pass']);
});

test('fields of any bytes harm nothing and are never good', async () => {
  const random = seeded(6_376);
  const good = await signed(MESSAGE);
  const [field = ''] = good.split(/(?=From: Anna)/);
  for (let n = 0; n < 400; n++) {
    const bytes = Buffer.from(field, 'latin1');
    const at = between(random, 15, bytes.length - 3);
    bytes[at] = pick(random, [0, 9, 32, 59, 61, 58, 64, 255, 97, 43]);
    if (bytes.toString('latin1') === field) continue;
    const [verdict] = await judge(`${bytes.toString('latin1')}${MESSAGE}`, { chunk: 4_096 });
    // Blanks are no change where a signature may be folded.
    const blank = bytes[at] === 9 || bytes[at] === 32;
    if (!blank) expect([at, verdict?.result]).not.toEqual([at, 'pass']);
  }
});
