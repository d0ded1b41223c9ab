// The terminal's end of DATA/control.sock: hands one command to the running server.

import { connect, type Socket } from 'node:net';
import { type Attempt, Refused, type Terminal } from '../commands/command.ts';
import { version } from '../version.ts';
import { ANSWER_LINE, pieceOfLine, pieceToLine, readLines, writeLine } from './lines.ts';
import { socketPath } from './path.ts';
import { bothHalves, PieceQueue, type Wire } from './wire.ts';

/** Codes that say: no server is there now. */
const NOBODY = ['ENOENT', 'ENOTDIR', 'ECONNREFUSED'];

/** A connection to the server of a data directory, or undefined if none runs. */
export async function connectControl(data: string): Promise<Socket | undefined> {
  using address = socketPath(data);
  const socket = connect(address.path);
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('error', reject);
    });
    return socket;
  } catch (error) {
    socket.destroy();
    const { code } = error as NodeJS.ErrnoException;
    if (code !== undefined && NOBODY.includes(code)) return undefined;
    if (code === 'EACCES') {
      throw new Refused(`a server runs on ${data}, and only the user it runs as may command it (sudo -u posthuis ...)`);
    }
    throw error;
  }
}

/** The server closed the connection before it began: it is stopping, and the command may be tried again. */
export class NotBegun extends Error {}

/** Runs one command in the server at the other end. */
export async function runRemotely<A, R>(
  socket: Socket,
  name: string,
  attempt: Attempt<A, R>,
  terminal: Terminal,
): Promise<R> {
  socket.on('error', () => {}); // each read and write reports it
  const incoming = new PieceQueue();
  const gone = new AbortController();
  const lines = readLines(socket, ANSWER_LINE);
  try {
    await writeLine(socket, { command: name, version: version(), args: attempt.args }).catch(() => {});
    const first = await lines.next().catch(() => ({ done: true as const, value: undefined }));
    if (first.done) throw new NotBegun();
    if (first.value.begun !== true) throw new Refused(String(first.value.error));
    const wire: Wire = {
      send: (piece) => writeLine(socket, pieceToLine(piece)),
      end: () => writeLine(socket, { end: true }),
      received: incoming,
      progress: (text) => terminal.note(text),
      signal: gone.signal,
    };
    const answer = readAnswer<R>(lines, incoming, terminal);
    // Where the server refuses while we still send, sending fails too: what the server said is the cause.
    const attending = (attempt.attend?.(wire) ?? Promise.resolve()).catch(async (error: unknown) => {
      if (socket.destroyed || (error as NodeJS.ErrnoException).code === 'EPIPE') await answer;
      throw error;
    });
    return await bothHalves(answer, attending, (cause) => {
      incoming.fail(cause);
      gone.abort(cause);
      socket.destroy();
    });
  } finally {
    socket.destroy();
  }
}

async function readAnswer<R>(
  lines: AsyncGenerator<Record<string, unknown>>,
  incoming: PieceQueue,
  terminal: Terminal,
): Promise<R> {
  for (;;) {
    // A connection that breaks is one that ends.
    const next = await lines.next().catch(() => ({ done: true as const, value: undefined }));
    if (next.done) {
      throw new Refused('the server ended before it answered; it is not known how much of the command was done');
    }
    const line = next.value;
    const piece = pieceOfLine(line);
    if (piece !== undefined) await incoming.push(piece);
    else if (line.end === true) incoming.end();
    else if (typeof line.progress === 'string') terminal.note(line.progress);
    else if (typeof line.error === 'string') throw new Refused(line.error);
    else if ('result' in line) {
      incoming.end();
      return line.result as R;
    }
  }
}
