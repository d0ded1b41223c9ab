// The POP3 server of one thread.
import type { Socket } from 'node:net';
import { Connection, peerOf } from '../net/connection.ts';
import { OutputBuffers } from '../net/output-buffers.ts';
import type { Source } from '../net/proxy.ts';
import type { ProtocolContext, ProtocolServer } from '../ports.ts';
import { CLOSE_MS } from './limits.ts';
import { ReadyReplies } from './ready.ts';
import { Session } from './session.ts';

/** Serves POP3 (RFC 1939 and what docs/protocols.md lists) on the sockets it is given; `closeMs` is for tests. */
export function createPop3Server(context: ProtocolContext, closeMs: number = CLOSE_MS): ProtocolServer {
  return new Pop3Server(context, closeMs);
}

class Pop3Server implements ProtocolServer {
  readonly #context: ProtocolContext;
  readonly #closeMs: number;
  readonly #buffers = new OutputBuffers();
  readonly #ready = new ReadyReplies(this.#buffers);
  readonly #sessions = new Map<Session, Promise<void>>();
  #closing = false;

  constructor(context: ProtocolContext, closeMs: number) {
    this.#context = context;
    this.#closeMs = closeMs;
  }

  accept(socket: Socket, secure: boolean, source?: Source): void {
    const peer = peerOf(socket, this.#context.trusted, source);
    if (peer === undefined || this.#closing) {
      socket.destroy();
      return;
    }
    const session = new Session(new Connection(socket, peer, secure, this.#buffers), this.#context, this.#ready);
    this.#context.metrics.connection('pop3', 1);
    this.#sessions.set(session, this.#serve(session));
  }

  async #serve(session: Session): Promise<void> {
    await session.run();
    this.#sessions.delete(session);
    this.#context.metrics.connection('pop3', -1);
  }

  async close(): Promise<void> {
    this.#closing = true;
    const running = [...this.#sessions];
    for (const [session] of running) session.stop();
    const late = setTimeout(() => {
      for (const session of this.#sessions.keys()) session.connection.destroy();
    }, this.#closeMs);
    await Promise.all(running.map(([, done]) => done));
    clearTimeout(late);
  }

  get connections(): number {
    return this.#sessions.size;
  }
}
