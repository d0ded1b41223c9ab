// The store's half of an import: puts the messages that arrive into an account's mailboxes, each once.

import { createHash } from 'node:crypto';
import { StoreError } from '#storage/errors.ts';
import type { AppendEntry, MailAccount, Mailbox, Staged, Staging, Store } from '#storage/ports.ts';
import { Refused } from '../commands/command.ts';
import { receivedOf } from './dates.ts';
import type { FolderPiece, MessagePiece, TransferPiece } from './pieces.ts';

/** Messages appended in one transaction: one sync for all, and still short. */
const BATCH_MESSAGES = 64;
const BATCH_BYTES = 1024 * 1024;

/** Problems that the report names; more are counted. */
const NAMED_PROBLEMS = 100;

/** Messages between two lines of progress. */
const PROGRESS = 1000;

export type ImportReport = {
  readonly added: number;
  /** There already, with the same bytes in the same folder. */
  readonly duplicates: number;
  readonly skipped: number;
  /** Added without their keywords, which this account can't have. */
  readonly withoutKeywords: number;
  /** The first of those skipped. */
  readonly problems: readonly { readonly where: string; readonly reason: string }[];
};

export interface Delivery {
  readonly store: Store;
  readonly mail: MailAccount;
  /** The largest message that is taken. */
  readonly maxBytes: number;
  /** The folder that everything goes into, or none. */
  readonly into: readonly string[];
  readonly progress: (text: string) => void;
}

/** Takes all pieces; resolves when everything is durable. */
export async function deliverAll(delivery: Delivery, pieces: AsyncIterable<TransferPiece>): Promise<ImportReport> {
  await using importer = new Importer(delivery);
  for await (const piece of pieces) await importer.take(piece);
  return importer.finish();
}

interface Waiting {
  readonly mailbox: Mailbox;
  readonly entry: AppendEntry;
}

