// A client of SCRAM-SHA-256 (RFC 5802, RFC 7677), written from the RFCs alone.
import { createHash, createHmac, pbkdf2Sync, randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';

const hmac = (key: Buffer, text: string) => createHmac('sha256', key).update(text).digest();

export interface ScramOptions {
  readonly user: string;
  readonly password: string;
  /** `n,,` unless said otherwise. */
  readonly header?: string;
  /** What the channel binding is; none for `n` and `y`. */
  readonly binding?: Buffer;
  readonly nonce?: string;
}

export class ScramClient {
  readonly #options: ScramOptions;
  readonly #header: string;
  readonly #bare: string;
  #signature = '';

  constructor(options: ScramOptions) {
    this.#options = options;
    this.#header = options.header ?? 'n,,';
    const user = options.user.replaceAll('=', '=3D').replaceAll(',', '=2C');
    this.#bare = `n=${user},r=${options.nonce ?? randomBytes(12).toString('hex')}`;
  }

  first(): string {
    return this.#header + this.#bare;
  }

  final(challenge: string): string {
    const [, nonce = '', salt = '', count = ''] = /^r=([^,]*),s=([^,]*),i=(\d+)$/.exec(challenge) ?? [];
    const salted = pbkdf2Sync(this.#options.password, Buffer.from(salt, 'base64'), Number(count), 32, 'sha256');
    const bound = Buffer.concat([Buffer.from(this.#header), this.#options.binding ?? Buffer.alloc(0)]);
    const withoutProof = `c=${bound.toString('base64')},r=${nonce}`;
    const message = `${this.#bare},${challenge},${withoutProof}`;
    const clientKey = hmac(salted, 'Client Key');
    const signature = hmac(createHash('sha256').update(clientKey).digest(), message);
    const proof = Buffer.from(clientKey.map((byte, at) => byte ^ (signature[at] ?? 0))).toString('base64');
    this.#signature = hmac(hmac(salted, 'Server Key'), message).toString('base64');
    return `${withoutProof},p=${proof}`;
  }

  /** Does the server know the keys too? */
  verifies(last: string): boolean {
    return last === `v=${this.#signature}`;
  }
}

/** The client's side of the two channel bindings. */
export function bindingOf(socket: Socket, type: 'tls-exporter' | 'tls-server-end-point'): Buffer {
  const tls = socket as TLSSocket;
  if (type === 'tls-exporter') return tls.exportKeyingMaterial(32, 'EXPORTER-Channel-Binding', Buffer.alloc(0));
  const certificate = tls.getPeerX509Certificate();
  return createHash('sha256')
    .update(certificate?.raw ?? Buffer.alloc(0))
    .digest();
}
