// Reads the content of a message out of the bytes that follow DATA (RFC 5321 4.5.2): finds the end, which is CR LF . CR
// LF and nothing else, removes the dots that the client doubled, and deals with what may not stand in a message.
//
// That only this one sequence ends the data is what keeps anybody from hiding a second message in a first
// (CVE-2023-51764 and its siblings): after a bare CR or LF, or a NUL, a dot is never an end. On MX such a message is
// refused. On submission it is repaired: bare CR and LF become CR LF, NUL goes, lines over the limit are broken.

import type { ContentReader } from './input.ts';

const NUL = 0x00;
const LF = 0x0a;
const CR = 0x0d;
const DOT = 0x2e;
const CRLF = Buffer.from('\r\n');
const EMPTY = new Uint8Array(0);

/** What makes a message unacceptable where it is not repaired. */
export type Fault = 'bare-line-end' | 'nul' | 'long-line';

/** What was read last. */
const State = {
  lineEnd: 0, // CR LF, or nothing yet: a dot may be the end
  bareEnd: 1, // a line end that was repaired: a dot may have been doubled, but is never the end
  dot: 2, // a dot after lineEnd
  dotCr: 3, // and a CR after that
  inside: 4,
  cr: 5, // a CR in or after a line
} as const;
type State = (typeof State)[keyof typeof State];

export class DataReader implements ContentReader {
  /** The content found by the last read(); it stays valid. */
  content: Uint8Array = EMPTY;
  /** The first fault seen; null when repairing. */
  fault: Fault | null = null;
  /** True once the end has been read. */
  ended = false;

  readonly #repair: boolean;
  readonly #lineOctets: number;
  readonly #dots: boolean;
  #state: State = State.lineEnd;
  /** Octets of the line in hand that were in earlier chunks. */
  #carried = 0;
  #slices: Uint8Array[] = [];

  /** `dots`: false for content that is counted (BDAT), in which a dot is a dot. */
  constructor(options: { readonly repair: boolean; readonly lineOctets: number; readonly dots?: boolean }) {
    this.#dots = options.dots ?? true;
    this.#repair = options.repair;
    this.#lineOctets = options.lineOctets;
  }

  /** Reads a chunk from `from` on; returns where what follows the end starts, or the chunk's length before the end. */
  read(chunk: Uint8Array, from: number): number {
    const end = this.#scan(chunk, from);
    const [first = EMPTY] = this.#slices;
    this.content = this.#slices.length > 1 ? Buffer.concat(this.#slices) : first;
    this.#slices = [];
    return end;
  }

  /** There is no more: what is still to be added to counted content that ends in a bare CR. */
  finish(): Uint8Array {
    if (this.#state !== State.cr) return EMPTY;
    this.#found('bare-line-end');
    return this.#repair ? CRLF.subarray(1) : EMPTY;
  }

  #scan(chunk: Uint8Array, from: number): number {
    const { length } = chunk;
    let state = this.#state;
    let lineStart = from - this.#carried;
    let kept = from; // the first byte that is content and not yet given
    let i = from;
    /** Gives the content before `until` and goes on at `next`, after what is inserted between the two. */
    const cut = (until: number, next: number, inserted: Uint8Array = EMPTY) => {
      if (until > kept) this.#slices.push(chunk.subarray(kept, until));
      if (inserted.length > 0) this.#slices.push(inserted);
      kept = next;
    };
    while (i < length && !this.ended) {
      const byte = chunk[i] as number;
      switch (state) {
        case State.lineEnd:
          if (byte === DOT && this.#dots) {
            cut(i, i + 1);
            i++;
            state = State.dot;
          } else state = State.inside;
          break;
        case State.bareEnd:
          if (byte === DOT && this.#dots) {
            cut(i, i + 1);
            i++;
          }
          state = State.inside;
          break;
        case State.dot:
          if (byte === CR) {
            cut(i, i + 1);
            i++;
            state = State.dotCr;
          } else state = State.inside;
          break;
        case State.dotCr:
          if (byte === LF) {
            kept = ++i;
            this.ended = true;
          } else {
            // The CR was bare; cr deals with that. The slice only exists for what is repaired.
            cut(i, i, CRLF.subarray(0, 1));
            state = State.cr;
          }
          break;
        case State.cr:
          if (byte === LF) {
            lineStart = ++i;
            state = State.lineEnd;
          } else if (!this.#repair) {
            this.fault ??= 'bare-line-end';
            state = State.inside;
          } else if (byte === CR) {
            cut(i, i + 1); // CR CR LF is one line end
            i++;
          } else {
            cut(i, i, CRLF.subarray(1));
            lineStart = i;
            state = State.bareEnd;
          }
          break;
        default: {
          i = skip(chunk, i, Math.min(length, lineStart + this.#lineOctets));
          const found = chunk[i];
          if (found === undefined) break;
          if (found === CR) {
            i++;
            state = State.cr;
          } else if (found === LF) {
            this.#found('bare-line-end');
            if (this.#repair) {
              cut(i, i + 1, CRLF);
              state = State.bareEnd;
            }
            lineStart = ++i;
          } else if (found === NUL) {
            this.#found('nul');
            if (this.#repair) cut(i, i + 1);
            i++;
          } else {
            this.#found('long-line');
            if (this.#repair) {
              while ((chunk[i] ?? 0) >> 6 === 0b10) i++; // not inside a UTF-8 character
              cut(i, i, CRLF);
            }
            lineStart = i;
          }
        }
      }
    }
    cut(i, i);
    this.#state = state;
    this.#carried = i - lineStart;
    return i;
  }

  #found(fault: Fault): void {
    if (!this.#repair) this.fault ??= fault;
  }
}

/** The next CR, LF or NUL, or `stop`. */
function skip(chunk: Uint8Array, from: number, stop: number): number {
  let i = from;
  while (i < stop) {
    const byte = chunk[i] as number;
    if (byte <= CR && (byte === CR || byte === LF || byte === NUL)) break;
    i++;
  }
  return i;
}
