// The addresses of a server that is named in the settings: as it stands in DNS, or as this machine knows it (/etc/hosts).

import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { hostAddresses } from '#protocols/dns/mail-hosts.ts';
import { DnsFailure, type Resolver } from '#protocols/dns/resolver.ts';
import { ADDRESSES_TRIED } from '../limits.ts';

export type AddressesOf = (host: string) => Promise<readonly string[]>;

/** Looks hosts up; none: it has none, or they can't be looked up now. */
export function addressesOf(resolver: Pick<Resolver, 'resolve'>): AddressesOf {
  return async (name) => {
    const host = name.replace(/^\[|\]$/g, '');
    if (isIP(host) > 0) return [host];
    if (host !== 'localhost') {
      try {
        const { addresses } = await hostAddresses(resolver, host.toLowerCase());
        if (addresses.length > 0) return addresses;
      } catch (error) {
        if (!(error instanceof DnsFailure)) throw error;
      }
    }
    try {
      return (await lookup(host, { all: true })).map(({ address }) => address).slice(0, ADDRESSES_TRIED);
    } catch (error) {
      if (error instanceof Error && 'code' in error) return []; // ENOTFOUND, EAI_AGAIN
      throw error;
    }
  };
}
