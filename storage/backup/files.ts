// Copying files so that they are durable, and the form of a backup: the data directory's own, with a manifest that is
// written last.

import { constants } from 'node:fs';
import { copyFile, link, mkdir, open, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { SyncCalls } from '../engines/sqlite/wal-sync.ts';
import { SYSTEM_SYNC } from '../engines/sqlite/wal-sync.ts';
import { StoreError } from '../errors.ts';

/** The form of backups that this release writes; it reads this one and those before. */
const FORMAT = 1;
const MANIFEST = 'backup.json';

export interface Manifest {
  readonly format: number;
  /** ISO 8601. */
  readonly made: string;
  readonly accounts: number;
}

/** The file system says that there is no such thing. */
export function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}

/** The names in a folder; none if it does not exist. */
export async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

/** Makes a file's content durable. Not for a database that is open: closing would drop SQLite's locks. */
export async function syncFile(path: string): Promise<void> {
  const file = await open(path, 'r');
  try {
    await file.datasync();
  } finally {
    await file.close();
  }
}

/** Makes the names in a folder durable. */
export function syncFolder(path: string, sync: SyncCalls = SYSTEM_SYNC): Promise<void> {
  return sync.folder(path);
}

/** Brings bodies from one folder into another, by hard link where that can be; those already there are the same. */
export async function linkAll(names: Iterable<string>, from: string, to: string): Promise<void> {
  let made = false;
  for (const name of names) {
    if (!made) await mkdir(to, { recursive: true, mode: 0o700 });
    made = true;
    await linkOne(join(from, name), join(to, name));
  }
  if (made) await syncFolder(to);
}

async function linkOne(from: string, to: string): Promise<void> {
  try {
    await link(from, to);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    // Swept meanwhile: whether it is missed is looked at afterwards. There already: a blob's name says its content.
    if (code === 'ENOENT' || code === 'EEXIST') return;
    if (code !== 'EXDEV' && code !== 'EPERM' && code !== 'EMLINK' && code !== 'ENOTSUP') throw error;
    const part = `${to}.part`;
    await copyFile(from, part, constants.COPYFILE_FICLONE);
    await syncFile(part);
    await link(part, to).catch(async (linkError) => {
      await rm(part);
      throw linkError;
    });
    await rm(part);
  }
}

/** An empty folder to put a backup into. Errors: exists. */
export async function emptyFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  if ((await readdir(folder)).length > 0) throw new StoreError('exists', `${folder} is not empty`);
}

/** Says that the backup is whole; to be written last. */
export async function writeManifest(folder: string, manifest: Omit<Manifest, 'format'>): Promise<void> {
  const path = join(folder, MANIFEST);
  await writeFile(path, `${JSON.stringify({ format: FORMAT, ...manifest }, null, 2)}\n`, { mode: 0o600 });
  await syncFile(path);
  await syncFolder(folder);
}

/** Errors: invalid (no whole backup), newer. */
export async function readManifest(folder: string): Promise<Manifest> {
  const manifest = await parseManifest(join(folder, MANIFEST));
  if (manifest.format > FORMAT) throw new StoreError('newer', `${folder} was made by a newer release`);
  return manifest;
}

async function parseManifest(path: string): Promise<Manifest> {
  try {
    const manifest: Partial<Manifest> = JSON.parse(await readFile(path, 'utf8'));
    const { format, made, accounts } = manifest;
    if (typeof format === 'number' && typeof accounts === 'number' && !Number.isNaN(Date.parse(String(made)))) {
      return { format, made: String(made), accounts };
    }
  } catch (error) {
    if (!isMissing(error) && !(error instanceof SyntaxError)) throw error;
  }
  throw new StoreError('invalid', `no whole backup: ${path} is missing or damaged`);
}
