// What we call ourselves to other servers, and from where, by the family of their address.
import { expect, test } from 'vitest';
import { vouchingBy } from '#src/ingress/vouching-by.ts';
import { leavingTo } from '#src/outbound/leaving.ts';
import { strangers } from '#test/support/delivery.ts';
import { testDns } from '#test/support/dns-server.ts';
import { outboundLab, until } from '#test/support/outbound.ts';

const NAMES = { hostname: 'mail.example.test', hostname6: 'mail6.example.test', source: ['192.0.2.1', '2001:db8::1'] };

test('each family has its address and its name; one name is enough where it is the name of both', () => {
  expect(leavingTo('198.51.100.7', NAMES)).toEqual({ hostname: 'mail.example.test', localAddress: '192.0.2.1' });
  expect(leavingTo('2001:db8:9::7', NAMES)).toEqual({ hostname: 'mail6.example.test', localAddress: '2001:db8::1' });
  const { hostname } = NAMES;
  expect(leavingTo('2001:db8:9::7', { hostname, source: ['192.0.2.1'] })).toEqual({ hostname });
});

test('EHLO by IPv4 says the name of that family, and a mail host with either of our names is ourselves', async () => {
  const hosts = {
    MX: [
      [1, 'mail6.example.test'],
      [2, 'mx.other.test'],
    ],
  } as const;
  const zones = {
    'other.test': { MX: [[1, 'mx.other.test']] },
    'mx.other.test': { A: ['127.0.0.2'] },
    'us.test': hosts,
  } as const;
  await using lab = await outboundLab(zones, { hostname6: 'mail6.example.test' });
  await using peer = await lab.peer(2);
  await lab.submit({ to: 'one@other.test' });
  await lab.settled(1);
  expect(peer.sessions[0]?.commands[0]).toBe('EHLO mail.example.test');
  await lab.submit({ to: 'one@us.test' });
  await until(() => lab.outcomes.includes('failed'));
});

test('that a domain lets us send is asked of the addresses of both names', async () => {
  await using dns = await testDns({
    'mail.example.test': { A: ['192.0.2.1'], AAAA: ['2001:db8::bad'] },
    'mail6.example.test': { A: ['192.0.2.99'], AAAA: ['2001:db8::1'] },
    'both.test': { TXT: ['v=spf1 ip4:192.0.2.1 ip6:2001:db8::1 -all'] },
    'four.test': { TXT: ['v=spf1 ip4:192.0.2.1 -all'] },
  });
  const from = (sender: string) => strangers({ sender });
  const { allowsUs } = vouchingBy({ ...NAMES, source: [], servers: dns.servers });
  expect(await allowsUs(from('joe@both.test'))).toBe(true);
  expect(await allowsUs(from('joe@four.test'))).toBe(false);
  const unnamed = vouchingBy({ hostname: 'nowhere.test', source: [], servers: dns.servers });
  expect(await unnamed.allowsUs(from('joe@both.test'))).toBe(false);
});
