// An export as a Maildir++, as Dovecot, Courier and mutt read it.

import { type FileHandle, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { directoryOf, infoOf, KEYWORDS_FILE, MAX_KEYWORDS, needsLetter } from './maildir.ts';
import { makeFolder, makeOutputFolder, newFile } from './output.ts';
import type { FolderPiece, MessagePiece } from './pieces.ts';
import type { Writer } from './writer.ts';

/** Starts a Maildir in a directory that is new or empty. */
export async function writeMaildir(path: string): Promise<Writer> {
  await makeOutputFolder(path);
  return new MaildirWriter(path);
}

class MaildirWriter implements Writer {
  readonly #root: string;
  #folder = '';
  #name = '';
  #letters: string[] = [];
  #count = 0;
  #message: { readonly piece: MessagePiece; readonly file: FileHandle; readonly temporary: string } | null = null;
  #length = 0;
  readonly #notes: string[] = [];
  #lost = new Set<string>();

  constructor(root: string) {
    this.#root = root;
  }

  async folder(folder: FolderPiece): Promise<void> {
    await this.#endFolder();
    this.#name = folder.path.join('/');
    this.#folder = join(this.#root, directoryOf(folder.path));
    for (const sub of ['tmp', 'new', 'cur']) await makeFolder(join(this.#folder, sub));
    // Maildir++: what tells a folder from a Maildir of its own.
    if (this.#folder !== this.#root) await writeFile(join(this.#folder, 'maildirfolder'), '', { mode: 0o600 });
  }

  async begin(piece: MessagePiece): Promise<void> {
    for (const keyword of piece.keywords.filter(needsLetter)) {
      if (this.#letters.some((known) => known.toLowerCase() === keyword.toLowerCase())) continue;
      if (this.#letters.length < MAX_KEYWORDS) this.#letters.push(keyword);
      else this.#lost.add(keyword);
    }
    this.#count++;
    this.#length = 0;
    const temporary = join(this.#folder, 'tmp', `${this.#count}.posthuis`);
    this.#message = { piece, temporary, file: await newFile(temporary) };
  }

  async bytes(bytes: Uint8Array): Promise<void> {
    if (this.#message === null) return;
    this.#length += bytes.length;
    for (let at = 0; at < bytes.length; ) at += (await this.#message.file.write(bytes, at)).bytesWritten;
  }

  async end(): Promise<void> {
    if (this.#message === null) return;
    const { piece, file, temporary } = this.#message;
    const seconds = Math.max(0, piece.received?.seconds ?? 0);
    await file.utimes(seconds, seconds);
    await file.close();
    // S is the file's size and W the size with CRLF: equal, so a reader knows that it is exact.
    const unique = `${seconds}.M${String(this.#count).padStart(8, '0')}.posthuis,S=${this.#length},W=${this.#length}`;
    const info = infoOf(piece.flags, piece.keywords, this.#letters);
    await rename(temporary, join(this.#folder, 'cur', `${unique}:2,${info}`));
    this.#message = null;
  }

  async finish(): Promise<readonly string[]> {
    await this.#endFolder();
    return this.#notes;
  }

  /** Each message is complete by itself; only the one in hand is not. */
  async abandon(): Promise<void> {
    if (this.#message === null) return;
    await this.#message.file.close();
    await rm(this.#message.temporary, { force: true });
  }

  async #endFolder(): Promise<void> {
    if (this.#letters.length > 0) {
      const lines = this.#letters.map((keyword, i) => `${i} ${keyword}\n`);
      await writeFile(join(this.#folder, KEYWORDS_FILE), lines.join(''), { mode: 0o600 });
    }
    if (this.#lost.size > 0) {
      this.#notes.push(
        `${this.#name}: a Maildir keeps ${MAX_KEYWORDS} keywords; left out: ${[...this.#lost].join(' ')}`,
      );
    }
    this.#letters = [];
    this.#lost = new Set();
  }
}
