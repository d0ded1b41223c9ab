// A connection whose bytes are compressed both ways (IMAP COMPRESS=DEFLATE, RFC 4978), in front of the socket or its TLS.
//
// Output: whatever is written together is compressed together and flushed, so that the peer can always read to the end of
// the last reply. Input is inflated only as fast as it is taken: a peer whose bytes grow a thousandfold waits like any
// other that sends faster than it is answered, and no more than a piece of it is ever in memory.

import { Duplex } from 'node:stream';
import { constants, createDeflateRaw, createInflateRaw, type DeflateRaw, type InflateRaw } from 'node:zlib';
import { DEFLATE, INFLATE } from './limits.ts';

export class Deflated extends Duplex {
  readonly #socket: Duplex;
  readonly #deflate: DeflateRaw;
  readonly #inflate: InflateRaw;
  #detach: () => void;

  /** Takes over a socket that nobody reads any more; `unread` has come from it already. */
  constructor(socket: Duplex, unread: Buffer | null) {
    super({ allowHalfOpen: true, readableHighWaterMark: INFLATE.chunkSize });
    this.#socket = socket;
    this.#deflate = createDeflateRaw(DEFLATE);
    // A peer that hangs up need not end its stream.
    this.#inflate = createInflateRaw({ ...INFLATE, finishFlush: constants.Z_SYNC_FLUSH });
    this.#deflate.on('data', (bytes: Buffer) => socket.write(bytes));
    this.#inflate.on('data', (bytes: Buffer) => {
      if (!this.push(bytes)) this.#inflate.pause();
    });
    this.#inflate.on('drain', () => socket.resume());
    this.#inflate.once('end', () => this.push(null));
    for (const stream of [this.#deflate, this.#inflate]) stream.once('error', (error) => this.destroy(error));
    this.#detach = this.#attach();
    if (unread !== null) this.#take(unread);
  }

  /**
   * Writes a last piece, after which the peer reads and sends plain bytes again. The socket is the caller's again, paused,
   * and this stream is gone.
   */
  async release(last: string): Promise<Duplex> {
    this.#socket.removeAllListeners('data');
    this.#socket.pause();
    await new Promise<void>((resolve, reject) => {
      this.once('error', reject);
      this.write(last, 'latin1', (error) => (error ? reject(error) : resolve()));
    });
    this.#detach();
    this.#detach = () => {};
    this.#deflate.destroy();
    this.#inflate.destroy();
    return this.#socket;
  }

  override _read(): void {
    this.#inflate.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#deflate.write(chunk);
    this.#flush(done);
  }

  override _writev(chunks: { readonly chunk: Buffer }[], done: (error?: Error | null) => void): void {
    for (const { chunk } of chunks) this.#deflate.write(chunk);
    this.#flush(done);
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#deflate.once('end', () => this.#socket.end(() => done()));
    this.#deflate.end();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#deflate.destroy();
    this.#inflate.destroy();
    this.#socket.destroy();
    done(error);
  }

  /** After every write, or the peer would wait for the end of a reply (RFC 4978 4). */
  #flush(done: () => void): void {
    this.#deflate.flush(constants.Z_SYNC_FLUSH, () => {
      if (this.#socket.writableNeedDrain) this.#socket.once('drain', done);
      else done();
    });
  }

  #take(bytes: Buffer): void {
    if (!this.#inflate.write(bytes)) this.#socket.pause();
  }

  #attach(): () => void {
    const socket = this.#socket;
    const take = (bytes: Buffer) => this.#take(bytes);
    const end = () => this.#inflate.end();
    const gone = () => this.destroy();
    socket.on('data', take).on('end', end).on('error', gone).on('close', gone);
    return () => socket.off('data', take).off('end', end).off('error', gone).off('close', gone);
  }
}
