// An IMAP client's end of a compressed connection (RFC 4978), made of zlib's plain functions: all that has come is
// inflated again each time, so that it needs nothing from the server but that each reply is flushed.
import type { Socket } from 'node:net';
import { constants, createDeflateRaw, inflateRawSync } from 'node:zlib';
import type { ImapWire } from './wire.ts';

export class DeflateWire {
  readonly #deflate = createDeflateRaw();
  readonly #chunks: Buffer[] = [];
  #seen = 0;
  #wake: () => void = () => {};
  ended = false;

  /** Sends COMPRESS and goes on compressed; nothing else may be unread. */
  static async start(client: ImapWire): Promise<DeflateWire> {
    await client.ok('COMPRESS DEFLATE');
    return new DeflateWire(client.wire.socket);
  }

  constructor(socket: Socket) {
    socket.removeAllListeners('data');
    socket.on('data', (chunk: Buffer) => {
      this.#chunks.push(chunk);
      this.#wake();
    });
    socket.on('close', () => {
      this.ended = true;
      this.#wake();
    });
    this.#deflate.on('data', (bytes: Buffer) => socket.write(bytes));
  }

  /** Compresses and sends. */
  async send(text: string | Buffer): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#deflate.write(text, () => this.#deflate.flush(constants.Z_SYNC_FLUSH, () => resolve()));
    });
  }

  /** Sends a command under a tag, and what the server says up to its answer. */
  async command(tag: string, text: string): Promise<string> {
    await this.send(`${tag} ${text}\r\n`);
    return await this.until(new RegExp(`^${tag} .*\\r\\n`, 'm'));
  }

  /** What has come since the last call, once it matches. */
  async until(pattern: RegExp): Promise<string> {
    for (;;) {
      const whole = inflateRawSync(Buffer.concat(this.#chunks), { finishFlush: constants.Z_SYNC_FLUSH });
      const fresh = whole.subarray(this.#seen).toString('latin1');
      if (pattern.test(fresh)) {
        this.#seen = whole.length;
        return fresh;
      }
      if (this.ended) throw new Error(`closed after ${fresh}`);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** Bytes received, compressed. */
  get received(): number {
    return this.#chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  }
}
