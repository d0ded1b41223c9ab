// What a connection has received and nobody has read yet: lines and counted bytes out of it, without copying.
//
// [#start, #end) of #buffer is unread. Bytes before #end are never overwritten, so slices handed out stay good.

/** In place of a line that passed the limit; it has been skipped to its end. */
export const TOO_LONG = Symbol('line too long');

const LF = 10;
const CR = 13;
/** The smallest buffer of our own, bytes: a whole command fits into it, as a rule. */
const LEAST_GROWN = 512;

export class InputBuffer {
  #buffer: Buffer | null = null;
  #start = 0;
  #end = 0;
  /** True when #buffer is ours, so that its space after #end may be filled. */
  #growable = false;
  /** Unread bytes already searched for a line end. */
  #searched = 0;
  /** Bytes skipped of a line that is too long; 0 when not skipping. */
  #skipped = 0;

  /** Unread bytes. */
  get available(): number {
    return this.#end - this.#start;
  }

  /** Bytes that were skipped so far of a line that is too long and has not ended. */
  get skipped(): number {
    return this.#skipped;
  }

  /** A whole line is there: `takeLine` will not give null. */
  get hasLine(): boolean {
    if (this.#buffer === null) return false;
    const found = this.#buffer.indexOf(LF, this.#start + this.#searched);
    return found !== -1 && found < this.#end;
  }

  /** The next line without its line end (CRLF or LF), or null when none is complete; TOO_LONG for one longer than `max`. */
  takeLine(max: number): Buffer | typeof TOO_LONG | null {
    const buffer = this.#buffer;
    if (buffer === null) return null;
    const from = this.#start + this.#searched;
    const found = buffer.indexOf(LF, from);
    if (found === -1 || found >= this.#end) return this.#partialLine(max);
    const line = buffer.subarray(this.#start, found > this.#start && buffer[found - 1] === CR ? found - 1 : found);
    this.#consume(found + 1 - this.#start);
    if (this.#skipped > 0 || line.length > max) {
      this.#skipped = 0;
      return TOO_LONG;
    }
    return line;
  }

  /** Up to `max` bytes of what is there, or null when nothing is. */
  takeBytes(max: number): Buffer | null {
    if (this.#buffer === null || max <= 0) return null;
    const bytes = this.#buffer.subarray(this.#start, Math.min(this.#end, this.#start + max));
    this.#consume(bytes.length);
    return bytes;
  }

  /** A copy of what is unread. */
  copy(): Buffer {
    return Buffer.from(this.#buffer?.subarray(this.#start, this.#end) ?? []);
  }

  /** Adds what was received. A partly read buffer doubles, so that a line sent byte by byte costs no quadratic copying. */
  add(chunk: Buffer): void {
    if (this.#buffer === null) {
      this.#buffer = chunk;
      this.#start = 0;
      this.#end = chunk.length;
      this.#growable = false;
      return;
    }
    if (this.#growable && this.#end + chunk.length <= this.#buffer.length) {
      this.#buffer.set(chunk, this.#end);
      this.#end += chunk.length;
      return;
    }
    const unread = this.available;
    const grown = Buffer.allocUnsafeSlow(Math.max(LEAST_GROWN, 2 * (unread + chunk.length)));
    grown.set(this.#buffer.subarray(this.#start, this.#end));
    grown.set(chunk, unread);
    this.#buffer = grown;
    this.#start = 0;
    this.#end = unread + chunk.length;
    this.#growable = true;
  }

  /** Forgets what is unread. */
  clear(): void {
    this.#buffer = null;
    this.#start = 0;
    this.#end = 0;
    this.#searched = 0;
  }

  #consume(bytes: number): void {
    this.#start += bytes;
    this.#searched = 0;
    if (this.#start === this.#end) this.clear();
  }

  /** No line end yet: remembers what was searched; what is longer than a line may be is skipped. */
  #partialLine(max: number): null {
    const unread = this.available;
    if (unread <= max + 1 && this.#skipped === 0) {
      this.#searched = unread;
      return null;
    }
    this.#skipped += unread;
    this.#consume(unread);
    return null;
  }
}
