// Small pieces of mail packed with zstd at once, in a row's form: header blocks, and bodies that lie in the database.
//
// node:zlib makes a zstd context for every call and throws it away, which costs several times the work on a small piece.
// So each thread keeps one context to pack and one to unpack, by way of the handles inside node:zlib's streams. Those
// are not documented: the contexts prove themselves when they are made, and where they do not the documented calls do
// the same. What a kept context can't finish the documented call does too, or it says what is wrong with it.

import { constants, createZstdCompress, createZstdDecompress } from 'node:zlib';
import type { Span } from '../ports.ts';
import { undoingBase64 } from './base64-runs.ts';
import { readDictionaries } from './dictionaries.ts';
import { DICTIONARY_BYTES, INLINE_BYTES } from './limits.ts';
import { compress, decompress, roomFor, SMALL_PARAMETERS } from './zstd.ts';

/** Packs and unpacks one kind of piece, at once. */
export interface Packer {
  /** True while contexts are kept; false where every call makes its own. */
  readonly kept: boolean;
  /** Packed with a checksum, in memory of its own. */
  pack(plain: Uint8Array): Uint8Array;
  /** Throws if it is damaged, is followed by anything, or has more than `maxBytes` plain bytes. */
  unpack(packed: Uint8Array, maxBytes: number): Uint8Array;
  /**
   * As `unpack`, for a reader that only looks: what it is given is overwritten when it has returned. With `spans` it
   * looks at no bytes but those: the others need not be there.
   */
  look<T>(packed: Uint8Array, maxBytes: number, reader: (plain: Uint8Array) => T, spans?: readonly Span[]): T;
}

/** Those of a thread. */
export interface Packers {
  readonly header: Packer;
  readonly body: Packer;
}

/**
 * The packers of a thread, each made when it is first used: its contexts take a megabyte, and not every thread has mail
 * to pack. `notKept` is told when one has none.
 */
export function createPackers(notKept: () => void = () => {}): Packers {
  const dictionaries = readDictionaries();
  const made: Partial<Record<keyof Packers, Packer>> = {};
  const packer = (kind: keyof Packers) => {
    const found = made[kind];
    if (found !== undefined) return found;
    const created = createPacker(dictionaries[kind]);
    if (!created.kept) notKept();
    const packing = kind === 'body' ? undoingBase64(created) : created;
    made[kind] = packing;
    return packing;
  };
  return {
    get header() {
      return packer('header');
    },
    get body() {
      return packer('body');
    },
  };
}

/** With node:zlib's documented calls alone. */
export function plainPacker(dictionary: Uint8Array): Packer {
  return {
    kept: false,
    pack: (plain) => compress(plain, plain.length > DICTIONARY_BYTES ? null : dictionary),
    unpack: (packed, maxBytes) => decompress(packed, maxBytes, dictionary),
    look: (packed, maxBytes, reader) => reader(decompress(packed, maxBytes, dictionary)),
  };
}

/** What makes a stream of node:zlib; tests hand in others. */
export interface ZstdStreams {
  /** `null`: for pieces longer than DICTIONARY_BYTES. Unpacked with the dictionary, they do not refer to it. */
  readonly compressing: (dictionary: Uint8Array | null) => object;
  readonly decompressing: (dictionary: Uint8Array) => object;
}

const STREAMS: ZstdStreams = {
  compressing: (dictionary) =>
    createZstdCompress({ params: SMALL_PARAMETERS, ...(dictionary === null ? {} : { dictionary }) }),
  // A frame that wants a larger window is none of those that these contexts pack.
  decompressing: (dictionary) =>
    createZstdDecompress({ params: { [constants.ZSTD_d_windowLogMax]: Math.log2(INLINE_BYTES) }, dictionary }),
};

/** A packer with contexts of its own, or one without where this Node has none that can be kept. */
export function createPacker(dictionary: Uint8Array, streams: ZstdStreams = STREAMS): Packer {
  const plain = plainPacker(dictionary);
  try {
    const packer = new KeptPacker(dictionary, plain, streams);
    return proves(packer, plain) ? packer : plain;
  } catch {
    // Whatever the handles did instead, they are not what this file takes them for.
    return plain;
  }
}

/** Round trips in both directions, each twice, with something damaged between them. */
function proves(packer: KeptPacker, documented: Packer): boolean {
  return [DICTIONARY_BYTES >> 1, 2 * DICTIONARY_BYTES].every((bytes) => {
    const plain = Buffer.alloc(bytes, 'Received: from a by b; Received: from b by c; ', 'latin1');
    return provesWith(plain, packer, documented);
  });
}

