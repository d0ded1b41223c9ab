// A message in counted chunks (BDAT, RFC 3030 2): no 354 is waited for, and a small message goes together with MAIL and RCPT.
// Its lines end in CR LF, as with DATA: nothing binary is ever sent.

import { Disconnected } from '#protocols/net/connection.ts';
import { DotStuffer } from './dots.ts';
import { CHUNK_FAULT_MS, CHUNK_FAULTS, CHUNK_OCTETS, CHUNKS_WAITING } from './limits.ts';
import type { ServerReply } from './reply.ts';
import { type Session, SessionFailure } from './session.ts';

/** Some octets of a message, in pieces. */
export interface Chunk {
  readonly pieces: readonly Uint8Array[];
  readonly octets: number;
  readonly last: boolean;
}

/** The message in chunks of about so many octets; the last one, if it has to be, empty. */
export async function* chunksOf(content: AsyncIterable<Uint8Array>, octets: number): AsyncGenerator<Chunk> {
  const lines = new DotStuffer({ dots: false });
  let pieces: Uint8Array[] = [];
  let held = 0;
  const take = (piece: Uint8Array) => {
    pieces.push(piece);
    held += piece.length;
  };
  for await (const bytes of content) {
    for (const piece of lines.encode(bytes)) take(piece);
    if (held < octets) continue;
    yield { pieces, octets: held, last: false };
    pieces = [];
    held = 0;
  }
  take(Buffer.from(lines.end()));
  yield { pieces, octets: held, last: true };
}

/** Writes a chunk; it goes with the next wait for a reply. */
export function sendChunk(session: Session, { pieces, octets, last }: Chunk): void {
  session.send(`BDAT ${octets}${last ? ' LAST' : ''}`);
  for (const piece of pieces) session.connection.out.bytes(piece);
}

/**
 * Sends a message in chunks, ahead of their replies where the server allows it, and gives what is said to the last, or
 * to the one that was refused: then no more is sent (RFC 3030 2).
 */
export async function sendChunks(session: Session, content: AsyncIterable<Uint8Array>): Promise<ServerReply> {
  const { connection, limits } = session;
  const ahead = session.extensions.has('PIPELINING') ? CHUNKS_WAITING : 1;
  let waiting = 0;
  let reply: ServerReply | null = null;
  const late = setTimeout(() => connection.destroy(), limits.contentMs);
  try {
    for await (const chunk of chunksOf(content, CHUNK_OCTETS)) {
      if (waiting === ahead) {
        reply = await session.reply(limits.endMs);
        waiting--;
        if (reply.code >= 300) break;
      }
      sendChunk(session, chunk);
      waiting++;
      if (connection.congested) await connection.drain();
    }
  } catch (error) {
    // Without its last chunk nothing counts; the connection can't be used any more.
    connection.destroy();
    if (!(error instanceof Disconnected)) throw error;
    const text = 'the connection broke off in the message';
    throw new SessionFailure('lost', { code: 451, enhanced: '4.4.2', text });
  } finally {
    clearTimeout(late);
  }
  for (; waiting > 0; waiting--) {
    const next = await session.reply(limits.endMs);
    if (reply === null || reply.code < 300) reply = next;
  }
  return reply as ServerReply;
}

/** It does not know what it has offered: it takes the message for commands. */
export function knowsNoChunks({ code }: ServerReply): boolean {
  return code >= 500 && code <= 504;
}

/** Servers that offer chunks and break on them; each gets DATA for a day. */
export class ChunkFaults {
  readonly #until = new Map<string, number>();

  note(server: string): void {
    this.#until.delete(server);
    this.#until.set(server, performance.now() + CHUNK_FAULT_MS);
    const [oldest] = this.#until.keys();
    if (this.#until.size > CHUNK_FAULTS && oldest !== undefined) this.#until.delete(oldest);
  }

  has(server: string): boolean {
    return (this.#until.get(server) ?? 0) > performance.now();
  }
}
