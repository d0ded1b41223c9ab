// What passes between a command's two halves while it runs: the one at the terminal and the one beside the store. In one
// process it is a pair of short queues, over the control socket a stream of lines; neither half can tell.

/** Bytes, or a JSON object. */
export type Piece = Uint8Array | Readonly<Record<string, unknown>>;

/** One half's end. */
export interface Wire {
  /** Resolves when the next piece may be sent: that is the back-pressure. */
  send(piece: Piece): Promise<void>;
  /** No more pieces from here. */
  end(): Promise<void>;
  /** What the other half sends, until it ends. */
  readonly received: AsyncIterable<Piece>;
  /** A line about how far it is, for the terminal's standard error. */
  progress(text: string): void;
  /** Aborted when the other half is gone. */
  readonly signal: AbortSignal;
}

/** Pieces that may wait in a queue before its sender waits; a piece of bytes is at most PIECE_BYTES. */
const QUEUE_PIECES = 16;

/** The most bytes in one piece: a line of the control socket stays well under its limit. */
export const PIECE_BYTES = 64 * 1024;

/** A short queue of pieces from one sender to one receiver. */
export class PieceQueue {
  readonly #pieces: Piece[] = [];
  #state: 'open' | 'ended' | { readonly failure: unknown } = 'open';
  #changed = Promise.withResolvers<void>();

  /** Resolves when there is room for the next. */
  async push(piece: Piece): Promise<void> {
    this.#mustBeOpen();
    await this.offer(piece);
    this.#mustBeOpen();
  }

  /** As push, for a sender that can't be told: what arrives after a failure is dropped. */
  async offer(piece: Piece): Promise<void> {
    if (this.#state !== 'open') return;
    this.#pieces.push(piece);
    this.#wake();
    while (this.#pieces.length >= QUEUE_PIECES && this.#state === 'open') await this.#changed.promise;
  }

  end(): void {
    if (this.#state === 'open') this.#state = 'ended';
    this.#wake();
  }

  /** Both ends fail from now on, with what is queued lost. */
  fail(failure: unknown): void {
    if (this.#state === 'open') this.#state = { failure };
    this.#wake();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Piece, void> {
    for (;;) {
      if (typeof this.#state === 'object') throw this.#state.failure;
      const piece = this.#pieces.shift();
      if (piece !== undefined) {
        this.#wake();
        yield piece;
      } else if (this.#state === 'ended') return;
      else await this.#changed.promise;
    }
  }

  #mustBeOpen(): void {
    if (typeof this.#state === 'object') throw this.#state.failure;
  }

  #wake(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }
}

/** Both ends of a wire within this process. */
export function localWire(onProgress: (text: string) => void): {
  readonly terminal: Wire;
  readonly store: Wire;
  fail(failure: unknown): void;
} {
  const up = new PieceQueue();
  const down = new PieceQueue();
  const abort = new AbortController();
  const end = (mine: PieceQueue, theirs: PieceQueue): Wire => ({
    send: (piece) => mine.push(piece),
    end: async () => mine.end(),
    received: theirs,
    progress: onProgress,
    signal: abort.signal,
  });
  return {
    terminal: end(up, down),
    store: end(down, up),
    fail(failure) {
      up.fail(failure);
      down.fail(failure);
      abort.abort(failure);
    },
  };
}

/**
 * Waits for both halves. When one fails the other is failed too, and the first failure is what is thrown.
 * `fail` must make both halves end.
 */
export async function bothHalves<R>(
  run: Promise<R>,
  attend: Promise<void>,
  fail: (cause: unknown) => void,
): Promise<R> {
  const causes: unknown[] = [];
  const failed = (cause: unknown): void => {
    causes.push(cause);
    fail(cause);
  };
  run.catch(failed);
  attend.catch(failed);
  const [result] = await Promise.allSettled([run, attend]);
  if (result.status === 'rejected' || causes.length > 0) throw causes[0];
  return result.value;
}
