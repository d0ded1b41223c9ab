// Who a sender is, asked while his peer waits: the answers of SPF and DKIM themselves are in test/protocols/authenticity.
import { expect, test } from 'vitest';
import { vouchingBy } from '#src/ingress/vouching-by.ts';
import { strangers } from '#test/support/delivery.ts';
import { testDns } from '#test/support/dns-server.ts';

const hash = Buffer.alloc(32).toString('base64');
const signature = (selector: string) =>
  `DKIM-Signature: v=1; a=rsa-sha256; d=slow.test; s=${selector}; h=from; bh=${hash}; b=AAAA\r\n`;

test('a DNS that is silent has one time limit for all that is asked of it, and confirms nobody', async () => {
  await using dns = await testDns({}, { mangle: () => [] });
  const limits = { hostname: 'mail.example.test', source: [], servers: dns.servers, limitMs: 20 };
  const { confirmed, allowsUs } = vouchingBy(limits);
  const content = `${['a', 'b', 'c'].map(signature).join('')}From: joe@slow.test\r\n\r\n`;
  const delivery = strangers({ sender: 'joe@slow.test', content });
  expect(await confirmed(delivery)).toBe(false);
  expect(await allowsUs(delivery)).toBe(false);
  // Neither the keys of the signatures nor our own addresses: it was too late for them.
  expect(dns.asked.filter((question) => question !== 'TXT slow.test')).toEqual([]);
});
