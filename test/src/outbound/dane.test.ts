// Mail to domains that name the certificates of their mail hosts in a validated DNS (RFC 7672).
import { hash, X509Certificate } from 'node:crypto';
import { generate } from 'selfsigned';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Tlsa } from '#protocols/dns/tlsa.ts';
import { daneRefusal } from '#protocols/smtp/client/dane.ts';
import { makeCertificate } from '#test/support/certificate.ts';
import type { Zone } from '#test/support/dns-server.ts';
import { type OutboundLab, outboundLab } from '#test/support/outbound.ts';

interface Pair {
  readonly cert: string;
  readonly key: string;
}

let good: Pair;
let other: Pair;
/** A certificate for mx.good.test under an authority of its own, and the authority. */
let leaf: Pair;
let authority: Pair;

beforeAll(async () => {
  const self = async (name: string): Promise<Pair> => {
    const { certificate, key } = await makeCertificate([name]);
    return { cert: certificate, key };
  };
  [good, other] = [await self('any.name.test'), await self('mx.good.test')];
  const options = { keyType: 'ec', algorithm: 'sha256' } as const;
  const root = await generate([{ name: 'commonName', value: 'An authority' }], {
    ...options,
    extensions: [{ name: 'basicConstraints', cA: true, critical: true }],
  });
  authority = { cert: root.cert, key: root.private };
  const made = await generate([{ name: 'commonName', value: 'mx.good.test' }], {
    ...options,
    ca: { key: root.private, cert: root.cert },
    extensions: [{ name: 'subjectAltName', altNames: [{ type: 2, value: 'mx.good.test' }] }],
  });
  leaf = { cert: `${made.cert}\n${root.cert}`, key: made.private };
});

const spki = ({ cert }: Pair) => new X509Certificate(cert).publicKey.export({ format: 'der', type: 'spki' });
const sha256 = (bytes: Uint8Array) => hash('sha256', bytes, { outputEncoding: 'buffer' });
/** 3 1 1, what everybody has. */
const ee = (pair: Pair) => ({ usage: 3, selector: 1, matchingType: 1, certificate: sha256(spki(pair)) });

/** good.test with its mail host at .2, all validated unless said otherwise. */
async function lab(tlsa: Zone, more: Record<string, Zone> = {}): Promise<OutboundLab> {
  const found = await outboundLab({
    '.': { authentic: true },
    'good.test': { MX: [[10, 'mx.good.test']], authentic: true },
    'mx.good.test': { A: ['127.0.0.2'], authentic: true },
    ...more,
  });
  found.dns.zones.set(`_${found.port}._tcp.mx.good.test`, tlsa);
  return found;
}

/** What becomes of a message to good.test, and how it went. */
async function deliver(at: OutboundLab, pair: Pair | null): Promise<string> {
  const tls = pair === null ? {} : { extensions: ['STARTTLS'], tls: pair };
  await using peer = await at.peer(2, tls);
  await at.submit({ to: 'you@good.test' });
  await at.settled(1);
  const [listing] = await at.smtp.store.queue.list({}, 0, 1);
  const [message] = peer.messages;
  if (message !== undefined) return message.secure ? 'over TLS' : 'in the clear';
  return listing?.recipients[0]?.reply ?? 'gone';
}

describe('a host that DANE names', () => {
  test('gets mail under the certificate that is named, whoever signed it and whatever its name', async () => {
    await using at = await lab({ TLSA: [ee(other), ee(good)], authentic: true });
    expect(await deliver(at, good)).toBe('over TLS');
  });

  test('gets none under another, and none in the clear', async () => {
    await using at = await lab({ TLSA: [ee(good)], authentic: true });
    expect(await deliver(at, other)).toBe('454 4.7.5 the certificate matches no TLSA record');
  });

  test('gets none without TLS', async () => {
    await using at = await lab({ TLSA: [ee(good)], authentic: true });
    expect(await deliver(at, null)).toBe('454 4.7.4 the server does not offer STARTTLS, without which it gets nothing');
  });

  test('that is wrong is passed over for the next', async () => {
    await using at = await lab(
      { TLSA: [ee(good)], authentic: true },
      {
        'good.test': {
          MX: [
            [10, 'mx.good.test'],
            [20, 'mx2.good.test'],
          ],
          authentic: true,
        },
        'mx2.good.test': { A: ['127.0.0.3'], authentic: true },
      },
    );
    await using second = await at.peer(3);
    expect(await deliver(at, other)).toBe('gone');
    expect(second.messages.length).toBe(1);
  });

  test('whose records can not be used gets mail under any certificate, and none in the clear', async () => {
    const pkix = { usage: 1, selector: 1, matchingType: 1, certificate: Buffer.alloc(32) };
    const short = { usage: 3, selector: 1, matchingType: 1, certificate: Buffer.alloc(5) };
    await using at = await lab({ TLSA: [pkix, short], authentic: true });
    expect(await deliver(at, other)).toBe('over TLS');
    await using again = await lab({ TLSA: [pkix], authentic: true });
    expect(await deliver(again, null)).toContain('454 4.7.4');
  });

  test('whose records can not be looked up waits', async () => {
    await using at = await lab({ rcode: 'SERVFAIL' });
    expect(await deliver(at, good)).toMatch(
      /^451 4\.7\.5 DNS look-up failed: _\d+\._tcp\.mx\.good\.test TLSA: SERVFAIL/,
    );
  });

  test('is known by the authority that is named, too', async () => {
    const named = {
      usage: 2,
      selector: 0,
      matchingType: 1,
      certificate: sha256(new X509Certificate(authority.cert).raw),
    };
    await using at = await lab({ TLSA: [named], authentic: true });
    expect(await deliver(at, leaf)).toBe('over TLS');
    const [attempt] = [...at.outcomes];
    expect(attempt).toBe('sent');
  });
});