function provesWith(plain: Buffer, packer: KeptPacker, documented: Packer): boolean {
  const packed = documented.pack(plain);
  const damaged = Buffer.from(packed).fill(0x55, packed.length >> 1);
  for (let round = 0; round < 2; round++) {
    const own = packer.packKept(plain);
    if (own === undefined || !plain.equals(documented.unpack(own, plain.length))) return false;
    const unpacked = packer.unpackKept(packed);
    if (unpacked === undefined || !plain.equals(unpacked)) return false;
    for (const wrong of [damaged, packed.subarray(0, -1)]) if (packer.unpackKept(wrong) !== undefined) return false;
  }
  return true;
}

/** The contexts of a thread, and the buffer that both write to. */
class KeptPacker implements Packer {
  readonly kept = true;
  /** No piece fills it: one that did might go on. */
  readonly #room = new Uint8Array(roomFor(INLINE_BYTES) + 1);
  readonly #documented: Packer;
  readonly #packing: Context;
  readonly #packingLong: Context;
  readonly #unpacking: Context;

  constructor(dictionary: Uint8Array, documented: Packer, streams: ZstdStreams) {
    this.#documented = documented;
    this.#packing = new Context(streams.compressing(dictionary));
    this.#packingLong = new Context(streams.compressing(null));
    this.#unpacking = new Context(streams.decompressing(dictionary));
  }

  pack(plain: Uint8Array): Uint8Array {
    // The tables that a context keeps grow with the largest piece that it has packed: with two of INLINE_BYTES the
    // packers of a thread measured 1.5 MB.
    return (plain.length > INLINE_BYTES ? undefined : this.packKept(plain)) ?? this.#documented.pack(plain);
  }

  unpack(packed: Uint8Array, maxBytes: number): Uint8Array {
    const plain = this.unpackKept(packed);
    return plain === undefined || plain.length > maxBytes ? this.#documented.unpack(packed, maxBytes) : plain;
  }

  look<T>(packed: Uint8Array, maxBytes: number, reader: (plain: Uint8Array) => T): T {
    const length = this.#unpacking.run(packed, this.#room);
    const kept = length >= 0 && length <= maxBytes;
    return reader(kept ? this.#room.subarray(0, length) : this.#documented.unpack(packed, maxBytes));
  }

  /** By the kept context alone; undefined if it can't. */
  packKept(plain: Uint8Array): Uint8Array | undefined {
    const context = plain.length > DICTIONARY_BYTES ? this.#packingLong : this.#packing;
    return this.#result(context.run(plain, this.#room));
  }

  unpackKept(packed: Uint8Array): Uint8Array | undefined {
    return this.#result(this.#unpacking.run(packed, this.#room));
  }

  /** A copy of exactly its size. */
  #result(length: number): Uint8Array | undefined {
    return length < 0 ? undefined : this.#room.slice(0, length);
  }
}

/** What is inside a stream of node:zlib, as far as it is used here. */
interface Handle {
  reset(): void;
  writeSync(
    flush: number,
    input: Uint8Array,
    inputAt: number,
    inputLength: number,
    output: Uint8Array,
    outputAt: number,
    outputLength: number,
  ): void;
  onerror: (message: string, errno: number, code: string) => void;
}

/** One zstd context. */
class Context {
  readonly #handle: Handle;
  /** After a step: the room that is left in the output, and the bytes that are left of the input. */
  readonly #state: Uint32Array;
  #failed = false;

  constructor(stream: object) {
    if (!('_handle' in stream && isHandle(stream._handle))) throw new Error('no handle of a stream that is known');
    if (!('_writeState' in stream && stream._writeState instanceof Uint32Array && stream._writeState.length === 2)) {
      throw new Error('no state of a stream that is known');
    }
    this.#handle = stream._handle;
    this.#state = stream._writeState;
    // The stream's own would destroy it; after a reset the context is as new.
    this.#handle.onerror = () => {
      this.#failed = true;
    };
  }

  /** Works through all of the input, and returns the length of the output; -1 if it fails or the output is full. */
  run(input: Uint8Array, output: Uint8Array): number {
    this.#failed = false;
    this.#handle.reset();
    this.#handle.writeSync(constants.ZSTD_e_end, input, 0, input.length, output, 0, output.length);
    const [room = 0, left = 0] = this.#state;
    return this.#failed || left > 0 || room === 0 ? -1 : output.length - room;
  }
}

function isHandle(value: unknown): value is Handle {
  if (typeof value !== 'object' || value === null) return false;
  return 'reset' in value && typeof value.reset === 'function' && 'writeSync' in value && 'onerror' in value;
}
