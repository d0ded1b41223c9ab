// Takes the messages of one command as they come and stages them: none stands in memory whole, and none is kept unless
// the command is carried out.

import { StoreError } from '#storage/errors.ts';
import { binaryEdits, withoutBinary } from '#storage/message/binary-parts.ts';
import type { AccountId, AppendEntry, Staged, Staging } from '#storage/ports.ts';
import { KEYWORD_BIT } from '#storage/ports.ts';
import { ALL_RIGHTS, type Rights } from '#storage/sharing/rights.ts';
import { refusalOf } from '../errors.ts';
import {
  announcesMessage,
  catenatePart,
  type MessageForm,
  type MessageHead,
  messageHead,
} from '../grammar/append-message.ts';
import type { Command, PendingLiteral } from '../grammar/command-reader.ts';
import { BadCommand, Refusal } from '../grammar/errors.ts';
import { quoted } from '../grammar/mailbox-name.ts';
import type { Scanner } from '../grammar/scanner.ts';
import { APPEND_INLINE_BYTES, APPEND_MESSAGES } from '../limits.ts';
import type { Place } from '../places.ts';
import { readerOf } from '../reader.ts';
import { mayUse } from '../rights.ts';
import type { Session } from '../session.ts';
import { isOurs, parseImapUrl } from '../url/imap-url.ts';
import { findUrl, readUrl } from '../url/read.ts';
import { flagsOf } from '../view/selected.ts';

/** `await using`: what was staged is gone afterwards, appended or not. */
export class MessageReader implements AsyncDisposable {
  readonly #session: Session;
  readonly #staged = new AsyncDisposableStack();
  #scanner: Scanner;
  #pending: PendingLiteral | null;
  #head: MessageHead | null = null;
  #target: Place | null = null;
  /** A literal8 is in the message in hand. */
  #binary = false;
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
    if (this.#head.form !== 'catenate') this.#literal();
  }

