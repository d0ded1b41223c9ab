// Pieces of work that hold the thread for some ms (opening a file, its first write): one in a turn of the event loop, so
// that a hundred mailboxes that are needed at once don't add up.

import { setImmediate as eventLoopTurn } from 'node:timers/promises';

export class Pace {
  #last: Promise<void> = Promise.resolve();

  /** Resolves when it is the caller's turn: at once, or one turn of the event loop after the one who asked before. */
  next(): Promise<void> {
    const turn = this.#last;
    this.#last = turn.then(() => eventLoopTurn());
    return turn;
  }
}
