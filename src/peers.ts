// Addresses of the other side: their plain form, the network that a limit counts, and who is trusted.
import { BlockList, isIP, isIPv6 } from 'node:net';

/** An address as it is logged and compared: IPv4 without the IPv6 mapping (RFC 4291 2.5.5.2), no zone. */
export function plainAddress(address: string): string {
  const zone = address.indexOf('%');
  const bare = zone < 0 ? address : address.slice(0, zone);
  const mapped = bare.toLowerCase().startsWith('::ffff:') ? bare.slice(7) : '';
  return isIP(mapped) === 4 ? mapped : bare;
}

/** What counts as one peer: an IPv4 address, or the /64 of an IPv6 one, since a host has all of that to itself. */
export function countedNetwork(address: string): string {
  const plain = plainAddress(address);
  if (!isIPv6(plain)) return plain;
  const [head = '', tail] = plain.toLowerCase().split('::');
  const groups = head === '' ? [] : head.split(':');
  if (tail !== undefined) {
    const rest = tail === '' ? 0 : tail.split(':').length;
    while (groups.length + rest < 8) groups.push('0');
  }
  return `${groups
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':')}::/64`;
}

/** The network around a peer, where one guesser changes addresses: an IPv4 /24, an IPv6 /64. */
export function wideNetwork(address: string): string {
  const network = countedNetwork(address);
  return isIP(network) === 4 ? `${network.slice(0, network.lastIndexOf('.'))}.0/24` : network;
}

/** The network of a site: an IPv4 /24, an IPv6 /48. */
export function siteNetwork(address: string): string {
  const network = wideNetwork(address);
  return network.endsWith('/64') ? `${network.split(':').slice(0, 3).join(':')}::/48` : network;
}

/** Says of an address whether it is in one of the networks: `10.0.0.0/8`, `::1`, `2001:db8::/32`. */
export function networkMatcher(networks: readonly string[]): (address: string) => boolean {
  const list = new BlockList();
  for (const network of networks) {
    const [base = '', prefix] = network.split('/');
    const family = isIP(base) === 6 ? 'ipv6' : 'ipv4';
    if (prefix === undefined) list.addAddress(base, family);
    else list.addSubnet(base, Number(prefix), family);
  }
  return (address) => {
    const plain = plainAddress(address);
    const family = isIP(plain);
    return family !== 0 && list.check(plain, family === 6 ? 'ipv6' : 'ipv4');
  };
}
