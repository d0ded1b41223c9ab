// The buffers that long replies are written in: taken for a reply, given back when the kernel has taken it. A buffer made
// anew for every reply is memory outside V8's heap, which it collects so often that it costs more than all other work.

import { OUTPUT_CHUNK_BYTES, OUTPUT_SPARES } from './limits.ts';

/** Those of a server in one thread. */
export class OutputBuffers {
  readonly #keep: number;
  readonly #spares: Buffer[] = [];

  /** `keep`: 0 for a connection by itself. */
  constructor(keep: number = OUTPUT_SPARES) {
    this.#keep = keep;
  }

  /** A buffer of OUTPUT_CHUNK_BYTES, with anything in it. */
  take(): Buffer {
    return this.#spares.pop() ?? Buffer.allocUnsafeSlow(OUTPUT_CHUNK_BYTES);
  }

  /** Takes one back that nobody reads any more. One that is never given back is the garbage collector's. */
  give(buffer: Buffer): void {
    if (this.#spares.length < this.#keep) this.#spares.push(buffer);
  }
}