test.each<[string, Record<string, Zone>, Zone]>([
  ['records that were not validated', {}, { authentic: false }],
  ['an address that was not validated', { 'mx.good.test': { A: ['127.0.0.2'] } }, { authentic: true }],
  ['a resolver that validates nothing', { '.': {} }, { authentic: true }],
])('%s are nothing to go by: mail goes as it can', async (_what, zones, tlsa) => {
  await using at = await lab({ ...tlsa, TLSA: [ee(good)] }, zones);
  expect(await deliver(at, other)).toBe('over TLS');
});

describe('an authority', () => {
  const record = (pair: Pair, more: Partial<Tlsa> = {}): Tlsa => ({
    ...{ usage: 2, selector: 1, matching: 1, data: sha256(spki(pair)) },
    ...more,
  });
  const now = Date.now() + 60_000;
  const chain = () => {
    const certificate = new X509Certificate(leaf.cert);
    Object.defineProperty(certificate, 'issuerCertificate', { value: new X509Certificate(authority.cert) });
    return certificate;
  };

  test('is found by its certificate and its key, whole and as a hash', () => {
    const root = new X509Certificate(authority.cert);
    const sha512 = hash('sha512', root.raw, { outputEncoding: 'buffer' });
    for (const found of [
      record(authority),
      record(authority, { selector: 0, matching: 0, data: root.raw }),
      record(authority, { selector: 0, matching: 2, data: sha512 }),
    ]) {
      expect(daneRefusal(chain(), [found], ['mx.good.test'], now)).toBeNull();
    }
  });

  test('vouches for names and dates, unlike the certificate itself', () => {
    expect(daneRefusal(chain(), [record(authority)], ['mx.other.test'], now)).toMatch(/another name/);
    expect(daneRefusal(chain(), [record(authority)], ['mx.good.test'], now + 1e13)).toMatch(/expired/);
    const own = record(leaf, { usage: 3 });
    expect(daneRefusal(chain(), [own], ['mx.other.test'], now + 1e13)).toBeNull();
  });

  test('that is not in the chain, or has not signed what is below it, is none', () => {
    expect(daneRefusal(chain(), [record(other)], ['mx.good.test'], now)).toMatch(/no TLSA record/);
    const forged = new X509Certificate(other.cert);
    Object.defineProperty(forged, 'issuerCertificate', { value: new X509Certificate(authority.cert) });
    expect(daneRefusal(forged, [record(authority)], ['mx.good.test'], now)).toMatch(/not signed/);
    expect(daneRefusal(undefined, [record(authority)], ['mx.good.test'], now)).toMatch(/no certificate/);
  });
});

test('a host that an unvalidated MX names is held to its certificates too, as Postfix does', async () => {
  await using at = await lab({ TLSA: [ee(good)], authentic: true }, { 'good.test': { MX: [[10, 'mx.good.test']] } });
  expect(await deliver(at, other)).toBe('454 4.7.5 the certificate matches no TLSA record');
});

describe('a mail host that is an alias', () => {
  /** good.test, whose mail host is an alias of one that may be elsewhere. */
  const aliased = (
    alias: Zone,
    end: Zone,
    tlsa: { readonly name: 'mx.good.test' | 'host.else.test'; readonly of: Pair },
  ) =>
    lab({}, { 'mx.good.test': alias, 'host.else.test': end }).then((at) => {
      at.dns.zones.delete(`_${at.port}._tcp.mx.good.test`);
      at.dns.zones.set(`_${at.port}._tcp.${tlsa.name}`, { TLSA: [ee(tlsa.of)], authentic: true });
      return at;
    });
  const alias: Zone = { CNAME: 'host.else.test', authentic: true };
  const host: Zone = { A: ['127.0.0.2'], authentic: true };

  test.each(['host.else.test', 'mx.good.test'] as const)(
    'is known by the TLSA of %s (RFC 7672 2.2.2)',
    async (name) => {
      await using at = await aliased(alias, host, { name, of: good });
      expect(await deliver(at, good)).toBe('over TLS');
      await using again = await aliased(alias, host, { name, of: good });
      expect(await deliver(again, other)).toBe('454 4.7.5 the certificate matches no TLSA record');
    },
  );

  test('of a host that is not validated is known by its own TLSA, if the alias is', async () => {
    const unsigned: Zone = { A: ['127.0.0.2'] };
    await using at = await aliased(alias, unsigned, { name: 'mx.good.test', of: good });
    expect(await deliver(at, other)).toBe('454 4.7.5 the certificate matches no TLSA record');
    await using elsewhere = await aliased(alias, unsigned, { name: 'host.else.test', of: good });
    expect(await deliver(elsewhere, other)).toBe('over TLS');
    const stray: Zone = { CNAME: 'host.else.test' };
    await using unproved = await aliased(stray, unsigned, { name: 'mx.good.test', of: good });
    expect(await deliver(unproved, other)).toBe('over TLS');
  });
});
