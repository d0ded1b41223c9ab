// The POP3 server of one thread.
import type { Socket } from 'node:net';
import { Connection, peerOf } from '../net/connection.ts';
import type { ProtocolContext, ProtocolServer } from '../ports.ts';
import { Session } from './session.ts';

/** Serves POP3 (RFC 1939 and what docs/protocols.md lists) on the sockets it is given. */
export function createPop3Server(context: ProtocolContext): ProtocolServer {
  return new Pop3Server(context);
}

class Pop3Server implements ProtocolServer {
  readonly #context: ProtocolContext;
  readonly #sessions = new Map<Session, Promise<void>>();
  #closing = false;

  constructor(context: ProtocolContext) {
    this.#context = context;
  }

  accept(socket: Socket, secure: boolean): void {
    const peer = peerOf(socket, this.#context.trusted);
    if (peer === undefined || this.#closing) {
      socket.destroy();
      return;
    }
    const session = new Session(new Connection(socket, peer, secure), this.#context);
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
    await Promise.all(running.map(([, done]) => done));
  }

  get connections(): number {
    return this.#sessions.size;
  }
}
