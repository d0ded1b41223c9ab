// Keeps a route within what its provider allows (F225): messages a minute by a window that slides, messages and recipients
// a day by what was counted of each hour, which outlives a restart.

import type { RouteLimits } from '#config/routes.ts';
import type { Queue } from '#storage/ports.ts';

const MINUTE = 60_000;
const HOUR = 3_600_000;
const DAY = 24 * HOUR;

export interface PaceParts {
  readonly lane: string;
  readonly limits: RouteLimits;
  readonly queue: Pick<Queue, 'used' | 'noteUse'>;
  /** Unix ms. */
  readonly now: () => number;
}

export class Pace {
  readonly #parts: PaceParts;
  /** When the messages of the last minute went. */
  #last: number[] = [];
  #turn: Promise<unknown> = Promise.resolve();

  constructor(parts: PaceParts) {
    this.#parts = parts;
  }

  /** Counts a message that goes now and resolves with null, or with the time at which one may go. */
  admit(recipients: number): Promise<number | null> {
    const admitted = this.#turn.then(() => this.#admit(recipients));
    this.#turn = admitted.catch(() => {}); // its caller hears of it
    return admitted;
  }

  /** One that was counted has not gone. */
  async takeBack(recipients: number): Promise<void> {
    const { lane, queue } = this.#parts;
    this.#last.pop();
    if (this.#daily) await queue.noteUse(lane, { messages: -1, recipients: -recipients });
  }

  get #daily(): boolean {
    const { limits } = this.#parts;
    return limits.messagesADay !== null || limits.recipientsADay !== null;
  }

  async #admit(recipients: number): Promise<number | null> {
    const { lane, limits, queue, now } = this.#parts;
    const time = now();
    this.#last = this.#last.filter((at) => at > time - MINUTE && at <= time);
    const [first] = this.#last;
    if (limits.messagesAMinute !== null && first !== undefined && this.#last.length >= limits.messagesAMinute) {
      return first + MINUTE;
    }
    if (this.#daily) {
      const until = await this.#today(recipients, time);
      if (until !== null) return until;
      // Counted before it goes: what is cut off may have arrived.
      await queue.noteUse(lane, { messages: 1, recipients });
    }
    this.#last.push(time);
    return null;
  }

  async #today(recipients: number, time: number): Promise<number | null> {
    const { lane, limits, queue } = this.#parts;
    const hours = await queue.used(lane, time - DAY);
    let messages = 1;
    let all = recipients;
    for (const hour of hours) {
      messages += hour.messages;
      all += hour.recipients;
    }
    const over =
      (limits.messagesADay !== null && messages > limits.messagesADay) ||
      (limits.recipientsADay !== null && all > limits.recipientsADay);
    const [oldest] = hours;
    return over && oldest !== undefined ? oldest.hour * HOUR + DAY + HOUR : null;
  }
}
