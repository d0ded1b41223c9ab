// A message on its way in: from the content of DATA into a staged body, with the limits kept and faults remembered
// until the end, since a peer only listens after its final dot.

import type { SmtpReply } from '#protocols/ports.ts';
import { StoreError } from '#storage/errors.ts';
import type { Staged, Staging } from '#storage/ports.ts';
import { DataReader, type Fault } from './data.ts';
import type { ContentReader } from './input.ts';
import { Reply } from './replies.ts';

const EMPTY = new Uint8Array(0);

const FAULTS: Record<Fault, SmtpReply> = {
  'bare-line-end': Reply.bareLineEnd,
  nul: Reply.nul,
  'long-line': Reply.longLine,
};

/** Reads content, with what was found wrong in it. */
export interface MessageReader extends ContentReader {
  readonly fault: Fault | null;
  finish(): Uint8Array;
}

export interface ReceptionOptions {
  /** Bare line ends, NUL and long lines are repaired, not refused. */
  readonly repair: boolean;
  /** See DataReader. */
  readonly dots: boolean;
  /** Every octet is data (RFC 3030 3). */
  readonly binary: boolean;
  readonly lineOctets: number;
  /** Bytes of the largest message. */
  readonly messageSize: number;
}

export class Reception {
  readonly reader: MessageReader;
  /** Octets of content so far, kept or not. */
  octets = 0;
  /** The staged body, until it is finished or has failed; then what follows is read and dropped. */
  #staging: Staging | null;
  #failure: SmtpReply | null = null;
  readonly #messageSize: number;
  /** What went wrong below, for the log. */
  cause: unknown = null;

  constructor(staging: Staging, options: ReceptionOptions) {
    this.#staging = staging;
    this.#messageSize = options.messageSize;
    this.reader = options.binary ? new OctetReader() : new DataReader(options);
  }

  /** Why the message will not be taken, as far as it is known; the rest of it need not come. */
  get failure(): SmtpReply | null {
    return this.reader.fault === null ? this.#failure : FAULTS[this.reader.fault];
  }

  /** Takes content; never rejects: what fails is told at the end. */
  take(content: Uint8Array): Promise<void> | void {
    this.octets += content.length;
    if (this.#staging === null) return;
    if (this.reader.fault !== null) return this.#fail(FAULTS[this.reader.fault]);
    if (this.octets > this.#messageSize) return this.#fail(Reply.tooLarge);
    try {
      return this.#staging.write(content)?.catch((error: unknown) => this.#broken(error));
    } catch (error) {
      return this.#broken(error);
    }
  }

  /** The end has come: the message, or why there is none. */
  async finish(): Promise<Staged | SmtpReply> {
    if (this.reader.fault !== null && this.#failure === null) await this.#fail(FAULTS[this.reader.fault]);
    const staging = this.#staging;
    if (staging === null) return this.#failure ?? Reply.temporary;
    try {
      const staged = await staging.finish();
      this.#staging = null;
      return staged;
    } catch (error) {
      await this.#broken(error);
      return this.#failure ?? Reply.temporary;
    }
  }

  /** The peer is gone, or the session is: nothing is kept. */
  async abort(): Promise<void> {
    await this.#fail(Reply.temporary);
  }

  async #broken(error: unknown): Promise<void> {
    this.cause = error;
    await this.#fail(storeReply(error));
  }

  async #fail(reply: SmtpReply): Promise<void> {
    this.#failure ??= reply;
    const staging = this.#staging;
    this.#staging = null;
    await staging?.[Symbol.asyncDispose]();
  }
}

/** Content that is counted and may be binary: all of it is taken as it is. */
class OctetReader implements MessageReader {
  content: Uint8Array = EMPTY;
  readonly ended = false;
  readonly fault = null;

  read(chunk: Uint8Array, from: number): number {
    this.content = chunk.subarray(from);
    return chunk.length;
  }

  finish(): Uint8Array {
    return EMPTY;
  }
}

/** What the peer is told of a failure of the store while a message is received. */
export function storeReply(error: unknown): SmtpReply {
  if (!(error instanceof StoreError)) return Reply.temporary;
  switch (error.code) {
    case 'limit':
      return Reply.tooLarge;
    case 'no-space':
      return Reply.noSpace;
    case 'busy':
      return Reply.tooMuchAtOnce;
    default:
      return Reply.temporary;
  }
}
