// What a login can be bound to on a TLS connection, so that it is worth nothing on another one (RFC 5056).

import { createHash, type X509Certificate } from 'node:crypto';
import type { Duplex } from 'node:stream';
import { TLSSocket } from 'node:tls';

/** Each is null where the connection can't give it. */
export interface ChannelBinding {
  /** tls-exporter (RFC 9266), of TLS 1.3. */
  exporter(): Buffer | null;
  /** tls-server-end-point (RFC 5929 4): a hash of our certificate. */
  serverEndPoint(): Buffer | null;
}

/** Of a socket; null if it has no TLS, or nothing to be bound to. */
export function channelBinding(socket: Duplex): ChannelBinding | null {
  if (!(socket instanceof TLSSocket)) return null;
  const binding = { exporter: () => exporter(socket), serverEndPoint: () => serverEndPoint(socket) };
  return binding.exporter() === null && binding.serverEndPoint() === null ? null : binding;
}

function exporter(socket: TLSSocket): Buffer | null {
  // RFC 9266 4.2: before TLS 1.3 it takes an extension that can't be seen from here.
  if (socket.getProtocol() !== 'TLSv1.3') return null;
  return socket.exportKeyingMaterial(32, 'EXPORTER-Channel-Binding', Buffer.alloc(0));
}

function serverEndPoint(socket: TLSSocket): Buffer | null {
  const certificate = socket.getX509Certificate();
  if (certificate === undefined) return null;
  const hash = hashOf(certificate);
  return hash === null ? null : createHash(hash).update(certificate.raw).digest();
}

/** RFC 5929 4.1: the hash of the certificate's signature, SHA-256 in place of MD5 and SHA-1; none has no binding. */
function hashOf({ signatureAlgorithm = '' }: X509Certificate): string | null {
  const found = /sha-?(1|256|384|512)/i.exec(signatureAlgorithm)?.[1];
  if (found === undefined) return /md5/i.test(signatureAlgorithm) ? 'sha256' : null;
  return found === '1' ? 'sha256' : `sha${found}`;
}
