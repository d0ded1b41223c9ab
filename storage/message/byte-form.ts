// Of what kind bytes are, whatever they are labelled: 7bit, 8bit or binary (RFC 2045 2.7 to 2.9).

/** The longest line of 7bit and 8bit data, without its end (RFC 2045 2.7). */
const LINE_OCTETS = 998;
const [NUL, LF, CR] = [0, 10, 13];

/** By the name of the transfer encoding that does nothing to such bytes. */
export interface ByteForm {
  readonly encoding: '7bit' | '8bit' | 'binary';
  readonly octets: number;
}

/** Looks at bytes that come in pieces. */
export class ByteFormScan {
  #octets = 0;
  #lineLength = 0;
  #afterCr = false;
  #high = false;
  #binary = false;

  add(bytes: Uint8Array): void {
    this.#octets += bytes.length;
    for (const byte of bytes) {
      if (byte === LF) this.#lineLength = 0;
      else if (byte !== CR) this.#lineLength += 1;
      if (byte > 127) this.#high = true;
      // CR and LF are line ends together, and nothing alone.
      if (byte === NUL || this.#afterCr !== (byte === LF) || this.#lineLength > LINE_OCTETS) this.#binary = true;
      this.#afterCr = byte === CR;
    }
  }

  /** Binary already, whatever still comes. */
  get isBinary(): boolean {
    return this.#binary;
  }

  end(): ByteForm {
    const text = this.#high ? '8bit' : '7bit';
    return {
      encoding: this.#binary || this.#afterCr ? 'binary' : text,
      octets: this.#octets,
    };
  }
}
