// An export as .eml files in folders below `mail`, in a directory or a zip, with an index of what the files can't say.

import type { FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { ZipFile } from 'yazl';
import { INDEX_FILE, type IndexLine } from './index-file.ts';
import { makeFolder, makeOutputFolder, newFile, OutputFile } from './output.ts';
import type { FolderPiece, MessagePiece } from './pieces.ts';
import type { Writer } from './writer.ts';

/** Around everything, so that unpacking makes one folder (F132). */
const ROOT = 'mail';

/** Where the files go. */
interface Place {
  folder(path: string): Promise<void>;
  /** Begins a file with this date. */
  open(path: string, seconds: number): Promise<void>;
  write(bytes: Uint8Array): Promise<void>;
  close(): Promise<void>;
  finish(): Promise<void>;
  abandon(): Promise<void>;
}

/** Starts .eml files in a directory that is new or empty. */
export async function writeEmlFolder(path: string): Promise<Writer> {
  await makeOutputFolder(path);
  return new EmlWriter(new DirectoryPlace(path));
}

/** Starts a zip of .eml files. */
export async function writeZip(path: string): Promise<Writer> {
  return new EmlWriter(new ZipPlace(await OutputFile.create(path)));
}

class EmlWriter implements Writer {
  readonly #place: Place;
  readonly #index: Buffer[] = [];
  readonly #taken = new Set<string>();
  #directory = '';
  #count = 0;

  constructor(place: Place) {
    this.#place = place;
  }

  async folder(folder: FolderPiece): Promise<void> {
    this.#directory = this.#directoryOf(folder.path);
    this.#count = 0;
    await this.#place.folder(`${ROOT}/${this.#directory}`);
    this.#note({ folder: folder.path, directory: this.#directory });
  }

  async begin({ flags, keywords, received }: MessagePiece): Promise<void> {
    this.#count++;
    const file = `${this.#directory}/${String(this.#count).padStart(8, '0')}.eml`;
    const date = received ?? { seconds: 0, offsetMinutes: 0 };
    this.#note({ file, flags, keywords, received: date });
    await this.#place.open(`${ROOT}/${file}`, date.seconds);
  }

  bytes(bytes: Uint8Array): Promise<void> {
    return this.#place.write(bytes);
  }

  end(): Promise<void> {
    return this.#place.close();
  }

  async finish(): Promise<readonly string[]> {
    await this.#place.open(`${ROOT}/${INDEX_FILE}`, Math.floor(Date.now() / 1000));
    await this.#place.write(Buffer.concat(this.#index));
    await this.#place.close();
    await this.#place.finish();
    return [];
  }

  abandon(): Promise<void> {
    return this.#place.abandon();
  }

  /** A directory for a folder, of characters that every file system takes, and no other folder's. */
  #directoryOf(path: readonly string[]): string {
    const safe = path.map(safeName).join('/');
    let directory = safe;
    for (let n = 2; this.#taken.has(directory.toLowerCase()); n++) directory = `${safe}~${n}`;
    this.#taken.add(directory.toLowerCase());
    return directory;
  }

  #note(line: IndexLine): void {
    this.#index.push(Buffer.from(`${JSON.stringify(line)}\n`));
  }
}

/** No separators, nothing that Windows refuses, nothing that starts with a dot or is too long. */
function safeName(level: string): string {
  const name = level
    .normalize('NFC')
    .replace(/[<>:"/\\|?*\p{Cc}\p{Cs}]/gu, '_')
    .replace(/^\.+|[. ]+$/g, '_');
  const short = Array.from(name).slice(0, 60).join('');
  return /^(con|prn|aux|nul|com\d|lpt\d)$/i.test(short) || short === '' ? `_${short}` : short;
}

class DirectoryPlace implements Place {
  readonly #root: string;
  #file: FileHandle | null = null;
  #seconds = 0;

  constructor(root: string) {
    this.#root = root;
  }

  folder(path: string): Promise<void> {
    return makeFolder(join(this.#root, path));
  }

  async open(path: string, seconds: number): Promise<void> {
    this.#file = await newFile(join(this.#root, path));
    this.#seconds = Math.max(0, seconds);
  }

  async write(bytes: Uint8Array): Promise<void> {
    if (this.#file === null) return;
    for (let at = 0; at < bytes.length; ) at += (await this.#file.write(bytes, at)).bytesWritten;
  }

  async close(): Promise<void> {
    await this.#file?.utimes(this.#seconds, this.#seconds);
    await this.#file?.close();
    this.#file = null;
  }

  async finish(): Promise<void> {}

  async abandon(): Promise<void> {
    await this.#file?.close();
  }
}

class ZipPlace implements Place {
  readonly #file: OutputFile;
  readonly #zip = new ZipFile();
  readonly #written: Promise<void>;
  #failure: unknown = null;
  #entry = new PassThrough();

  constructor(file: OutputFile) {
    this.#file = file;
    this.#written = this.#drain();
    this.#written.catch((error: unknown) => {
      this.#failure = error;
      this.#entry.destroy();
    });
  }

  async folder(path: string): Promise<void> {
    this.#zip.addEmptyDirectory(`${path}/`);
  }

  async open(path: string, seconds: number): Promise<void> {
    this.#entry = new PassThrough({ highWaterMark: 256 * 1024 });
    // The format has no dates before 1980.
    const mtime = new Date(Math.max(seconds, 315_619_200) * 1000);
    this.#zip.addReadStream(this.#entry, path, { mtime, mode: 0o100600 });
  }

  async write(bytes: Uint8Array): Promise<void> {
    if (!this.#entry.write(bytes)) await this.#until('drain');
  }

  async close(): Promise<void> {
    this.#entry.end();
    await this.#until('end');
  }

  async finish(): Promise<void> {
    this.#zip.end();
    await this.#written;
    await this.#file.complete();
  }

  async abandon(): Promise<void> {
    this.#entry.destroy();
    await this.#file.discard();
  }

  /** Waits for an event of the entry, or for the failure that keeps it from coming. */
  #until(event: 'drain' | 'end'): Promise<void> {
    const entry = this.#entry;
    return new Promise((resolve, reject) => {
      const done = (): void => {
        entry.off(event, done).off('close', done);
        if (this.#failure === null) resolve();
        else reject(this.#failure);
      };
      if (entry.destroyed) done();
      else entry.once(event, done).once('close', done);
    });
  }

  async #drain(): Promise<void> {
    for await (const bytes of this.#zip.outputStream) await this.#file.write(bytes as unknown as Uint8Array);
  }
}
