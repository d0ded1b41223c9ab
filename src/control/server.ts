// The running server's end of DATA/control.sock: commands of the program arrive here, one a connection, and run beside
// the store. Whoever may open the socket (mode 0600) is the administrator.

import { chmodSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as setTimeoutPromise } from 'node:timers/promises';
import { Refused } from '../commands/command.ts';
import { COMMANDS, loadCommand, PARTS } from '../commands/table.ts';
import { version } from '../version.ts';
import { reasonOf } from './errors.ts';
import type { Host } from './host.ts';
import { pieceOfLine, pieceToLine, REQUEST_LINE, readLines, writeLine } from './lines.ts';
import { socketPath } from './path.ts';
import { PieceQueue, type Wire } from './wire.ts';

/** Commands at once: an administrator's scripts, not a service. */
const MAX_CONNECTIONS = 32;

/** A client that has connected says what it wants within this. */
const REQUEST_MS = 10_000;

/** A client that has its reply closes within this. */
const LINGER_MS = 2_000;

/** A command that is told to stop ends within this, or is left behind. */
const SETTLE_MS = 5_000;

/** Listens on DATA/control.sock; disposing ends the commands in hand. DATA/lock must be held. */
export async function serveControl(host: Host): Promise<AsyncDisposable> {
  const path = join(host.config.data, 'control.sock');
  rmSync(path, { force: true }); // left by a server that was killed; the lock says that none is alive
  const stopping = new AbortController();
  const sockets = new Set<Promise<void>>();
  const server = createServer((socket) => {
    const done = answer(socket, host, stopping.signal).catch((error: unknown) => {
      host.log.warn({ err: error }, 'a connection to the control socket failed');
    });
    sockets.add(done);
    void done.then(() => sockets.delete(done));
  });
  server.maxConnections = MAX_CONNECTIONS;
  await listenPrivately(server, host.config.data);
  chmodSync(path, 0o600);
  return {
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => server.close(resolve));
      stopping.abort();
      await Promise.all([closed, ...sockets]);
      rmSync(path, { force: true });
    },
  };
}

/** Binds with a mask that lets nobody else in, even for the moment before the mode is set. */
async function listenPrivately(server: Server, data: string): Promise<void> {
  using address = socketPath(data);
  const listening = Promise.withResolvers<void>();
  server.once('error', listening.reject);
  const mask = process.umask(0o177);
  try {
    server.listen(address.path, listening.resolve);
  } finally {
    process.umask(mask);
  }
  await listening.promise;
  server.off('error', listening.reject);
}

async function answer(socket: Socket, host: Host, stopping: AbortSignal): Promise<void> {
  socket.on('error', () => {}); // each read and write reports it
  const hurry = (): void => void socket.destroy();
  const timer = setTimeout(hurry, REQUEST_MS);
  stopping.addEventListener('abort', hurry);
  try {
    const lines = readLines(socket, REQUEST_LINE);
    const request = await lines.next();
    clearTimeout(timer);
    stopping.removeEventListener('abort', hurry);
    if (request.done) return;
    const reply = await perform(request.value, socket, lines, host, stopping);
    if (!socket.writable) return; // the terminal has gone
    // The terminal closes once it has the reply; until then what it still sends is read, since closing on it would reset
    // the connection and lose the reply.
    const closed = new Promise((resolve) => socket.once('close', resolve));
    await writeLine(socket, reply);
    socket.end();
    await Promise.race([closed, setTimeoutPromise(LINGER_MS, undefined, { ref: false })]);
  } finally {
    clearTimeout(timer);
    stopping.removeEventListener('abort', hurry);
    socket.destroy();
  }
}

async function perform(
  request: Record<string, unknown>,
  socket: Socket,
  lines: AsyncGenerator<Record<string, unknown>>,
  host: Host,
  stopping: AbortSignal,
): Promise<Record<string, unknown>> {
  const { command: name, args, version: theirs } = request;
  if (theirs !== version()) {
    return {
      error: `the running server is version ${version()} and this is ${String(theirs)}: restart the server first`,
    };
  }
  const table = { ...COMMANDS, ...PARTS };
  const entry = typeof name === 'string' && Object.hasOwn(table, name) ? table[name] : undefined;
  const command = entry && (await loadCommand(entry));
  if (command?.kind !== 'store') return { error: `the server has no command ${JSON.stringify(name)}` };

  const gone = new AbortController();
  const signal = AbortSignal.any([stopping, gone.signal]);
  const incoming = new PieceQueue();
  void receive(lines, incoming).catch((error: unknown) => gone.abort(error));
  const stopped = Promise.withResolvers<never>();
  signal.addEventListener('abort', () => {
    const reason = new Refused(stopping.aborted ? 'the server is stopping' : 'the command was interrupted');
    incoming.fail(reason);
    stopped.reject(reason);
  });
  const wire: Wire = {
    send: (piece) => writeLine(socket, pieceToLine(piece)),
    end: () => writeLine(socket, { end: true }),
    received: incoming,
    progress: (text) => void writeLine(socket, { progress: text }).catch((error: unknown) => gone.abort(error)),
    signal,
  };
  let running: Promise<unknown> = Promise.resolve();
  try {
    await writeLine(socket, { begun: true });
    host.log.info({ command: name }, 'a command on the control socket');
    running = command.run(host, args, wire);
    const result = await Promise.race([running, stopped.promise]);
    return { result: result ?? null };
  } catch (error) {
    const reason = reasonOf(error);
    if (reason.unexpected) host.log.error({ err: error, command: name }, 'a command on the control socket failed');
    return { error: reason.text };
  } finally {
    stopped.promise.catch(() => {}); // nobody waits for it any more
    // The store is not closed under a command that is about to end.
    await Promise.race([Promise.allSettled([running]), setTimeoutPromise(SETTLE_MS, undefined, { ref: false })]);
  }
}

/** Hands on what the terminal sends; ends with an error if the connection does before the command. */
async function receive(lines: AsyncGenerator<Record<string, unknown>>, incoming: PieceQueue): Promise<void> {
  for (;;) {
    const next = await lines.next();
    if (next.done) throw new Error('the terminal is gone');
    const piece = pieceOfLine(next.value);
    if (piece !== undefined) await incoming.offer(piece);
    else if (next.value.end === true) incoming.end();
    else throw new Error('a line on the control socket is of no kind known');
  }
}