class Importer implements AsyncDisposable {
  readonly #delivery: Delivery;
  /** By folder piece; null: it can't be made, and its messages are left out. */
  readonly #mailboxes = new Map<string, Mailbox | null>();
  readonly #present = new Map<number, Present>();
  #folder: FolderPiece = { kind: 'folder', path: ['INBOX'], special: 'inbox' };
  #head: MessagePiece | null = null;
  #staging: Staging | null = null;
  #batch: Waiting[] = [];
  #batchBytes = 0;
  readonly #report = {
    added: 0,
    duplicates: 0,
    skipped: 0,
    withoutKeywords: 0,
    problems: [] as { where: string; reason: string }[],
  };

  constructor(delivery: Delivery) {
    this.#delivery = delivery;
  }

  async take(piece: TransferPiece): Promise<void> {
    if (piece instanceof Uint8Array) return this.#bytes(piece);
    switch (piece.kind) {
      case 'folder':
        this.#folder = piece;
        await this.#mailbox(piece);
        return;
      case 'message':
        this.#head = piece;
        this.#staging = this.#delivery.store.stage({ maxBytes: this.#delivery.maxBytes });
        return;
      case 'end':
        return this.#end();
      case 'problem':
        return this.#skip(piece.where, piece.reason);
    }
  }

  async finish(): Promise<ImportReport> {
    if (this.#staging !== null) throw new Refused('the import ended within a message');
    await this.#flush();
    return this.#report;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#staging?.[Symbol.asyncDispose]();
    for (const { entry } of this.#batch) await entry.staged[Symbol.asyncDispose]();
  }

  async #bytes(bytes: Uint8Array): Promise<void> {
    if (this.#staging === null) return; // the rest of a message that was refused
    try {
      await this.#staging.write(bytes);
    } catch (error) {
      await this.#refused(error);
    }
  }

  async #end(): Promise<void> {
    const [staging, head] = [this.#staging, this.#head];
    if (staging === null || head === null) return;
    let staged: Staged;
    try {
      staged = await staging.finish();
    } catch (error) {
      return this.#refused(error);
    }
    this.#staging = null;
    const mailbox = await this.#mailbox(this.#folder);
    if (mailbox === null || (await this.#isPresent(mailbox, staged))) {
      await staged[Symbol.asyncDispose]();
      if (mailbox === null) this.#skip(head.where, `its folder "${this.#folder.path.join('/')}" can't be made`);
      else this.#report.duplicates++;
      return;
    }
    const { flags, keywords } = head;
    const received = head.received ?? receivedOf(staged.header) ?? fallback(head.fileDate);
    if (this.#batch[0] !== undefined && this.#batch[0].mailbox.id !== mailbox.id) await this.#flush();
    this.#batch.push({ mailbox, entry: { staged, flags, keywords, ...(received && { received }) } });
    this.#batchBytes += staged.size;
    if (this.#batch.length >= BATCH_MESSAGES || this.#batchBytes >= BATCH_BYTES) await this.#flush();
  }

  /** A message over the limit is left out; any other failure ends the import. */
  async #refused(error: unknown): Promise<void> {
    const head = this.#head;
    await this.#staging?.[Symbol.asyncDispose]();
    this.#staging = null;
    if (!(error instanceof StoreError && (error.code === 'limit' || error.code === 'invalid')) || head === null)
      throw error;
    this.#skip(head.where, error.code === 'limit' ? 'it is larger than [limits] message_size' : error.message);
  }

  #skip(where: string, reason: string): void {
    this.#report.skipped++;
    if (this.#report.problems.length < NAMED_PROBLEMS) this.#report.problems.push({ where, reason });
  }

  async #flush(): Promise<void> {
    const batch = this.#batch;
    const [first] = batch;
    if (first === undefined) return;
    this.#batch = [];
    this.#batchBytes = 0;
    try {
      await this.#append(
        first.mailbox,
        batch.map(({ entry }) => entry),
      );
    } finally {
      for (const { entry } of batch) await entry.staged[Symbol.asyncDispose]();
    }
    const before = Math.floor(this.#report.added / PROGRESS);
    this.#report.added += batch.length;
    if (Math.floor(this.#report.added / PROGRESS) > before) {
      this.#delivery.progress(`${this.#report.added} messages`);
    }
  }

  async #append(mailbox: Mailbox, entries: readonly AppendEntry[]): Promise<void> {
    const { mail } = this.#delivery;
    try {
      await mail.append(mailbox.id, entries);
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      if (error.code === 'over-quota') {
        throw new Refused(`the account is full; ${this.#report.added} messages were imported before`, { cause: error });
      }
      // Other programs allow keywords that IMAP has no word for, or more of them than an account may have.
      const plain = entries.map((entry) => ({ ...entry, keywords: [] }));
      const lost = entries.filter(({ keywords = [] }) => keywords.length > 0).length;
      if (!['invalid', 'limit'].includes(error.code) || lost === 0) throw error;
      await mail.append(mailbox.id, plain);
      this.#report.withoutKeywords += lost;
    }
  }

  /** The mailbox of a folder, made if it is not there; null if it can't be made. */
  async #mailbox(folder: FolderPiece): Promise<Mailbox | null> {
    const key = JSON.stringify([folder.path, folder.special]);
    const known = this.#mailboxes.get(key);
    if (known !== undefined) return known;
    const mailbox = await this.#findOrMake(folder);
    this.#mailboxes.set(key, mailbox);
    return mailbox;
  }

  async #findOrMake(folder: FolderPiece): Promise<Mailbox | null> {
    const { mail, into } = this.#delivery;
    const path = [...into, ...(into.length === 0 ? await this.#ownName(folder) : folder.path)];
    // Our levels are parted by "/"; where another program allows one in a name, it becomes a "_".
    const name = path.map((level) => level.replaceAll('/', '_').normalize('NFC')).join('/');
    try {
      return (await mail.mailboxByPath(name)) ?? (await mail.createMailbox(name));
    } catch (error) {
      if (!(error instanceof StoreError && ['invalid', 'limit', 'protected'].includes(error.code))) throw error;
      this.#skip(`folder ${JSON.stringify(name)}`, error.message);
      return null;
    }
  }

  /** The path with the account's own name for what the first level is for. */
  async #ownName({ path, special }: FolderPiece): Promise<readonly string[]> {
    if (special === '') return path;
    const own = (await this.#delivery.mail.mailboxes()).find((mailbox) => mailbox.special === special);
    return own === undefined ? path : [...own.path.split('/'), ...path.slice(1)];
  }

  async #isPresent(mailbox: Mailbox, staged: Staged): Promise<boolean> {
    let present = this.#present.get(mailbox.id);
    if (present === undefined) {
      present = await Present.of(this.#delivery.mail, mailbox);
      this.#present.set(mailbox.id, present);
    }
    return present.take(staged);
  }
}

/**
 * What a mailbox held before the import. Each of its messages stands for one of the same bytes, so that a source that
 * has a message twice gets it twice, and importing it again adds nothing.
 */
class Present {
  readonly #mail: MailAccount;
  /** Messages by size, and by hash once that was needed. */
  readonly #bySize: Map<number, number[]>;
  readonly #hashed = new Map<number, Map<string, number>>();

  private constructor(mail: MailAccount, bySize: Map<number, number[]>) {
    this.#mail = mail;
    this.#bySize = bySize;
  }

  static async of(mail: MailAccount, mailbox: Mailbox): Promise<Present> {
    const bySize = new Map<number, number[]>();
    for await (const rows of mail.listing(mailbox.id, [[1, 2 ** 32 - 1]], ['size', 'message'])) {
      for (const { size, message } of rows) {
        const same = bySize.get(size);
        if (same === undefined) bySize.set(size, [message]);
        else same.push(message);
      }
    }
    return new Present(mail, bySize);
  }

  /** True if there is such a message that no earlier one stood for. */
  async take({ size, hash }: Staged): Promise<boolean> {
    const hashes = await this.#hashesOf(size);
    const count = hashes.get(hash) ?? 0;
    if (count > 0) hashes.set(hash, count - 1);
    return count > 0;
  }

  async #hashesOf(size: number): Promise<Map<string, number>> {
    const known = this.#hashed.get(size);
    if (known !== undefined) return known;
    const hashes = new Map<string, number>();
    for (const message of this.#bySize.get(size) ?? []) {
      const hash = await this.#hashOf(message);
      if (hash !== null) hashes.set(hash, (hashes.get(hash) ?? 0) + 1);
    }
    this.#hashed.set(size, hashes);
    return hashes;
  }

  /** Null for a message that is gone, or can't be read: then it is no reason to leave one out. */
  async #hashOf(message: number): Promise<string | null> {
    const hash = createHash('sha256');
    try {
      for await (const bytes of (await this.#mail.content(message)).read()) hash.update(bytes);
    } catch (error) {
      if (error instanceof StoreError && ['not-found', 'unavailable'].includes(error.code)) return null;
      throw error;
    }
    return hash.digest('hex');
  }
}

function fallback(fileDate: number | null): { seconds: number; offsetMinutes: number } | null {
  return fileDate === null ? null : { seconds: fileDate, offsetMinutes: 0 };
}
