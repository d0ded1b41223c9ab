// Reads what `strace -f -yy -xx` wrote: each system call as it is entered and as it returns, in the order of the file.
// With -xx every byte of a path or of data is `\xNN`, so nothing in a string can be taken for syntax.
import { createReadStream } from 'node:fs';

/** One system call with its arguments as far as the model needs them. */
export interface Call {
  /** The line on which it was entered. */
  readonly line: number;
  readonly thread: number;
  readonly name: string;
  readonly args: readonly Argument[];
}

/** A word (number, constant, flags), a string's bytes, a descriptor with what it stands for, or a list of those. */
export type Argument =
  | { readonly kind: 'word'; readonly word: string }
  | { readonly kind: 'bytes'; readonly bytes: Buffer }
  | { readonly kind: 'descriptor'; readonly fd: number; readonly target: string }
  | { readonly kind: 'vector'; readonly parts: readonly Buffer[] };

export interface TraceHandler {
  enter(call: Call, line: number): void;
  /** `result` is the returned number, negative for an error. */
  exit(call: Call, result: number, line: number): void;
  /** Called now and then: reading goes on when it resolves, unless that was `enough`. */
  pause?(): Promise<'enough' | 'more'>;
}

const UNFINISHED = Buffer.from(' <unfinished ...>');
const RESUMED = Buffer.from(' resumed>');

/** Reads a trace and hands every call to the handler; resolves with the number of lines read. */
export async function readTrace(file: string, handler: TraceHandler): Promise<number> {
  const reader = new TraceReader(handler);
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of createReadStream(file, { highWaterMark: 4 << 20 }) as AsyncIterable<Buffer>) {
    let data: Buffer = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    for (;;) {
      const end = data.indexOf(10);
      if (end < 0) break;
      reader.read(data.subarray(0, end));
      data = data.subarray(end + 1);
    }
    rest = data;
    if ((await handler.pause?.()) === 'enough') break;
  }
  return reader.line;
}

class TraceReader {
  line = 0;
  readonly #handler: TraceHandler;
  readonly #unfinished = new Map<number, Call>();

  constructor(handler: TraceHandler) {
    this.#handler = handler;
  }

  read(text: Buffer): void {
    this.line += 1;
    const handler = this.#handler;
    const space = text.indexOf(32);
    const thread = Number(text.toString('latin1', 0, space));
    let at = space;
    while (text[at] === 32) at += 1;
    if (text[at] === 43 || text[at] === 45) return; // +++ exited +++, --- SIGCHLD ---
    if (text[at] === 60) {
      const call = this.#unfinished.get(thread);
      if (call === undefined) throw new Error(`line ${this.line}: a call is resumed that was not entered`);
      this.#unfinished.delete(thread);
      handler.exit(call, resultOf(text, text.indexOf(RESUMED, at)), this.line);
      return;
    }
    const open = text.indexOf(40, at);
    const name = text.toString('latin1', at, open);
    const unfinished = text.length > UNFINISHED.length && text.subarray(-UNFINISHED.length).equals(UNFINISHED);
    const scanner = new Scanner(text, open + 1, unfinished ? text.length - UNFINISHED.length : text.length, this.line);
    const call: Call = { line: this.line, thread, name, args: scanner.arguments() };
    handler.enter(call, this.line);
    if (unfinished) this.#unfinished.set(thread, call);
    else handler.exit(call, resultOf(text, scanner.at), this.line);
  }
}

/** The number after the last " = " behind `from`. */
function resultOf(text: Buffer, from: number): number {
  const tail = text.toString('latin1', Math.max(from, 0));
  const match = /\)\s+= (-?\d+|0x[0-9a-f]+|\?)/.exec(tail);
  if (match === null) throw new Error(`no result in: ${tail.slice(0, 200)}`);
  return match[1] === '?' ? -1 : Number(match[1]);
}

/** The arguments of a call, from behind its opening parenthesis. */
class Scanner {
  at: number;
  readonly #text: Buffer;
  readonly #end: number;
  readonly #line: number;

  constructor(text: Buffer, at: number, end: number, line: number) {
    this.#text = text;
    this.at = at;
    this.#end = end;
    this.#line = line;
  }

