// The PROXY protocol, versions 1 and 2 (haproxy.org, proxy-protocol.txt): the line or block that a load balancer sends
// before anything else, with the address of the peer that it speaks for.

import { isIPv4, isIPv6, SocketAddress } from 'node:net';

/** Where a connection really comes from. */
export interface Source {
  readonly address: string;
  readonly port: number;
}

export type ProxyHeader =
  /** It does not begin with one. */
  | { readonly kind: 'none' }
  /** It may be one, but not all of it is there. */
  | { readonly kind: 'partial' }
  /** It begins like one and is none. */
  | { readonly kind: 'malformed' }
  /** `source` is null where the proxy speaks for itself (LOCAL, UNKNOWN) or for something that is no TCP. */
  | { readonly kind: 'header'; readonly length: number; readonly source: Source | null };

/** Section 2.2: what no other protocol begins with. */
const SIGNATURE = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');
const V2_HEADER = 16;
/** Section 2.1: the longest line of version 1. */
const V1_LINE = 107;
/** Addresses and TLVs of version 2: the largest addresses (216) and some certificate names. */
const V2_LENGTH = 4_096;
const V1 = 'PROXY ';

const TCP_OVER_IPV4 = 0x11;
const TCP_OVER_IPV6 = 0x21;

/** Looks at the first octets of a connection. */
export function parseProxyHeader(bytes: Buffer): ProxyHeader {
  const start = bytes.subarray(0, SIGNATURE.length);
  if (start.equals(SIGNATURE.subarray(0, start.length))) return parseBinary(bytes);
  const text = bytes.toString('latin1', 0, V1_LINE + 1);
  return text.startsWith(V1.slice(0, text.length)) ? parseLine(text) : { kind: 'none' };
}

/** Section 2.1. */
function parseLine(text: string): ProxyHeader {
  const end = text.indexOf('\r\n');
  if (end < 0) return text.length >= V1_LINE ? { kind: 'malformed' } : { kind: 'partial' };
  const length = end + 2;
  const [family, from = '', to = '', fromPort = '', toPort = '', ...rest] = text.slice(V1.length, end).split(' ');
  if (family === 'UNKNOWN') return { kind: 'header', length, source: null };
  const isAddress = family === 'TCP4' ? isIPv4 : family === 'TCP6' ? isIPv6 : () => false;
  if (!isAddress(from) || !isAddress(to) || !isPort(fromPort) || !isPort(toPort) || rest.length > 0) {
    return { kind: 'malformed' };
  }
  return { kind: 'header', length, source: { address: from, port: Number(fromPort) } };
}

function isPort(text: string): boolean {
  return /^(?:0|[1-9]\d{0,4})$/.test(text) && Number(text) <= 65_535;
}

/** Section 2.2. */
function parseBinary(bytes: Buffer): ProxyHeader {
  if (bytes.length < V2_HEADER) return { kind: 'partial' };
  const [version, command] = [bytes.readUInt8(12) >> 4, bytes.readUInt8(12) & 15];
  const length = V2_HEADER + bytes.readUInt16BE(14);
  if (version !== 2 || command > 1 || length > V2_LENGTH) return { kind: 'malformed' };
  if (bytes.length < length) return { kind: 'partial' };
  if (command === 0) return { kind: 'header', length, source: null };
  const source = binarySource(bytes.readUInt8(13), bytes.subarray(V2_HEADER, length));
  return source === undefined ? { kind: 'malformed' } : { kind: 'header', length, source };
}

/** Source address, destination address, source port, destination port; then TLVs, which tell nothing that is used. */
function binarySource(family: number, block: Buffer): Source | null | undefined {
  if (family === TCP_OVER_IPV4) {
    return block.length < 12 ? undefined : { address: block.subarray(0, 4).join('.'), port: block.readUInt16BE(8) };
  }
  if (family !== TCP_OVER_IPV6) return null;
  if (block.length < 36) return undefined;
  const groups = Array.from({ length: 8 }, (_, i) => block.readUInt16BE(2 * i).toString(16));
  // In its one spelling (RFC 5952).
  const { address } = new SocketAddress({ address: groups.join(':'), family: 'ipv6' });
  return { address, port: block.readUInt16BE(32) };
}
