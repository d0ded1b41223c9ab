// Limits on connections, shared by the threads.
import { Worker } from 'node:worker_threads';
import { expect, test } from 'vitest';
import { Admission, createAdmissionShared } from '#src/admission.ts';
import { countedNetwork, networkMatcher, plainAddress, siteNetwork } from '#src/peers.ts';

const limits = { total: 100, perAddress: 3, perAddressMx: 2, perNetworkMx: 3, perMinute: 5 };
const noon = 1_000_000 * 60_000;

test('an address may hold so many connections and no more; a closed one makes room', () => {
  const admission = new Admission(createAdmissionShared(), { ...limits, perMinute: 100 });
  const releases = [1, 2, 3].map(() => admission.admit('192.0.2.1', 'imap', noon) as () => void);
  expect(admission.admit('192.0.2.1', 'pop3', noon)).toBe('too-many-from-you');
  expect(admission.admit('192.0.2.2', 'imap', noon)).toBeTypeOf('function');
  releases[0]?.();
  releases[0]?.();
  expect(admission.admit('192.0.2.1', 'imap', noon)).toBeTypeOf('function');
  expect(admission.admit('192.0.2.1', 'imap', noon)).toBe('too-many-from-you');
});

test('the MX listener has its own, lower limit', () => {
  const admission = new Admission(createAdmissionShared(), limits);
  expect(admission.admit('192.0.2.1', 'smtp', noon)).toBeTypeOf('function');
  expect(admission.admit('192.0.2.1', 'smtp', noon)).toBeTypeOf('function');
  expect(admission.admit('192.0.2.1', 'smtp', noon)).toBe('too-many-from-you');
  expect(admission.admit('192.0.2.1', 'submission', noon)).toBeTypeOf('function');
});

test('a network has its own limit on the MX listener', () => {
  const admission = new Admission(createAdmissionShared(), limits);
  const releases = ['192.0.2.1', '192.0.2.1', '192.0.2.2'].map(
    (peer) => admission.admit(peer, 'smtp', noon) as () => void,
  );
  expect(admission.admit('192.0.2.3', 'smtp', noon)).toBe('too-many-from-you');
  expect(admission.admit('192.0.3.1', 'smtp', noon)).toBeTypeOf('function');
  releases[0]?.();
  expect(admission.admit('192.0.2.3', 'smtp', noon)).toBeTypeOf('function');
  expect(siteNetwork('2001:db8:1:2::5')).toBe(siteNetwork('2001:db8:1:ffff::1'));
  expect(siteNetwork('2001:db8:1:2::5')).not.toBe(siteNetwork('2001:db8:2:2::5'));
});

test('an address that connects too often is refused until the next minute', () => {
  const admission = new Admission(createAdmissionShared(), limits);
  for (let i = 0; i < 5; i++) (admission.admit('192.0.2.1', 'imap', noon) as () => void)();
  expect(admission.admit('192.0.2.1', 'imap', noon + 59_999)).toBe('too-fast');
  expect(admission.admit('192.0.2.1', 'imap', noon + 60_000)).toBeTypeOf('function');
});

test('the whole process has a limit, and a refused connection takes no place', () => {
  const admission = new Admission(createAdmissionShared(), { ...limits, total: 10 });
  for (let i = 0; i < 10; i++) expect(admission.admit(`192.0.2.${i}`, 'imap', noon)).toBeTypeOf('function');
  for (let i = 0; i < 5; i++) expect(admission.admit(`198.51.100.${i}`, 'imap', noon)).toBe('too-many');
  expect(admission.total).toBe(10);
});

test('an IPv6 peer is its /64, an IPv4-mapped address is the IPv4 one', () => {
  expect(countedNetwork('2001:db8:0:1::5')).toBe(countedNetwork('2001:0DB8:0:1:a:b:c:d'));
  expect(countedNetwork('2001:db8:0:1::5')).not.toBe(countedNetwork('2001:db8:0:2::5'));
  expect(countedNetwork('::1')).toBe('0:0:0:0::/64');
  expect(countedNetwork('fe80::1%eth0')).toBe('fe80:0:0:0::/64');
  expect(countedNetwork('::ffff:192.0.2.1')).toBe('192.0.2.1');
  expect(plainAddress('::FFFF:192.0.2.1')).toBe('192.0.2.1');
});

test('networks are matched in both families and in the mapped form', () => {
  const trusted = networkMatcher(['127.0.0.0/8', '::1', '2001:db8::/32']);
  expect(trusted('127.1.2.3')).toBe(true);
  expect(trusted('::ffff:127.0.0.1')).toBe(true);
  expect(trusted('::1')).toBe(true);
  expect(trusted('2001:db8:ffff::1')).toBe(true);
  expect(trusted('128.0.0.1')).toBe(false);
  expect(trusted('2001:db9::1')).toBe(false);
  expect(trusted('not an address')).toBe(false);
  expect(networkMatcher([])('127.0.0.1')).toBe(false);
});

test('threads share the counts', async () => {
  const shared = createAdmissionShared();
  const worker = new Worker(new URL('./fixtures/admitting-thread.ts', import.meta.url), {
    workerData: { shared, limits: { ...limits, perMinute: 100 }, address: '192.0.2.1' },
  });
  const { promise, resolve } = Promise.withResolvers<string[]>();
  worker.once('message', resolve);
  expect(await promise).toEqual(['admitted', 'admitted', 'admitted', 'too-many-from-you']);
  expect(new Admission(shared, { ...limits, perMinute: 100 }).admit('192.0.2.1', 'imap')).toBe('too-many-from-you');
  await worker.terminate();
});
