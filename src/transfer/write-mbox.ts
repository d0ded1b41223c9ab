// An export as one mbox file.

import { MboxEncoder, mboxHead, mboxTail } from './mbox-writer.ts';
import { OutputFile } from './output.ts';
import type { FolderPiece, MessagePiece, Shape } from './pieces.ts';
import type { Writer } from './writer.ts';

/** Bytes gathered before they are written. */
const BUFFER = 256 * 1024;

/** Starts an mbox file. */
export async function writeMbox(path: string): Promise<Writer> {
  return new MboxFileWriter(await OutputFile.create(path));
}

class MboxFileWriter implements Writer {
  readonly #file: OutputFile;
  #folder: FolderPiece = { kind: 'folder', path: ['INBOX'], special: 'inbox' };
  #shape: Shape = { raw: true, open: false };
  #encoder = new MboxEncoder(this.#shape);
  #buffer: Uint8Array[] = [];
  #length = 0;

  constructor(file: OutputFile) {
    this.#file = file;
  }

  async folder(folder: FolderPiece): Promise<void> {
    this.#folder = folder;
  }

  async begin(message: MessagePiece): Promise<void> {
    this.#shape = message.shape ?? { raw: true, open: false };
    this.#encoder = new MboxEncoder(this.#shape);
    await this.#put(mboxHead(this.#folder, message, this.#shape));
  }

  bytes(bytes: Uint8Array): Promise<void> {
    return this.#put(this.#encoder.write(bytes));
  }

  async end(): Promise<void> {
    await this.#put(this.#encoder.end());
    await this.#put(mboxTail(this.#shape));
  }

  async finish(): Promise<readonly string[]> {
    await this.#flush();
    await this.#file.complete();
    return [];
  }

  abandon(): Promise<void> {
    return this.#file.discard();
  }

  async #put(bytes: Uint8Array): Promise<void> {
    this.#buffer.push(bytes);
    this.#length += bytes.length;
    if (this.#length >= BUFFER) await this.#flush();
  }

  async #flush(): Promise<void> {
    const bytes = Buffer.concat(this.#buffer);
    this.#buffer = [];
    this.#length = 0;
    await this.#file.write(bytes);
  }
}
