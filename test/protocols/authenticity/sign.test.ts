// Our DKIM signatures, judged by another implementation (mailauth).
import { createHash } from 'node:crypto';
import { dkimVerify } from 'mailauth/lib/dkim/verify.js';
import { beforeAll, describe, expect, test } from 'vitest';
import { RelaxedBody, relaxedField } from '#protocols/authenticity/canonical.ts';
import { type Signer, signatures } from '#protocols/authenticity/sign.ts';
import { makeSigningKeys } from '#src/outbound/signing.ts';
import type { NewSigningKey } from '#storage/ports.ts';
import { between, pick, seeded } from '#test/support/random.ts';

const NOW = Math.floor(Date.now() / 1000);
let keys: NewSigningKey[];
let signers: Signer[];

beforeAll(async () => {
  keys = await makeSigningKeys('p1');
  signers = keys.map((key) => ({ domain: 'example.test', ...key }));
});

async function* whole(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

async function sign(message: string, options: { now?: number; signers?: Signer[] } = {}): Promise<string> {
  const bytes = Buffer.from(message, 'latin1');
  const end = bytes.indexOf('\r\n\r\n') + 4;
  const signed = { header: bytes.subarray(0, end), body: whole(bytes.subarray(end)), now: options.now ?? NOW };
  return (await signatures(options.signers ?? signers, signed)) + message;
}

/** `rsa-sha256 pass`, for each signature. */
async function judge(message: string): Promise<string[]> {
  const { results } = await dkimVerify(Buffer.from(message, 'latin1'), {
    resolver: async (name: string) => {
      const key = keys.find(({ selector }) => name === `${selector}._domainkey.example.test`);
      if (key === undefined) throw Object.assign(new Error('not found'), { code: 'ENOTFOUND' });
      return [[`v=DKIM1; k=${key.algorithm === 'rsa-sha256' ? 'rsa' : 'ed25519'}; p=${key.publicKey}`]];
    },
  });
  return results.map(({ algo, status }) => `${algo} ${status.result}`);
}

const GOOD = ['rsa-sha256 pass', 'ed25519-sha256 pass'];
const HEADER =
  'From: Anna <anna@example.test>\r\nTo: you@other.test\r\nSubject: hello\r\nDate: Sun, 22 Nov 2026 10:00:00 +0000\r\n';

describe('what is signed is found good', () => {
  test.each([
    ['a plain message', `${HEADER}\r\nthe text\r\n`],
    ['no body', `${HEADER}\r\n`],
    ['empty lines alone', `${HEADER}\r\n\r\n\r\n`],
    ['blanks at line ends and empty lines at the end', `${HEADER}\r\na  b\t c \t\r\n \r\n\r\nd\r\n\r\n\r\n`],
    ['no line end at the end', `${HEADER}\r\nthe text`],
    ['folded and empty fields', `${HEADER}X-Other: 1\r\nCc: a@b.test,\r\n\t  c@d.test\r\nReply-To:\r\n\r\nx\r\n`],
    ['fields that are there twice', `${HEADER}To: me@other.test\r\nSubject: again\r\nList-Id: <a.b>\r\n\r\nx\r\n`],
    ['8-bit text', `${HEADER}Content-Type: text/plain; charset=utf-8\r\n\r\nJürgen\r\n`],
    ['dots', `${HEADER}\r\n.\r\n..\r\n.x\r\n`],
  ])('%s', async (_name, message) => {
    expect(await judge(await sign(message))).toEqual(GOOD);
  });

  test('random bodies', async () => {
    const random = seeded(6_376);
    for (let n = 0; n < 100; n++) {
      const pieces = Array.from({ length: between(random, 0, 40) }, () =>
        pick(random, ['\r\n', '\r\n\r\n', ' ', '\t', 'a', 'word', '.', 'ü']),
      );
      expect(await judge(await sign(`${HEADER}\r\n${pieces.join('')}`))).toEqual(GOOD);
    }
  });
});

test('the signature says what it has to, and every line of it is short', async () => {
  const signed = await sign(`${HEADER}\r\nthe text\r\n`);
  const [rsa = ''] = signed.split(/(?=^DKIM-Signature)/m);
  expect(rsa).toMatch(
    /^DKIM-Signature: v=1; a=rsa-sha256; c=relaxed\/relaxed;\r\n\td=example\.test; s=p1r;\r\n\tt=\d+; x=\d+;\r\n\th=date:subject:to:from:from:to:subject:date;\r\n\tbh=[\w+/]{43}=;\r\n\tb=/,
  );
  expect(rsa).not.toMatch(/[; ]l=/);
  expect(Math.max(...signed.split('\r\n').map((line) => line.length))).toBeLessThanOrEqual(78);
  expect(Number(/x=(\d+)/.exec(rsa)?.[1]) - Number(/t=(\d+)/.exec(rsa)?.[1])).toBe(14 * 86_400);
});

test('what is changed on the way is found', async () => {
  const signed = await sign(`${HEADER}\r\nthe text\r\n`);
  const bad = async (message: string) => (await judge(message)).every((result) => /(?:fail|neutral)$/.test(result));
  expect(await bad(signed.replace('the text', 'another text'))).toBe(true);
  expect(await bad(signed.replace('Subject: hello', 'Subject: bye'))).toBe(true);
  // A second one in front of the signed ones.
  for (const added of ['From: Eve <eve@evil.test>', 'To: x@y.test', 'Subject: bye', 'Date: now']) {
    expect([added, await bad(`${added}\r\n${signed}`)]).toEqual([added, true]);
  }
});

test('servers on the way may fold lines and change blanks', async () => {
  const signed = await sign(`${HEADER}Cc: a@b.test, c@d.test\r\n\r\nthe  text\r\n`);
  const changed = signed
    .replace('Cc: a@b.test, c@d.test', 'CC:   a@b.test,\r\n\tc@d.test  ')
    .replace('the  text\r\n', 'the text \r\n\r\n');
  expect(await judge(changed)).toEqual(GOOD);
});

test('without keys nothing is added', async () => {
  expect(await sign('Subject: x\r\n\r\ny', { signers: [] })).toBe('Subject: x\r\n\r\ny');
});

test('the relaxed forms are those of the standard’s own example (RFC 6376 3.4.5)', () => {
  expect(relaxedField('A', ' X\r\n')).toBe('a:X\r\n');
  expect(relaxedField('B ', ' Y\t\r\n\tZ  \r\n').replace('b ', 'b')).toBe('b:Y Z\r\n');
  const body = new RelaxedBody(createHash('sha256'));
  body.write(Buffer.from(' C \r\nD \t E\r\n\r\n\r\n'));
  expect(body.digest().toString('hex')).toBe(createHash('sha256').update(' C\r\nD E\r\n').digest('hex'));
});

test('a body is the same in any pieces, and thousands of empty lines are no burden', () => {
  const random = seeded(1_024);
  for (let n = 0; n < 200; n++) {
    const text = Array.from({ length: between(random, 0, 30) }, () =>
      pick(random, ['\r', '\n', '\r\n', ' ', '\t', 'a', '\r\n'.repeat(1_500)]),
    ).join('');
    const digest = (pieces: readonly string[]) => {
      const body = new RelaxedBody(createHash('sha256'));
      for (const piece of pieces) body.write(Buffer.from(piece));
      return body.digest().toString('hex');
    };
    const cut = between(random, 0, text.length);
    const expected = digest([text.replace(/\r\n|\r|\n/g, '\r\n')]);
    expect(digest([text])).toBe(expected);
    expect(digest([text.slice(0, cut), text.slice(cut)])).toBe(expected);
  }
});
