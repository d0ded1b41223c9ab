// A folder of files to import from: a real one, or the inside of a zip. Nothing is ever unpacked to disk, so a name in
// a zip can't write outside (F132).

import { closeSync, constants, openSync, readSync } from 'node:fs';
import { type FileHandle, open, opendir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { openPromise } from 'yauzl';
import { Refused } from '../commands/command.ts';

export interface TreeFile {
  /** With '/' between the levels, none at its start. */
  readonly path: string;
  /** Its date in unix seconds. */
  readonly date: number;
  open(): Promise<AsyncIterable<Uint8Array>>;
  /** Some bytes at a position, where that can be had. */
  readonly at?: (position: number, length: number) => Buffer;
}

export interface Tree extends AsyncDisposable {
  readonly files: readonly TreeFile[];
  readonly folders: readonly string[];
}

/** Files in one import: their names are held in memory. */
const MAX_FILES = 2_000_000;

/** Levels of folders; deeper ones are no mail, and a loop of links would never end. */
const MAX_DEPTH = 64;

/**
 * What a zip may hold, unpacked, to its own size: real mail packs 2 to 10 times, a bomb 1,000 times. Small ones are let
 * through, since 64 MB harms nobody.
 */
const MAX_RATIO = 200;
const ALWAYS_BYTES = 64 * 1024 * 1024;

/** Everything below a directory, in order of name. */
export async function readDirectory(root: string): Promise<Tree> {
  const files: TreeFile[] = [];
  const folders: string[] = [];
  async function walk(folder: string, depth: number): Promise<void> {
    if (depth > MAX_DEPTH) throw new Refused(`${join(root, folder)} is more than ${MAX_DEPTH} levels deep`);
    const entries = [];
    for await (const entry of await opendir(join(root, folder))) entries.push(entry);
    entries.sort((a, b) => compare(a.name, b.name));
    for (const entry of entries) {
      const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
      if (entry.isDirectory()) {
        folders.push(path);
        await walk(path, depth + 1);
      } else if (entry.isFile()) files.push(await diskFile(root, path));
      if (files.length > MAX_FILES) throw new Refused(`${root} has more than ${MAX_FILES} files`);
    }
  }
  await walk('', 0);
  return { files, folders, async [Symbol.asyncDispose]() {} };
}

async function diskFile(root: string, path: string): Promise<TreeFile> {
  const full = join(root, path);
  return { path, date: Math.floor((await stat(full)).mtimeMs / 1000), ...reading(full) };
}

/** One file on disk. */
export async function singleFile(full: string): Promise<Required<TreeFile>> {
  return { path: full, date: Math.floor((await stat(full)).mtimeMs / 1000), ...reading(full) };
}

function reading(full: string): Required<Pick<TreeFile, 'open' | 'at'>> {
  return {
    open: async () => (await openRegular(full)).createReadStream({ highWaterMark: 256 * 1024 }),
    // At the terminal nobody waits for this thread.
    at(position, length) {
      const file = openSync(full, constants.O_RDONLY | constants.O_NONBLOCK);
      try {
        const bytes = Buffer.alloc(length);
        return bytes.subarray(0, readSync(file, bytes, 0, length, position));
      } finally {
        closeSync(file);
      }
    },
  };
}

async function openRegular(full: string): Promise<FileHandle> {
  // Not blocking: a pipe put there in the meantime would never open.
  return open(full, constants.O_RDONLY | constants.O_NONBLOCK);
}

/** The inside of a zip file. Its names are checked (yauzl refuses absolute ones and `..`), and its size unpacked. */
export async function readZip(path: string): Promise<Tree> {
  const { size } = await stat(path);
  const zip = await openPromise(path, { autoClose: false }).catch((error: Error) => refuse(path, error));
  const files: TreeFile[] = [];
  const folders = new Set<string>();
  let unpacked = 0;
  try {
    for await (const entry of zip.eachEntry()) {
      const isFolder = entry.fileName.endsWith('/');
      const name = entry.fileName.replace(/\/+$/, '');
      for (const folder of levels(isFolder ? name : name.slice(0, Math.max(0, name.lastIndexOf('/')))))
        folders.add(folder);
      if (isFolder) continue;
      unpacked += entry.uncompressedSize;
      if (unpacked > ALWAYS_BYTES && unpacked > size * MAX_RATIO) {
        throw new Error(`it would unpack to more than ${MAX_RATIO} times its size: that is no mail`);
      }
      if (files.length + folders.size > MAX_FILES) throw new Error(`it has more than ${MAX_FILES} files`);
      const date = Math.floor(entry.getLastModDate().getTime() / 1000);
      files.push({ path: name, date, open: () => zip.openReadStreamPromise(entry) });
    }
  } catch (error) {
    zip.close();
    return refuse(path, error);
  }
  files.sort((a, b) => compare(a.path, b.path));
  return {
    files,
    folders: [...folders].sort(compare),
    async [Symbol.asyncDispose]() {
      zip.close();
    },
  };
}

function refuse(path: string, error: unknown): never {
  throw new Refused(`${path}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
}

/** `a/b/c`: a, a/b and a/b/c. */
function levels(path: string): string[] {
  if (path === '') return [];
  const names = path.split('/');
  return names.map((_, i) => names.slice(0, i + 1).join('/'));
}

/** By code unit, the same everywhere; numbers in our own names have leading zeros. */
function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
