// Files that an export makes: written beside their place and put there when they are complete.

import { constants } from 'node:fs';
import { type FileHandle, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { Refused } from '../commands/command.ts';

/** Only the user's own: it is somebody's mail. */
const FILE_MODE = 0o600;
const FOLDER_MODE = 0o700;

/** A file that appears under its name only when it is complete. */
export class OutputFile {
  readonly path: string;
  readonly #handle: FileHandle;
  readonly #partial: string;

  private constructor(path: string, partial: string, handle: FileHandle) {
    this.path = path;
    this.#partial = partial;
    this.#handle = handle;
  }

  /** Refused if there is something at the path. */
  static async create(path: string): Promise<OutputFile> {
    if (await exists(path)) throw new Refused(`${path} is there already`);
    const partial = `${path}.partial`;
    return new OutputFile(path, partial, await open(partial, 'w', FILE_MODE));
  }

  async write(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length; ) at += (await this.#handle.write(bytes, at)).bytesWritten;
  }

  async complete(): Promise<void> {
    await this.#handle.sync();
    await this.#handle.close();
    await rename(this.#partial, this.path);
  }

  async discard(): Promise<void> {
    await this.#handle.close();
    await rm(this.#partial, { force: true });
  }
}

/** Makes the directory of an export; Refused if there is one with anything in it. */
export async function makeOutputFolder(path: string): Promise<void> {
  if (await exists(path)) {
    const entries = (await stat(path)).isDirectory() ? await readdir(path) : [''];
    if (entries.length > 0) throw new Refused(`${path} is there already and not an empty directory`);
  }
  await mkdir(path, { recursive: true, mode: FOLDER_MODE });
}

/** Makes a folder inside an export. */
export async function makeFolder(path: string): Promise<void> {
  await mkdir(path, { recursive: true, mode: FOLDER_MODE });
}

/** Opens a new file for one message. */
export async function newFile(path: string): Promise<FileHandle> {
  return open(path, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, FILE_MODE);
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}
