// The base subject (RFC 5256 2.1): a subject without the marks of replies and forwards. Exactly this algorithm, so that
// clients that sort by themselves agree; in one pass from each end, since a subject may be long and made of marks alone.

export interface BaseSubject {
  readonly base: string;
  /** Something was taken away that a reply or a forward has (RFC 5256 3, REFERENCES). */
  readonly reply: boolean;
}

const SPACES = /[ \t\r\n]+/g;
const MARKED = /[[\]:()]|^ | $/;

/** Of a decoded subject. */
export function baseSubject(subject: string): BaseSubject {
  // (1)
  const text = subject.replace(SPACES, ' ');
  if (!MARKED.test(text)) return { base: text, reply: false };
  return new Extraction(text).run();
}

const REFWD = /(?:re|fwd?) ?(?:\[[^[\]]*\] ?)?:/iy;
const BLOB = /\[[^[\]]*\] ?/y;
const FORWARD = /\[fwd:/iy;

class Extraction {
  readonly #text: string;
  #start = 0;
  #end: number;
  #reply = false;

  constructor(text: string) {
    this.#text = text;
    this.#end = text.length;
  }

  run(): BaseSubject {
    do {
      this.#trailers();
      while (this.#leader());
    } while (this.#forward());
    return { base: this.#text.slice(this.#start, this.#end), reply: this.#reply };
  }

  /** (2) subj-trailer: white space and `(fwd)`. */
  #trailers(): void {
    for (;;) {
      if (this.#end > this.#start && this.#text[this.#end - 1] === ' ') this.#end--;
      else if (this.#text.slice(Math.max(this.#start, this.#end - 5), this.#end).toLowerCase() === '(fwd)') {
        this.#end -= 5;
        this.#reply = true;
      } else return;
    }
  }

  /** (3) and (4): one subj-leader, or the blobs that stand in front; false when there is nothing to take. */
  #leader(): boolean {
    if (this.#start < this.#end && this.#text[this.#start] === ' ') {
      this.#start++;
      return true;
    }
    const blobs = this.#blobs();
    const afterBlobs = blobs.at(-1) ?? this.#start;
    const refwd = this.#match(REFWD, afterBlobs);
    if (refwd !== -1) {
      this.#start = refwd;
      this.#reply = true;
      return true;
    }
    // Blobs are taken as long as something stays: the last one is the subject if it is all that is left.
    const kept = afterBlobs < this.#end ? afterBlobs : (blobs.at(-2) ?? this.#start);
    if (kept === this.#start) return false;
    this.#start = kept;
    return true;
  }

  /** Where each of the blobs ends that stand at the start, one after the other. */
  #blobs(): number[] {
    const ends: number[] = [];
    for (let at = this.#match(BLOB, this.#start); at !== -1; at = this.#match(BLOB, at)) ends.push(at);
    return ends;
  }

  /** (6) `[fwd: ... ]` around everything. */
  #forward(): boolean {
    const inner = this.#match(FORWARD, this.#start);
    if (inner === -1 || inner >= this.#end || this.#text[this.#end - 1] !== ']') return false;
    this.#start = inner;
    this.#end--;
    this.#reply = true;
    return true;
  }

  /** Where a match that begins at `at` ends, or -1; it must end within what is left. */
  #match(pattern: RegExp, at: number): number {
    pattern.lastIndex = at;
    return pattern.test(this.#text) && pattern.lastIndex <= this.#end ? pattern.lastIndex : -1;
  }
}
