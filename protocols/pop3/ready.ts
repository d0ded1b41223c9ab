// Replies that are made before they are asked for: while a peer that retrieves in order works on one message, the server
// makes its next reply, which is then only to be sent.
import type { MessageId } from '#storage/ports.ts';
import type { OutputBuffers } from '../net/output-buffers.ts';
import { ReplyWriter } from '../net/reply-writer.ts';
import { READY_REPLIES } from './limits.ts';

/** The reply to RETR of one message. */
export interface ReadyReply {
  readonly message: MessageId;
  /** Its bytes, and the buffers that they lie in, which are given back when they are sent. */
  readonly pieces: readonly { readonly chunk: Buffer; readonly lent: Buffer | null }[];
}

/** Those of a server in one thread. */
export class ReadyReplies {
  readonly #buffers: OutputBuffers;
  #held = 0;

  constructor(buffers: OutputBuffers) {
    this.#buffers = buffers;
  }

  /** Makes one; null if there are too many, or if `write` says that it can't. Hand it to `send` or `drop`. */
  make(message: MessageId, write: (out: ReplyWriter) => boolean): ReadyReply | null {
    if (this.#held >= READY_REPLIES) return null;
    const pieces: { chunk: Buffer; lent: Buffer | null }[] = [];
    const out = new ReplyWriter((chunk, lent) => pieces.push({ chunk, lent }), this.#buffers);
    if (!write(out)) return null;
    out.flush();
    this.#held += 1;
    return { message, pieces };
  }

  send(reply: ReadyReply, out: ReplyWriter): void {
    this.#held -= 1;
    for (const { chunk, lent } of reply.pieces) out.hand(chunk, lent);
  }

  drop(reply: ReadyReply): void {
    this.#held -= 1;
    for (const { lent } of reply.pieces) if (lent !== null) this.#buffers.give(lent);
  }
}
