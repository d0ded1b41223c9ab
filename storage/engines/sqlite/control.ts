// Requests between the threads of one store: to the one with a role (the background thread: hold this file open, run
// this bulk operation; the search thread: find this text), and to every thread (close this account's file, it is being replaced). Carried by a channel (storage/broadcast.ts), which needs no
// port handed from thread to thread; they are rare, so that all see all of them costs nothing.

import { Broadcast } from '../../broadcast.ts';
import { StoreError, type StoreErrorCode } from '../../errors.ts';
import { ROLES, type Role, type StoreShared } from './shared.ts';

/** How long all threads may take to let go of a file, ms: an operation in hand ends first, and bulk ones take seconds. */
const ALL_BOUND = 30_000;

interface Request {
  readonly to: number;
  readonly from: number;
  readonly id: number;
  readonly kind: string;
  readonly body: unknown;
}

interface Reply {
  readonly to: number;
  readonly id: number;
  readonly body?: unknown;
  readonly failure?: { readonly code: StoreErrorCode; readonly message: string };
}

type Handler = (body: never) => unknown;
type Pending = { readonly resolve: (body: unknown) => void; readonly reject: (error: StoreError) => void };

/** One thread's end. */
export class Control {
  /** This member's number, unique in the process's life. */
  readonly id: number;
  readonly #members: Int32Array;
  readonly #place: number;
  readonly #roles: Int32Array;
  readonly #channel: Broadcast<Request | Reply>;
  readonly #handlers = new Map<string, Handler>();
  readonly #pending = new Map<number, Pending>();
  #lastRequest = 0;

  constructor(shared: StoreShared) {
    const numbers = new Int32Array(shared.numbers);
    this.id = Atomics.add(numbers, 0, 1) + 1;
    this.#roles = new Int32Array(shared.roles);
    this.#members = new Int32Array(shared.members);
    this.#place = this.#join();
    this.#channel = new Broadcast(`${shared.name}-control`, (message) => this.#receive(message));
  }

  /** What to do with requests of a kind; the reply is what the handler returns or throws. */
  handle<B>(kind: string, handler: (body: B) => unknown): void {
    this.#handlers.set(kind, handler as Handler);
  }

  /** From now on this member is the one that has the role. */
  become(role: Role): void {
    Atomics.store(this.#roles, ROLES.indexOf(role), this.id);
  }

  /** Is there a member with this role? */
  has(role: Role): boolean {
    return this.#member(role) !== 0;
  }

  /** Asks the member with a role. Errors: what its handler threw; unavailable if there is none. */
  ask(kind: string, body: unknown, role: Role = 'background'): Promise<unknown> {
    const to = this.#member(role);
    if (to === 0) return Promise.reject(new StoreError('unavailable', `the ${role} thread is not running`));
    return to === this.id ? this.#askOneself(kind, body) : this.#request(to, kind, body);
  }

  /** Tells the member with a role, without a reply. */
  tell(kind: string, body: unknown, role: Role = 'background'): void {
    const to = this.#member(role);
    // A channel does not deliver to the one that sends.
    if (to === this.id) void this.#answer(kind, body);
    else if (to !== 0) this.#channel.tell({ to, from: 0, id: 0, kind, body } satisfies Request);
  }

  /** Asks every other member and waits for all. Errors: busy if one does not answer in time. */
  async askAll(kind: string, body: unknown): Promise<void> {
    const members = [...this.#members].filter((member) => member !== 0 && member !== this.id);
    const late = new StoreError('busy', `a thread did not answer ${kind} within ${ALL_BOUND} ms`);
    let timer: NodeJS.Timeout | undefined;
    const bound = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(late), ALL_BOUND);
    });
    try {
      await Promise.race([bound, Promise.all(members.map((to) => this.#request(to, kind, body)))]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** The number of members, this one included. */
  members(): number {
    return this.#members.filter((member) => member !== 0).length;
  }

  close(): void {
    for (const role of ROLES.keys()) Atomics.compareExchange(this.#roles, role, this.id, 0);
    Atomics.store(this.#members, this.#place, 0);
    const closed = new StoreError('closed', 'the store is closed');
    for (const pending of this.#pending.values()) pending.reject(closed);
    this.#pending.clear();
    this.#channel.close();
  }

  #member(role: Role): number {
    return Atomics.load(this.#roles, ROLES.indexOf(role));
  }

  #join(): number {
    for (let place = 0; place < this.#members.length; place++) {
      if (Atomics.compareExchange(this.#members, place, 0, this.id) === 0) return place;
    }
    throw new StoreError('limit', `more than ${this.#members.length} threads on one store`);
  }

  async #askOneself(kind: string, body: unknown): Promise<unknown> {
    const { body: reply, failure } = await this.#answer(kind, body);
    if (failure !== undefined) throw new StoreError(failure.code, failure.message);
    return reply;
  }

  #request(to: number, kind: string, body: unknown): Promise<unknown> {
    const id = ++this.#lastRequest;
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    this.#pending.set(id, { resolve, reject });
    this.#channel.ref();
    this.#channel.tell({ to, from: this.id, id, kind, body } satisfies Request);
    return promise;
  }

  #receive(message: Request | Reply): void {
    if (message.to !== this.id) return;
    if ('kind' in message) void this.#serve(message);
    else this.#settle(message);
  }

  async #serve({ from, id, kind, body }: Request): Promise<void> {
    const reply = await this.#answer(kind, body);
    if (from !== 0) this.#channel.tell({ to: from, id, ...reply } satisfies Reply);
  }

  async #answer(kind: string, body: unknown): Promise<Pick<Reply, 'body' | 'failure'>> {
    try {
      const handler = this.#handlers.get(kind);
      if (handler === undefined) throw new StoreError('unavailable', `nobody handles ${kind}`);
      return { body: await handler(body as never) };
    } catch (error) {
      if (error instanceof StoreError) return { failure: { code: error.code, message: error.message } };
      return { failure: { code: 'unavailable', message: error instanceof Error ? `${error.stack}` : String(error) } };
    }
  }

  #settle({ id, body, failure }: Reply): void {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    if (this.#pending.size === 0) this.#channel.unref();
    if (failure === undefined) pending?.resolve(body);
    else pending?.reject(new StoreError(failure.code, failure.message));
  }
}
