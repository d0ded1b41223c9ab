// A message as it follows DATA (RFC 5321 4.5.2) or BDAT, where no dot is doubled and nothing is added but the end of a last
// line (RFC 3030 2): lines end in CR LF whatever they ended in, a dot at the beginning of a
// line is doubled, and CR LF . CR LF stands at the end and nowhere else. A bare CR or LF that went out could be a line
// end to the next server and not to us, which is how a second message is hidden in a first (CVE-2023-51764).

const LF = 0x0a;
const CR = 0x0d;
const DOT = 0x2e;
const ONE_CR = Uint8Array.of(CR);
const ONE_LF = Uint8Array.of(LF);
const ONE_DOT = Uint8Array.of(DOT);

export class DotStuffer {
  /** False: what is counted has no end to be found. */
  readonly #dots: boolean;
  /** What comes next: the first octet of a line, one within it, or one after a CR. */
  #state: 'start' | 'inside' | 'cr' = 'start';

  constructor({ dots = true } = {}) {
    this.#dots = dots;
  }

  /** The octets to be sent for a piece of the message, in slices of it. */
  *encode(chunk: Uint8Array): Generator<Uint8Array> {
    let kept = 0;
    let i = 0;
    while (i < chunk.length) {
      const byte = chunk[i] as number;
      if (this.#state === 'cr') {
        if (byte === LF) i++;
        else {
          if (i > kept) yield chunk.subarray(kept, i);
          kept = i;
          yield ONE_LF;
        }
        this.#state = 'start';
      } else if (this.#state === 'start') {
        if (byte === DOT && this.#dots) {
          if (i > kept) yield chunk.subarray(kept, i);
          kept = i;
          yield ONE_DOT;
          i++;
        }
        this.#state = 'inside';
      } else if (byte === CR) {
        this.#state = 'cr';
        i++;
      } else if (byte === LF) {
        if (i > kept) yield chunk.subarray(kept, i);
        kept = i;
        yield ONE_CR;
        this.#state = 'start';
        i++;
      } else i = lineEnd(chunk, i);
    }
    if (chunk.length > kept) yield chunk.subarray(kept);
  }

  /** What ends the message. */
  end(): string {
    return `${{ start: '', inside: '\r\n', cr: '\n' }[this.#state]}${this.#dots ? '.\r\n' : ''}`;
  }
}

/** The next CR or LF, or the end. */
function lineEnd(chunk: Uint8Array, from: number): number {
  for (let i = from; i < chunk.length; i++) {
    const byte = chunk[i] as number;
    if (byte === CR || byte === LF) return i;
  }
  return chunk.length;
}
