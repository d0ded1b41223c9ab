// Mail to number@SMS and number@FAX (F19 to F22): who may send there, which number and text arrive, and what becomes of
// what a gateway refuses.
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { messageText } from '#src/outbound/gateways/message-text.ts';
import { normalNumber } from '#src/outbound/gateways/number.ts';
import { smsParts } from '#src/outbound/gateways/sms-parts.ts';
import { type OutboundLab, outboundLab } from '#test/support/outbound.ts';
import { smtpPeer } from '#test/support/smtp-peer.ts';

interface Request {
  readonly authorization: string | undefined;
  readonly type: string | undefined;
  readonly body: string;
}

const requests: Request[] = [];
let answer: { status: number; body?: string } = { status: 200 };
const server = createServer(async (request, response) => {
  const body = Buffer.concat(await Array.fromAsync(request as AsyncIterable<Buffer>)).toString();
  const { authorization, 'content-type': type } = request.headers;
  requests.push({ authorization, type, body });
  response.writeHead(answer.status).end(answer.body ?? '');
});
let url = '';

beforeAll(async () => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/send`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});
beforeEach(() => {
  requests.length = 0;
  answer = { status: 200 };
});

const MX = { 'other.test': { MX: [[10, 'mx.other.test']] as const }, 'mx.other.test': { A: ['127.0.0.2'] } };

async function withGateway(table: object, work: (lab: OutboundLab) => Promise<void>, relay: object[] = []) {
  const gateway = { name: 'sms', country: '32', ...table };
  await using lab = await outboundLab(MX, { gateways: [gateway as never], routes: relay as never });
  await lab.smtp.store.directory.setSetting(lab.smtp.anna.id, 'gateway', ['sms']);
  await work(lab);
}

const reports = async (lab: OutboundLab) =>
  (await lab.smtp.inbox(lab.smtp.anna)).map((text) => /^Diagnostic-Code: (.*(?:\r\n\s.*)*)/m.exec(text)?.[1] ?? '');

describe('a message to numbers', () => {
  test('goes there as text, to each in the form of E.164, and to the mail recipients as mail', () =>
    withGateway({ url, from: 'Example' }, async (lab) => {
      await using peer = await lab.peer(2);
      await lab.submit({
        to: ['32475123456@SMS', '"0475 12.34.57"@sms', 'you@other.test', 'bert@example.test'],
        ...{ text: 'Hallo daar,\r\n\r\n\r\n\r\ntot straks', attachments: [{ filename: 'a.txt', content: 'not sent' }] },
      });
      await lab.settled(4);
      expect(lab.outcomes).toEqual(Array(4).fill('sent'));
      expect(requests.map(({ body }) => JSON.parse(body)).sort((a, b) => (a.to < b.to ? -1 : 1))).toEqual([
        { to: '+32475123456', text: 'Hallo daar,\n\ntot straks', from: 'Example' },
        { to: '+32475123457', text: 'Hallo daar,\n\ntot straks', from: 'Example' },
      ]);
      expect(peer.messages.map(({ recipients }) => recipients)).toEqual([['RCPT TO:<you@other.test>']]);
      expect((await lab.smtp.inbox(lab.smtp.bert)).length).toBe(1);
    }));

  test('is refused without permission, and where there is no number', () =>
    withGateway({ url }, async (lab) => {
      await expect(lab.submit({ to: 'nobody@SMS' })).rejects.toThrow(
        /550 5\.1\.3 <nobody@sms> is not a telephone number/,
      );
      await lab.smtp.store.directory.setSetting(lab.smtp.anna.id, 'gateway', ['fax']);
      await expect(lab.submit({ to: '32475123456@SMS' })).rejects.toThrow(
        /550 5\.7\.1 anna@example\.test may not send to <32475123456@sms>; allow it: posthuis account set anna@example\.test gateway sms/,
      );
      expect(requests).toEqual([]);
    }));

  test('that is too long, or has no text, or is refused there comes back to its sender', () =>
    withGateway({ url, segments: 2, format: 'form', text_field: 'bericht' }, async (lab) => {
      await lab.submit({ to: '32475123456@SMS', text: 'x'.repeat(307) });
      await lab.settled(2);
      expect((await reports(lab)).at(-1)?.replace(/\r\n\s+/g, ' ')).toBe(
        'smtp; 552 5.3.4 The text is 3 parts as an SMS (GSM-7), and at most 2 are sent',
      );
      await lab.submit({ to: '32475123456@SMS', text: '', attachments: [{ filename: 'a.png', content: 'x' }] });
      await lab.settled(4);
      answer = { status: 400, body: 'unknown\r\nnumber' };
      await lab.submit({ to: '32475123456@SMS', text: 'x' });
      await lab.settled(6);
      expect((await reports(lab)).at(-1)).toBe('smtp; 550 5.0.0 the gateway says 400 unknown number');
      expect(requests.map(({ type, body }) => [type, body])).toEqual([
        ['application/x-www-form-urlencoded', 'to=%2B32475123456&bericht=x'],
      ]);
    }));

  test('waits where the gateway is busy or does not know us', () =>
    withGateway({ url, auth: 'bearer' }, async (lab) => {
      await lab.submit({ to: '32475123456@SMS', text: 'x' });
      await lab.settled(1);
      const { queue, routeCredentials } = lab.smtp.store;
      const credential = { route: 'sms', owner: '', kind: 'password', login: '' } as const;
      await routeCredentials.set(credential, 'key');
      for (const status of [401, 503, 500]) {
        answer = { status };
        const before = lab.outcomes.length;
        await queue.change('retry', {});
        await lab.settled(before + 1);
      }
      expect(lab.outcomes).toEqual(Array(4).fill('waiting'));
      answer = { status: 202 };
      await queue.change('retry', {});
      await lab.settled(5);
      expect(lab.outcomes.at(-1)).toBe('sent');
      expect(requests.every(({ authorization }) => authorization === 'Bearer key')).toBe(true);
    }));

  test('goes by a route to an address at a provider, and the report names the number', async () => {
    await using peer = await smtpPeer({
      act: (line) => (line.includes('<3299') ? '550 5.1.1 No such fax' : undefined),
    });
    const relay = { name: 'provider', host: '127.0.0.1', port: peer.port, tls: 'none' };
    const table = { domain: 'fax', kind: 'fax', address: '{number}@fax.provider.test', route: 'provider' };
    await withGateway(
      table,
      async (lab) => {
        await lab.submit({ to: ['+32 2 123 45 67@FAX'.replaceAll(' ', ''), '3299123456@FAX'] });
        await lab.settled(2);
        expect(peer.messages.map(({ recipients }) => recipients)).toEqual([['RCPT TO:<3221234567@fax.provider.test>']]);
        await lab.settled(3);
        expect((await lab.smtp.inbox(lab.smtp.anna))[0]).toContain('Final-Recipient: rfc822;3299123456@fax');
      },
      [relay],
    );
  });
});

test('numbers are read as people write them', () => {
  const cases: readonly (readonly [string, string | null])[] = [
    ['32475123456', '+32475123456'],
    ['+32475123456', '+32475123456'],
    ['0032475123456', '+32475123456'],
    ['0475 12 34 56', '+32475123456'],
    ['"0475/12.34.56"', '+32475123456'],
    ['+32 (0)475 12 34 56', '+32475123456'],
    ['(0475) 12-34-56', '+32475123456'],
    ...['', '123456', '1234567890123456', '+0475123456', '04751a', 'anna', '+', '٠٤٧٥١٢٣٤٥٦'].map(
      (odd) => [odd, null] as const,
    ),
  ];
  for (const [written, number] of cases) expect([written, normalNumber(written, '32')]).toEqual([written, number]);
  expect(normalNumber('0475123456', '')).toBeNull();
});

test('parts of an SMS are counted as telephones count them', () => {
  const cases: readonly (readonly [string, string, number])[] = [
    ['', 'GSM-7', 1],
    ['x'.repeat(160), 'GSM-7', 1],
    ['x'.repeat(161), 'GSM-7', 2],
    ['x'.repeat(306), 'GSM-7', 2],
    ['x'.repeat(307), 'GSM-7', 3],
    ['€'.repeat(80), 'GSM-7', 1],
    // 76 of two septets fit 153, and the half of one stays free.
    ['€'.repeat(152), 'GSM-7', 2],
    ['€'.repeat(153), 'GSM-7', 3],
    [`ç${'x'.repeat(69)}`, 'UCS-2', 1],
    [`ç${'x'.repeat(70)}`, 'UCS-2', 2],
    ['ç'.repeat(134), 'UCS-2', 2],
    ['ç'.repeat(135), 'UCS-2', 3],
    ['😀'.repeat(35), 'UCS-2', 1],
    ['😀'.repeat(66), 'UCS-2', 2],
    ['😀'.repeat(67), 'UCS-2', 3],
  ];
  for (const [text, alphabet, parts] of cases) expect([text, smsParts(text)]).toEqual([text, { alphabet, parts }]);
});

test('the text of a message is its plain one, else its HTML, whatever the message looks like', () => {
  const of = (...lines: string[]) => messageText(Buffer.from(lines.join('\r\n'), 'latin1'));
  expect(of('Subject: s', '', 'body \xe9')).toBe('body é');
  expect(of('Content-Type: text/plain; charset=utf-8', 'Content-Transfer-Encoding: base64', '', 'w6k=')).toBe('é');
  const mixed = ['Content-Type: multipart/alternative; boundary=b', '', '--b', 'Content-Type: text/html', ''];
  expect(of(...mixed, '<p>Dag&nbsp;<b>jij</b></p>', '--b--')).toBe('Dag\u00a0jij'.replace('\u00a0', ' '));
  expect(of(...mixed, '<p>no</p>', '--b', '', 'yes', '--b--')).toBe('yes');
  expect(of('')).toBe('');
  expect(of(...mixed)).toBe('');
});
