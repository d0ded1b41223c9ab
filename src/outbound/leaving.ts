// Who we are to another server: the address that mail leaves from and its name, for each family, since an address of IPv6 may
// have another name (PTR) than that of IPv4.

import { isIPv6 } from 'node:net';

export interface OurNames {
  /** What EHLO says; a mail host of this name is ourselves. */
  readonly hostname: string;
  /** The same by IPv6, where it is another. */
  readonly hostname6?: string;
  /** One address of each family at most. */
  readonly source: readonly string[];
}

/** To somebody at this address. */
export function leavingTo(
  address: string,
  { hostname, hostname6, source }: OurNames,
): { readonly hostname: string; readonly localAddress?: string } {
  const ipv6 = isIPv6(address);
  const localAddress = source.find((own) => isIPv6(own) === ipv6);
  return { hostname: ipv6 ? (hostname6 ?? hostname) : hostname, ...(localAddress !== undefined && { localAddress }) };
}
