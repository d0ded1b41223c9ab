// Whom SPF (RFC 7208) and DKIM (RFC 6376) vouch for.

import { isIPv6 } from 'node:net';
import { verifyDkim } from '#protocols/authenticity/dkim.ts';
import { checkSpf } from '#protocols/authenticity/spf.ts';
import { untilDeadline } from '#protocols/dns/deadline.ts';
import { hostAddresses, type Resolving } from '#protocols/dns/mail-hosts.ts';
import { DnsFailure, Resolver } from '#protocols/dns/resolver.ts';
import { canonicalDomain } from '#storage/directory/addresses.ts';
import type { Staged } from '#storage/ports.ts';
import type { Delivery } from './deliver.ts';
import { VOUCHING_MS } from './limits.ts';
import type { Vouching, VouchingParts } from './vouching.ts';

/** What is asked about one message, by whomever of its recipients. */
interface Asked {
  /** It answers as long as the peer is kept waiting, and no longer. */
  readonly resolver: Resolving;
  confirmed: Promise<boolean> | null;
}

export function vouchingBy({
  servers,
  hostname,
  hostname6 = hostname,
  source,
  limitMs = VOUCHING_MS,
}: VouchingParts): Vouching {
  const common = new Resolver({ servers });
  const known = new WeakMap<Staged, Asked>();

  function askedOf({ staged }: Delivery): Asked {
    const asked = known.get(staged) ?? { resolver: untilDeadline(common, limitMs), confirmed: null };
    known.set(staged, asked);
    return asked;
  }

  async function confirm(resolver: Resolving, { envelope, staged, session }: Delivery): Promise<boolean> {
    const { sender } = envelope;
    const domain = canonicalDomain(sender.slice(sender.lastIndexOf('@') + 1));
    if (sender === '' || domain === '') return false;
    // What comes by LMTP comes from the operator's own server: who was there before it is not told.
    const ip = session.lmtp === true ? '' : session.peer.address;
    if (ip !== '' && (await checkSpf(resolver, { ip, sender, helo: session.helo })) === 'pass') return true;
    const verdicts = await verifyDkim(resolver, {
      header: staged.header,
      body: () => staged.open(staged.header.length),
      now: Math.floor(Date.now() / 1000),
      // Who has a domain has what is below it; the other way round says nothing.
      about: (signer) => domain === signer || domain.endsWith(`.${signer}`),
    });
    return verdicts.some(({ result }) => result === 'pass');
  }

  /** Those that mail may leave from: as they are set, else as our name says. None: it is not known. */
  async function ownAddresses(resolver: Resolving): Promise<readonly string[]> {
    const unset = ([4, 6] as const).filter((family) => !source.some((own) => isIPv6(own) === (family === 6)));
    const named = unset.map((family) => hostAddresses(resolver, family === 6 ? hostname6 : hostname, [family]));
    return [...source, ...(await Promise.all(named)).flatMap(({ addresses }) => addresses)];
  }

  return {
    confirmed(delivery) {
      const asked = askedOf(delivery);
      asked.confirmed ??= confirm(asked.resolver, delivery);
      return asked.confirmed;
    },
    async allowsUs(delivery) {
      const { resolver } = askedOf(delivery);
      const { sender } = delivery.envelope;
      try {
        const addresses = await ownAddresses(resolver);
        for (const ip of addresses) {
          if ((await checkSpf(resolver, { ip, sender, helo: isIPv6(ip) ? hostname6 : hostname })) !== 'pass')
            return false;
        }
        return addresses.length > 0;
      } catch (error) {
        if (error instanceof DnsFailure) return false;
        throw error;
      }
    },
  };
}