  /** The messages for a mailbox, up to the end of the command (RFC 3502). */
  async all(target: Place): Promise<AppendEntry[]> {
    this.#target = target;
    const entries: AppendEntry[] = [];
    do {
      if (entries.length >= APPEND_MESSAGES || this.#inline > APPEND_INLINE_BYTES) {
        throw new Refusal('LIMIT', 'Too many messages in one command');
      }
      if (entries.length === 1) this.#scanner.needs('MULTIAPPEND');
      entries.push(await this.#message());
    } while (!this.#scanner.blank);
    return entries;
  }

  /** The only message. */
  async one(target: Place): Promise<AppendEntry> {
    this.#target = target;
    const entry = await this.#message();
    this.#scanner.end();
    return entry;
  }

  async #message(): Promise<AppendEntry> {
    if (this.#head === null) this.head();
    const head = this.#head;
    this.#head = null;
    await using staging = this.#session.context.store.stage({ maxBytes: this.#session.context.messageSize });
    const size = head?.form === 'catenate' ? await this.#catenate(staging) : await this.#whole(staging, head?.form);
    // RFC 3502 6.3.11: so a client gives up.
    if (size === 0) throw new Refusal('CANNOT', 'A message cannot be empty');
    const staged = await this.#finished(staging);
    this.#bytes += staged.size;
    this.#inline += staged.headerCompressed.length + (staged.bodyCompressed?.length ?? 0);
    return entry(staged, head, { reader: readerOf(this.#session), rights: this.#target?.rights ?? ALL_RIGHTS });
  }

  /** What was staged; what came as literal8 is made text where it has to be. */
  async #finished(staging: Staging): Promise<Staged> {
    const staged = this.#staged.use(await staging.finish());
    if (!this.#binary) return staged;
    this.#binary = false;
    const edits = await binaryEdits(staged);
    if (edits === null) throw new Refusal('UNKNOWN-CTE', 'What is signed can not be binary'); // RFC 3516 4.4
    if (edits.length === 0) return staged;
    // Base64 is longer by a third, and each line by its end.
    const { context } = this.#session;
    await using again = context.store.stage({ maxBytes: context.messageSize * 2 });
    for await (const bytes of withoutBinary(staged, edits)) await again.write(bytes);
    return this.#staged.use(await again.finish());
  }

  /** A message that is one literal; its size. */
  async #whole(staging: Staging, form: MessageForm | undefined): Promise<number> {
    const { size } = this.#literal();
    // One that is here already need not be kept from being sent: the append itself holds it to the quota.
    if (size > Math.min(this.#session.connection.available, this.#session.context.messageSize)) {
      await this.#checkSize(size);
    }
    if (size === 0) return 0;
    const closed = form === 'utf8';
    await this.#receive(staging, (rest) => (!closed || rest.take(')')) && announcesMessage(rest));
    if (closed) this.#scanner.expect(')');
    return size;
  }

  /** A message put together of texts and parts of other messages (RFC 4469); its size. */
  async #catenate(staging: Staging): Promise<number> {
    let size = 0;
    for (;;) {
      const url = catenatePart(this.#scanner);
      if (url === null) {
        size += this.#literal().size;
        await this.#checkSize(size);
        await this.#receive(staging, (rest) =>
          rest.take(')') ? announcesMessage(rest) : rest.take(' ') && announcesMessage(rest, true),
        );
      } else {
        size += await this.#copy(url, size, staging);
      }
      if (this.#scanner.take(')')) return size;
      this.#scanner.space();
    }
  }

  /** Copies what a URL names; its size. */
  async #copy(text: string, before: number, staging: Staging): Promise<number> {
    const { places, selected, principal, context } = this.#session;
    const url = parseImapUrl(text);
    const ours = url !== null && url.auth === null && isOurs(url, principal?.account.address ?? '', context.hostname);
    const found = ours ? await findUrl(places, url, selected?.mailbox.path) : null;
    const data = found === null ? null : await readUrl(found);
    if (data === null)
      throw new Refusal(`BADURL ${quoted(text.replace(/[^\x20-\x5c\x5e-\x7e]/g, '?'))}`, 'No such text');
    await this.#checkSize(before + data.length);
    if (data instanceof Uint8Array) await staging.write(data);
    else for await (const piece of data.pieces()) await staging.write(piece);
    return data.length;
  }

  /** The literal that stands next. */
  #literal(): PendingLiteral {
    if (this.#pending === null || !this.#scanner.atPendingLiteral) throw new BadCommand('Expected a message literal');
    this.#binary ||= this.#pending.binary;
    return this.#pending;
  }

  /** Refuses before the message is sent, where the size alone says that it will be. */
  async #checkSize(size: number): Promise<void> {
    const { context, owner } = this.#session;
    const { mail } = this.#target?.account ?? owner;
    if (size > context.messageSize) {
      context.metrics.message('append', 'refused', size);
      throw new Refusal('TOOBIG', `A message can have ${context.messageSize} bytes`); // RFC 7889 4
    }
    if (!(await mail.hasRoom(this.#bytes + size))) throw refusalOf(new StoreError('over-quota', 'APPEND'));
  }

  async #receive(staging: Staging, streams: (rest: Scanner) => boolean): Promise<void> {
    const { reader, server } = this.#session;
    using _timeout = reader.literalTimeout(server.settings.idle);
    await reader.receive((bytes) => staging.write(bytes));
    ({ scanner: this.#scanner, pending: this.#pending } = await reader.rest(streams));
  }

  [Symbol.asyncDispose](): PromiseLike<void> {
    return this.#staged.disposeAsync();
  }
}

/** Flags that may not be set there, and notes for all that may not be made there, are left out (RFC 4314 4). */
function entry(
  staged: Staged,
  head: MessageHead | null,
  { reader, rights }: { readonly reader: AccountId; readonly rights: Rights },
): AppendEntry {
  const allowed = flagsOf(rights);
  const notes = (head?.annotations ?? []).filter(({ shared }) => !shared || mayUse(rights, 'annotate'));
  const keywords = (allowed & KEYWORD_BIT) === 0 ? [] : (head?.flags?.keywords ?? []);
  return {
    staged,
    ...(head?.flags == null ? {} : { flags: head.flags.flags & allowed, keywords }),
    ...(head?.received == null ? {} : { received: head.received }),
    ...(notes.length === 0 ? {} : { annotations: { reader, changes: notes } }),
  };
}
