// HTTP on sockets that the listeners hand over: one function answers a path with a text.
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Logger } from 'pino';
import type { ProtocolServer } from '../ports.ts';
import { HEADER_OCTETS, KEEP_ALIVE_MS, REQUEST_MS, REQUESTS_PER_CONNECTION } from './limits.ts';

// Not by `import`: a module's view of node:http has its WebSocket too, which loads all of fetch, 4 MB in each thread.
const { createServer } = process.getBuiltinModule('node:http');

/** An answer: always a whole, small text. */
export interface Answer {
  readonly status: number;
  readonly type: string;
  readonly text: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A plain text of one line. */
export function plainText(status: number, text: string, headers: Readonly<Record<string, string>> = {}): Answer {
  return { status, type: 'text/plain; charset=utf-8', text: `${text}\n`, headers };
}

/** Answers GET and HEAD. */
export function createTextServer(answer: Answering, log: Logger): ProtocolServer {
  return new TextServer(answer, log);
}

/** What is said to a path, without the query, at a host as it was asked for. */
export type Answering = (path: string, host: string) => Answer | Promise<Answer>;

class TextServer implements ProtocolServer {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #log: Logger;

  constructor(answer: Answering, log: Logger) {
    this.#log = log;
    this.#server = createServer(
      {
        maxHeaderSize: HEADER_OCTETS,
        headersTimeout: REQUEST_MS,
        requestTimeout: REQUEST_MS,
        keepAliveTimeout: KEEP_ALIVE_MS,
        connectionsCheckingInterval: REQUEST_MS,
      },
      (request, response) => void this.#respond(request, response, answer),
    );
    this.#server.maxRequestsPerSocket = REQUESTS_PER_CONNECTION;
  }

  accept(socket: Socket): void {
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    // Nothing to say for so long is a connection that only holds its place.
    socket.setTimeout(REQUEST_MS + KEEP_ALIVE_MS, () => socket.destroy());
    this.#server.emit('connection', socket);
  }

  async #respond(request: IncomingMessage, response: ServerResponse, answer: Answering): Promise<void> {
    // A body has no use here: it is read and dropped.
    request.resume();
    let said: Answer;
    try {
      const { method = '', url = '/' } = request;
      said =
        method === 'GET' || method === 'HEAD'
          ? await answer(url.split('?')[0] ?? '/', request.headers.host ?? '')
          : plainText(405, 'method not allowed', { Allow: 'GET, HEAD' });
    } catch (error) {
      this.#log.error({ err: error, path: request.url }, 'a request failed');
      said = plainText(500, 'internal error');
    }
    response.writeHead(said.status, {
      'Content-Type': said.type,
      'Content-Length': Buffer.byteLength(said.text),
      'Cache-Control': 'no-store',
      ...said.headers,
    });
    response.end(request.method === 'HEAD' ? undefined : said.text);
  }

  async close(): Promise<void> {
    // Answers are small and at once: what is still open after this is idle.
    const gone = [...this.#sockets].map(
      (socket) => new Promise<void>((resolve) => socket.once('close', () => resolve())),
    );
    this.#server.closeIdleConnections();
    for (const socket of this.#sockets) socket.destroySoon();
    await Promise.all(gone);
  }

  get connections(): number {
    return this.#sockets.size;
  }
}
