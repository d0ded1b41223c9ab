// Lines of JSON over a socket: one value a line, bounded, with back-pressure. Both ends of the control socket use it.

import type { Socket } from 'node:net';
import type { Piece } from './wire.ts';

/** The longest line: a piece of PIECE_BYTES in base64, or the arguments of a command, with room to spare. */
export const REQUEST_LINE = 1024 * 1024;

/** The longest answer: a listing of 100,000 accounts. */
export const ANSWER_LINE = 64 * 1024 * 1024;

/** Writes one value as a line; resolves when the system has taken it. */
export function writeLine(socket: Socket, value: unknown): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.write(`${JSON.stringify(value)}\n`, (error) => (error ? reject(error) : resolve()));
  });
}

/** The values of a socket's lines until it closes. A line that is too long or no JSON object is an error. */
export async function* readLines(socket: Socket, limit: number): AsyncGenerator<Record<string, unknown>, void> {
  let parts: Buffer[] = [];
  let length = 0;
  for await (const chunk of socket as AsyncIterable<Buffer>) {
    let rest = chunk;
    for (let end = rest.indexOf(10); end !== -1; end = rest.indexOf(10)) {
      parts.push(rest.subarray(0, end));
      yield parseLine(Buffer.concat(parts));
      rest = rest.subarray(end + 1);
      parts = [];
      length = 0;
    }
    parts.push(rest);
    length += rest.length;
    if (length > limit) throw new Error(`a line of more than ${limit} bytes on the control socket`);
  }
}

function parseLine(line: Buffer): Record<string, unknown> {
  const value: unknown = JSON.parse(line.toString());
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new Error('a line on the control socket is no JSON object');
  }
  return value as Record<string, unknown>;
}

/** A piece as a line holds it. */
export function pieceToLine(piece: Piece): Record<string, unknown> {
  return piece instanceof Uint8Array ? { bytes: Buffer.from(piece).toString('base64') } : { piece };
}

/** The piece of a line, if it holds one. */
export function pieceOfLine(line: Record<string, unknown>): Piece | undefined {
  if (typeof line.bytes === 'string') return Buffer.from(line.bytes, 'base64');
  return typeof line.piece === 'object' && line.piece !== null ? (line.piece as Piece) : undefined;
}
