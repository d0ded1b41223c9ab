// Takes the messages of one command as they come and stages them: none stands in memory whole, and none is kept unless
// the command is carried out.

import { StoreError } from '#storage/errors.ts';
import type { AppendEntry, Staged, Staging } from '#storage/ports.ts';
import { refusalOf } from '../errors.ts';
import { announcesMessage, type MessageHead, messageHead } from '../grammar/append-message.ts';
import { type Command, literalTimeout, type PendingLiteral } from '../grammar/command-reader.ts';
import { BadCommand, Refusal } from '../grammar/errors.ts';
import type { Scanner } from '../grammar/scanner.ts';
import { APPEND_INLINE_BYTES, APPEND_MESSAGES, IDLE_MS } from '../limits.ts';
import type { Session } from '../session.ts';

/** `await using`: what was staged is gone afterwards, appended or not. */
export class MessageReader implements AsyncDisposable {
  readonly #session: Session;
  readonly #staged = new AsyncDisposableStack();
  #scanner: Scanner;
  #pending: PendingLiteral | null;
  #head: MessageHead | null = null;
  /** Bytes of all messages so far, and those of them that stand in memory. */
  #bytes = 0;
  #inline = 0;

  /** `command`: its scanner stands before the first message. */
  constructor(session: Session, { scanner, pending }: Command) {
    this.#session = session;
    this.#scanner = scanner;
    this.#pending = pending;
  }

  /** Reads what stands before the next message: what is wrong there is told before anything else. */
  head(): void {
    this.#head = messageHead(this.#scanner);
    if (this.#pending === null || !this.#scanner.atPendingLiteral) throw new BadCommand('Expected a message literal');
  }

  /** The messages up to the end of the command (RFC 3502). */
  async all(): Promise<AppendEntry[]> {
    const entries: AppendEntry[] = [];
    do {
      if (entries.length >= APPEND_MESSAGES || this.#inline > APPEND_INLINE_BYTES) {
        throw new Refusal('LIMIT', 'Too many messages in one command');
      }
      entries.push(await this.#message());
    } while (!this.#scanner.blank);
    return entries;
  }

  /** The only message. */
  async one(): Promise<AppendEntry> {
    const entry = await this.#message();
    this.#scanner.end();
    return entry;
  }

  async #message(): Promise<AppendEntry> {
    if (this.#head === null) this.head();
    const head = this.#head;
    this.#head = null;
    await using staging = this.#session.context.store.stage({ maxBytes: this.#session.context.messageSize });
    await this.#checkSize(this.#pending?.size ?? 0);
    await this.#receive(staging);
    if (head?.form === 'utf8') this.#scanner.expect(')');
    const staged = this.#staged.use(await staging.finish());
    this.#bytes += staged.size;
    this.#inline += staged.headerCompressed.length + (staged.bodyCompressed?.length ?? 0);
    return entry(staged, head);
  }

  /** Refuses before the message is sent, where the size alone says that it will be. */
  async #checkSize(size: number): Promise<void> {
    const { context, owner } = this.#session;
    // RFC 3502 6.3.11: so a client gives up.
    if (size === 0) throw new Refusal('CANNOT', 'A message cannot be empty');
    if (size > context.messageSize) {
      context.metrics.message('append', 'refused', size);
      throw new Refusal('TOOBIG', `A message can have ${context.messageSize} bytes`); // RFC 7889 4
    }
    if (!(await owner.mail.hasRoom(this.#bytes + size))) throw refusalOf(new StoreError('over-quota', 'APPEND'));
  }

  async #receive(staging: Staging): Promise<void> {
    const { connection, reader } = this.#session;
    using _timeout = literalTimeout(connection, IDLE_MS);
    await reader.receive((bytes) => staging.write(bytes));
    ({ scanner: this.#scanner, pending: this.#pending } = await reader.rest(announcesMessage));
  }

  [Symbol.asyncDispose](): PromiseLike<void> {
    return this.#staged.disposeAsync();
  }
}

function entry(staged: Staged, head: MessageHead | null): AppendEntry {
  return {
    staged,
    ...(head?.flags == null ? {} : { flags: head.flags.flags, keywords: head.flags.keywords }),
    ...(head?.received == null ? {} : { received: head.received }),
  };
}
