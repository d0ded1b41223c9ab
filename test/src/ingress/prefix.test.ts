// The headers in front of a delivered message.
import { expect, test } from 'vitest';
import type { Envelope, IngressSession } from '#protocols/ports.ts';
import { prefix } from '#src/ingress/prefix.ts';

const envelope: Envelope = {
  ...{ sender: 'a@peer.example', recipients: ['anna@example.test'], declaredSize: null },
  ...{ smtputf8: false, body8bit: false },
};
const session: IngressSession = {
  ...{ id: 'AbCd1234', helo: 'peer.example', esmtp: true, tls: null, principal: null },
  peer: { connection: 'AbCd1234', address: '192.0.2.1', port: 4711, trusted: false },
};
const tls = { version: 'TLSv1.3', cipher: 'TLS_AES_256_GCM_SHA384' };
const account = { id: 'x', address: 'anna@example.test', quota: null, enabled: true };
const principal = { account, login: 'anna' };

function made(changes: { envelope?: Partial<Envelope>; session?: Partial<IngressSession> } = {}): string {
  const options = { hostname: 'mail.example.test', recipient: 'anna@example.test', now: 1_795_332_480 };
  return Buffer.from(
    prefix({ ...options, envelope: { ...envelope, ...changes.envelope }, session: { ...session, ...changes.session } }),
  ).toString();
}

test('Return-Path, Delivered-To and a Received in the form of RFC 5321 4.4', () => {
  expect(made()).toBe(
    'Return-Path: <a@peer.example>\r\n' +
      'Delivered-To: anna@example.test\r\n' +
      'Received: from peer.example ([192.0.2.1])\r\n' +
      '\tby mail.example.test with ESMTP id AbCd1234\r\n' +
      '\tfor <anna@example.test>; Sun, 22 Nov 2026 07:28:00 +0000\r\n',
  );
});

test.each([
  [{}, 'ESMTP'],
  [{ session: { esmtp: false } }, 'SMTP'],
  [{ session: { tls } }, 'ESMTPS'],
  [{ session: { principal } }, 'ESMTPA'],
  [{ session: { tls, principal } }, 'ESMTPSA'],
  [{ envelope: { smtputf8: true } }, 'UTF8SMTP'],
  [{ envelope: { smtputf8: true }, session: { tls, principal } }, 'UTF8SMTPSA'],
])('with %j it came with %s (RFC 3848, RFC 6531)', (changes, protocol) => {
  expect(made(changes)).toContain(` with ${protocol} id `);
});

test('an IPv6 peer is a literal of its own, TLS a comment', () => {
  const text = made({ session: { tls, peer: { connection: 'x', address: '2001:db8::1', port: 1, trusted: false } } });
  expect(text).toContain(
    'from peer.example ([IPv6:2001:db8::1])\r\n\t(using TLSv1.3 with cipher TLS_AES_256_GCM_SHA384)\r\n',
  );
});

test('a name that the peer made up can not write headers or comments', () => {
  expect(made({ session: { helo: 'x)(\u00adevil"<>;,\\' } })).toContain('from x???evil?????? ([');
  expect(made({ session: { helo: '' } })).toContain('from unknown ([');
  expect(made({ session: { helo: '[192.0.2.7]' } })).toContain('from [192.0.2.7] ([');
});