  arguments(): Argument[] {
    const found: Argument[] = [];
    while (this.at < this.#end && this.#text[this.at] !== 41) {
      const byte = this.#text[this.at];
      if (byte === 44 || byte === 32) this.at += 1;
      else if (byte === 34) found.push({ kind: 'bytes', bytes: this.#string() });
      else if (byte === 91) found.push(this.#vector());
      else found.push(this.#word());
    }
    return found;
  }

  /** "\x41\x42"; one that strace cut short is an error: the recording needs a larger -s. */
  #string(): Buffer {
    const start = this.at + 1;
    const end = this.#text.indexOf(34, start);
    if (end < 0 || (end - start) % 4 !== 0) throw new Error(`line ${this.#line}: not a hexadecimal string`);
    if (this.#text[end + 1] === 46) throw new Error(`line ${this.#line}: strace cut the string short`);
    const bytes = Buffer.allocUnsafe((end - start) / 4);
    for (let i = 0, from = start + 2; i < bytes.length; i += 1, from += 4) {
      bytes[i] = (nibble(this.#text[from] as number) << 4) | nibble(this.#text[from + 1] as number);
    }
    this.at = end + 1;
    return bytes;
  }

  /** [{iov_base="...", iov_len=5}, ...], or any other list, of which only the strings are kept. */
  #vector(): Argument {
    const parts: Buffer[] = [];
    let depth = 0;
    while (this.at < this.#end) {
      const byte = this.#text[this.at];
      if (byte === 34) {
        parts.push(this.#string());
        continue;
      }
      if (byte === 91) depth += 1;
      if (byte === 93) depth -= 1;
      this.at += 1;
      if (depth === 0) break;
    }
    return { kind: 'vector', parts };
  }

  /** Up to the next comma or parenthesis outside brackets: a number, flags, a structure, or `5<what it is>`. */
  #word(): Argument {
    const start = this.at;
    while (this.at < this.#end) {
      const byte = this.#text[this.at];
      if (byte === 44 || byte === 41) break;
      if (byte === 60) {
        const fd = this.#text.toString('latin1', start, this.at);
        const target = this.#target();
        return { kind: 'descriptor', fd: fd === 'AT_FDCWD' ? -100 : Number(fd), target };
      }
      if (byte === 123 || byte === 40) this.#skipNested();
      else this.at += 1;
    }
    return { kind: 'word', word: this.#text.toString('latin1', start, this.at) };
  }

  /** <\x2f\x74...>, <TCP:[127.0.0.1:25->127.0.0.1:4711]>, <\x2f...<char 1:3>>, <...>(deleted) */
  #target(): string {
    const start = this.at + 1;
    const socket = /^(TCP|UDP|UNIX|NETLINK)/.test(this.#text.toString('latin1', start, start + 7));
    let depth = 0;
    let end = start;
    if (socket) {
      end = this.#text.indexOf(']>', start) + 1;
      this.at = end + 1;
    } else {
      for (this.at = start - 1; this.at < this.#end; this.at += 1) {
        const byte = this.#text[this.at];
        if (byte === 60) depth += 1;
        if (byte === 62) depth -= 1;
        if (depth === 0) break;
      }
      end = this.at;
      this.at += 1;
    }
    if (this.#text.toString('latin1', this.at, this.at + 9) === '(deleted)') this.at += 9;
    const text = this.#text.toString('latin1', start, end);
    return text.startsWith('\\x') ? unescaped(text) : text;
  }

  #skipNested(): void {
    let depth = 0;
    for (; this.at < this.#end; this.at += 1) {
      const byte = this.#text[this.at];
      if (byte === 123 || byte === 40) depth += 1;
      if (byte === 125 || byte === 41) depth -= 1;
      if (depth === 0) break;
    }
    this.at += 1;
  }
}

function nibble(byte: number): number {
  return byte < 58 ? byte - 48 : (byte | 32) - 87;
}

function unescaped(text: string): string {
  const bytes = [...text.matchAll(/\\x([0-9a-f]{2})/g)].map((match) => Number.parseInt(match[1] as string, 16));
  return Buffer.from(bytes).toString('utf8');
}
