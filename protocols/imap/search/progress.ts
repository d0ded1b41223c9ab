// Tells how far a long command has come (RFC 9585): also so that a client does not take the connection for dead.

import { PROGRESS_MS } from '../limits.ts';
import type { Session } from '../session.ts';

export class Progress {
  readonly #session: Session;
  readonly #goal: number;
  #done = 0;
  #due = performance.now() + PROGRESS_MS;

  /** `goal`: how many messages are to be looked at. */
  constructor(session: Session, goal: number) {
    this.#session = session;
    this.#goal = goal;
  }

  /** So many more have been looked at: told from time to time. */
  add(count: number): void {
    this.#done += count;
    const done = this.#done;
    if (performance.now() < this.#due || done >= this.#goal) return;
    this.#due = performance.now() + PROGRESS_MS;
    const { tag, connection } = this.#session;
    // RFC 9585 4: a tag that could be taken for the code's end is not told.
    const name = tag.includes(']') ? 'NIL' : `"${tag}"`;
    connection.out.text(`* OK [INPROGRESS (${name} ${done} ${this.#goal})] Looking\r\n`);
    connection.flushSoon();
  }
}
