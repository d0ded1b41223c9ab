// A channel that all threads of the process hear. Node makes an event of each message that comes by a BroadcastChannel, and
// the class of that event is a part of its fetch, all of which the first message so loads: 35 to 50 ms and up to 17 MB in
// each thread that hears one. The port inside the channel gives a message as it is. That is not documented: where it is
// not as it is known here, events do the same.

import { BroadcastChannel, MessagePort } from 'node:worker_threads';

/** One thread's end of it; it keeps no thread alive, unless asked to. */
export class Broadcast<T> {
  /** True where no events are made. */
  readonly direct: boolean;
  readonly #channel: BroadcastChannel;
  #closed = false;

  /** `name`: the same on all threads. `hear` is given what others tell, never what is told here. */
  constructor(name: string, hear: (message: T) => void) {
    this.#channel = new BroadcastChannel(name);
    const heard = (message: unknown) => {
      if (!this.#closed) hear(message as T);
    };
    const port = portOf(this.#channel);
    this.direct = port !== undefined;
    if (port === undefined) this.#channel.onmessage = (event) => heard(event.data);
    else port.removeAllListeners('message').on('message', heard);
    this.#channel.unref();
  }

  /** Structured-cloneable. */
  tell(message: T): void {
    this.#channel.postMessage(message);
  }

  /** Something is awaited by it: it keeps the thread alive. */
  ref(): void {
    this.#channel.ref();
  }

  unref(): void {
    this.#channel.unref();
  }

  /** Nothing is heard after this. */
  close(): void {
    this.#closed = true;
    this.#channel.close();
  }
}

/** The port on which the channel itself, and nobody else, listens. */
function portOf(channel: BroadcastChannel): MessagePort | undefined {
  for (const key of Object.getOwnPropertySymbols(channel)) {
    const value: unknown = Reflect.get(channel, key);
    if (value instanceof MessagePort && value.listenerCount('message') === 1) return value;
  }
  return undefined;
}
