// The client's side of SCRAM-SHA-256 (RFC 5802, RFC 7677): the server learns that we know the password and not what it
// is, and proves that it knew it too.

import { createHash, createHmac, pbkdf2, randomBytes, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import { SCRAM_ITERATIONS } from './limits.ts';

const derive = promisify(pbkdf2);

/** The server's side is wrong, or it does not know the password. */
export class ScramFailure extends Error {}

const FIRST = /^r=([\x21-\x2b\x2d-\x7e]+),s=([A-Za-z0-9+/]+={0,2}),i=(\d{1,9})(?:,|$)/;

export class ScramExchange {
  readonly #password: string;
  readonly #nonce: string;
  readonly #bare: string;
  #signature: Buffer = Buffer.alloc(0);

  constructor(user: string, password: string, nonce = randomBytes(18).toString('base64url')) {
    this.#password = password.normalize('NFKC'); // RFC 7677 3 wants SASLprep, of which this is what matters
    this.#nonce = nonce;
    this.#bare = `n=${user.normalize('NFKC').replaceAll('=', '=3D').replaceAll(',', '=2C')},r=${nonce}`;
  }

  /** client-first-message */
  first(): string {
    return `n,,${this.#bare}`;
  }

  /** client-final-message, for what the server said first. Rejects with ScramFailure. */
  async final(challenge: string): Promise<string> {
    const [, nonce = '', salt = '', count = ''] = FIRST.exec(challenge) ?? [];
    // RFC 5802 5.1: the nonce begins with ours and has something of the server's.
    if (!nonce.startsWith(this.#nonce) || nonce === this.#nonce) throw new ScramFailure('the challenge makes no sense');
    const iterations = Number(count);
    if (iterations < SCRAM_ITERATIONS.least || iterations > SCRAM_ITERATIONS.most) {
      throw new ScramFailure(`${count} iterations are asked for`);
    }
    const salted = await derive(this.#password, Buffer.from(salt, 'base64'), iterations, 32, 'sha256');
    const withoutProof = `c=biws,r=${nonce}`; // "n,,"
    const message = `${this.#bare},${challenge},${withoutProof}`;
    const clientKey = hmac(salted, 'Client Key');
    const signature = hmac(createHash('sha256').update(clientKey).digest(), message);
    const proof = Buffer.from(clientKey.map((byte, at) => byte ^ (signature[at] ?? 0)));
    this.#signature = hmac(hmac(salted, 'Server Key'), message);
    return `${withoutProof},p=${proof.toString('base64')}`;
  }

  /** Whether server-final-message proves that the server knows the password. */
  verifies(last: string): boolean {
    const said = Buffer.from(/^v=([A-Za-z0-9+/]{43}=)(?:,|$)/.exec(last)?.[1] ?? '', 'base64');
    return said.length === 32 && this.#signature.length === 32 && timingSafeEqual(said, this.#signature);
  }
}

function hmac(key: Uint8Array, message: string): Buffer {
  return createHmac('sha256', key).update(message, 'utf8').digest();
}
