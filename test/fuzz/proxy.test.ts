// Hostile input for the PROXY header: well-formed ones, cut and changed, from a fixed seed.
import { isIP } from 'node:net';
import { expect, test } from 'vitest';
import { parseProxyHeader } from '#protocols/net/proxy.ts';
import { between, pick, type Random, seeded } from '#test/support/random.ts';

const INPUTS = 50_000;
const SIGNATURE = Buffer.from('0d0a0d0a000d0a515549540a', 'hex');
const ADDRESSES = ['192.0.2.1', '2001:db8::1', '::', '256.1.1.1', '', 'x', '0', '1.2.3.4.5'];
const PORTS = ['0', '25', '65535', '65536', '-1', '025', '', 'x'];

function line(random: Random): Buffer {
  const family = pick(random, ['TCP4', 'TCP6', 'UNKNOWN', 'UDP4', '']);
  const words = [pick(random, ADDRESSES), pick(random, ADDRESSES), pick(random, PORTS), pick(random, PORTS)];
  return Buffer.from(`PROXY ${family} ${words.join(' ')}\r\n`);
}

function block(random: Random): Buffer {
  const addresses = Buffer.from(Array.from({ length: between(random, 0, 60) }, () => between(random, 0, 255)));
  const stated = random() < 0.8 ? addresses.length : between(random, 0, 65_535);
  const head = [pick(random, [0x20, 0x21, 0x11, 0x22]), pick(random, [0, 0x11, 0x21, 0x31]), stated >> 8, stated & 255];
  return Buffer.concat([SIGNATURE, Buffer.from(head), addresses]);
}

test(`${INPUTS} headers are parsed, waited for or refused, and what is accepted is an address`, () => {
  const random = seeded(1_049);
  const kinds = new Map<string, number>();
  for (let i = 0; i < INPUTS; i++) {
    const whole = random() < 0.5 ? line(random) : block(random);
    if (random() < 0.3) whole[between(random, 0, whole.length - 1)] = between(random, 0, 255);
    const bytes = Buffer.concat([whole, Buffer.from('EHLO x\r\n')]);
    const header = parseProxyHeader(bytes);
    kinds.set(header.kind, (kinds.get(header.kind) ?? 0) + 1);
    if (header.kind !== 'header') continue;
    expect(header.length).toBeLessThanOrEqual(bytes.length);
    if (header.source !== null) {
      expect(isIP(header.source.address)).not.toBe(0);
      expect(header.source.port).toBeLessThanOrEqual(65_535);
    }
    // What comes in pieces is waited for, and then it is the same.
    const cut = between(random, 0, header.length - 1);
    expect(parseProxyHeader(bytes.subarray(0, cut)).kind).toBe('partial');
  }
  expect([...kinds.keys()].sort()).toEqual(['header', 'malformed', 'none', 'partial']);
});
