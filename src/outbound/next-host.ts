// A carrier that does not give up with its first mail host: who is put off there, or whose session broke off, is tried at
// the next one at once (RFC 5321 5.1), as Postfix does. Afterwards it is used up, so that the next message begins with the
// best host again.

import type { ServerReply } from '#protocols/smtp/client/reply.ts';
import { SessionFailure } from '#protocols/smtp/client/session.ts';
import type { Outgoing } from '#protocols/smtp/client/transaction.ts';
import { type Carried, type Carrier, NoRoute, type TlsNeed } from './carrier.ts';

/** `next` opens the way to the next host; rejects with NoRoute. */
export function withNextHost(first: Carrier, next: () => Promise<Carrier>): Carrier {
  return new TwoHosts(first, next);
}

class TwoHosts implements Carrier {
  readonly #first: Carrier;
  readonly #next: () => Promise<Carrier>;
  #second: Carrier | null = null;
  /** Everybody went on to the second. */
  #moved = false;

  constructor(first: Carrier, next: () => Promise<Carrier>) {
    this.#first = first;
    this.#next = next;
  }

  get need(): TlsNeed {
    return this.#first.need ?? 'usual';
  }

  get host(): string {
    if (this.#second === null) return this.#first.host;
    return this.#moved ? this.#second.host : `${this.#first.host}, then ${this.#second.host}`;
  }

  get tls(): string {
    return this.#moved ? (this.#second?.tls ?? '') : this.#first.tls;
  }

  get usable(): boolean {
    return this.#second === null && this.#first.usable;
  }

  get transcript(): Carrier['transcript'] {
    const both = [this.#first.transcript, ...(this.#second === null ? [] : [this.#second.transcript])];
    return {
      text: both.map(({ text }) => text).join(''),
      clear() {
        for (const one of both) one.clear();
      },
    };
  }

  async carry(outgoing: Outgoing): Promise<Carried> {
    let carried: Carried | SessionFailure;
    try {
      carried = await this.#first.carry(outgoing);
    } catch (error) {
      if (!(error instanceof SessionFailure)) throw error;
      carried = error;
    }
    const replies = carried instanceof SessionFailure ? null : carried.replies;
    const left = outgoing.recipients.map((_, i) => i).filter((i) => replies === null || isPutOff(replies, i));
    return (left.length === 0 ? null : await this.#carryOn(outgoing, carried, left)) ?? settled(carried);
  }

  async end(): Promise<void> {
    await Promise.all([this.#first.end(), this.#second?.end()]);
  }

  destroy(): void {
    this.#first.destroy();
    this.#second?.destroy();
  }

  /** What became of all once those that are left were tried at the next host; null if there is no way there. */
  async #carryOn(
    outgoing: Outgoing,
    before: Carried | SessionFailure,
    left: readonly number[],
  ): Promise<Carried | null> {
    let carried: Carried;
    try {
      this.#second = await this.#next();
      this.#moved = left.length === outgoing.recipients.length;
      const recipients = left.flatMap((i) => outgoing.recipients[i] ?? []);
      carried = await this.#second.carry({ ...outgoing, recipients });
    } catch (error) {
      if (error instanceof NoRoute) return null;
      if (!(error instanceof SessionFailure) || before instanceof SessionFailure) throw error;
      this.#moved = false; // what the first has said holds
      return null;
    }
    const [replies, dsn] = before instanceof SessionFailure ? [[], true] : [before.replies, before.dsn];
    const all = outgoing.recipients.map((_, i) => (left.includes(i) ? carried.replies[left.indexOf(i)] : replies[i]));
    return { replies: all as ServerReply[], dsn: dsn && carried.dsn };
  }
}

/** For now; one that is over the recipients of a transaction has its turn in the next (RFC 5321 4.5.3.1.10). */
function isPutOff(replies: readonly ServerReply[], i: number): boolean {
  const { code = 0, enhanced = '' } = replies[i] ?? {};
  const crowded = code === 452 && enhanced === '4.5.3' && replies.some((reply) => reply.code < 300);
  return code >= 400 && code < 500 && !crowded;
}

function settled(carried: Carried | SessionFailure): Carried {
  if (carried instanceof SessionFailure) throw carried;
  return carried;
}
