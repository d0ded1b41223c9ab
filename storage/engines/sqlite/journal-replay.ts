// After a power cut: what the journals have and the write-ahead logs have lost is put back, before any database is opened.
// A log is only ever made longer, by frames that continue its chain of checksums: one that has gone on since, or has begun
// anew (then all of it is in its database), or was deleted, is left as it is.

import { type FileHandle, open, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { StoreLog } from '../../log.ts';
import { bootOf, FIRST_RECORD, type JournalRecord, RECORD_HEAD, readHead } from './journal-format.ts';
import { databaseFile, databaseKey, isAccountId, type Layout } from './layout.ts';
import { beginningOf, follow, frameSize, type LogEnd, WAL_HEAD } from './wal-format.ts';
import type { SyncCalls } from './wal-sync.ts';

/** A log is read in pieces of so much, and more only if one transaction is larger. */
const PIECE = 1024 * 1024;

/** A record, and where its frames are. */
interface Found extends JournalRecord {
  readonly file: FileHandle;
  readonly position: number;
}

export interface ReplayOptions {
  readonly layout: Layout;
  readonly bootId: string;
  readonly sync: SyncCalls;
  readonly log: StoreLog;
}

/**
 * Replays and deletes the journals of earlier boots. Those of this boot are left, since the logs are whole in the kernel's
 * memory, and returned: they may go once every log is synced.
 */
export async function replayJournals(options: ReplayOptions): Promise<string[]> {
  const { layout, bootId } = options;
  const paths = (await readdir(layout.journal)).map((name) => join(layout.journal, name));
  const kept: string[] = [];
  const done: string[] = [];
  await using stack = new AsyncDisposableStack();
  const records = new Map<string, Found[]>();
  for (const path of paths) {
    const file = stack.use(await open(path, 'r'));
    const boot = bootOf(await bytesAt(file, 0, FIRST_RECORD));
    (boot === bootId ? kept : done).push(path);
    if (boot === null || boot === bootId) continue;
    for await (const record of recordsOf(file)) {
      const of = records.get(record.database);
      if (of === undefined) records.set(record.database, [record]);
      else of.push(record);
    }
  }
  for (const [database, of] of records) await putBack(options, database, of);
  for (const path of done) await rm(path);
  return kept;
}

/** The records of the last pass over a file. */
async function* recordsOf(file: FileHandle): AsyncGenerator<Found> {
  let pass: number | undefined;
  for (let number = 0, at = FIRST_RECORD; ; number++) {
    const record = readHead(await bytesAt(file, at, RECORD_HEAD));
    pass ??= record?.pass;
    if (record === null || record.number !== number || record.pass !== pass) return;
    yield { ...record, file, position: at + RECORD_HEAD };
    at += RECORD_HEAD + record.length;
  }
}

/** Makes the log of a database as long as the records say. */
async function putBack({ layout, sync, log }: ReplayOptions, name: string, records: Found[]): Promise<void> {
  if (name !== 'directory' && name !== 'queue' && !isAccountId(name)) return;
  const path = `${databaseFile(layout, databaseKey(name))}-wal`;
  await using file = await openIfThere(path);
  const begun = file === null ? null : beginningOf(await bytesAt(file, 0, WAL_HEAD));
  if (file === null || begun === null) return;
  const found = await endOf(file, begun);
  let end = found;
  const ours = records.filter((record) => record.log.equals(begun.header));
  for (const record of ours.sort((a, b) => a.offset - b.offset)) {
    const skipped = end.offset - record.offset;
    if (skipped >= record.length) continue;
    if (skipped < 0 || skipped % frameSize(begun) !== 0) break;
    // One that was not whole yet was answered by nobody; another thread's may have the same frames, and more.
    const frames = await bytesAt(record.file, record.position, record.length);
    const { last } = follow(end, frames, skipped, frames.length);
    if (last.offset === end.offset) continue;
    await file.write(frames, skipped, last.offset - end.offset, end.offset);
    end = last;
  }
  if (end === found) return;
  await sync.file(file.fd, path);
  log.warn({ database: name, bytes: end.offset - found.offset }, 'what a power cut took from a log is put back');
}

/** The end of the last transaction in a log. */
async function endOf(file: FileHandle, begun: LogEnd): Promise<LogEnd> {
  let end = begun;
  for (let size = PIECE; ; ) {
    const piece = await bytesAt(file, end.offset, size);
    const { last, whole } = follow(end, piece, 0, piece.length);
    if (whole || piece.length < size) return last;
    if (last === end) size *= 2;
    end = last;
  }
}

/** Fewer at the end of the file. Memory of their own, as `follow` wants it. */
async function bytesAt(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const buffer = Buffer.alloc(length);
  let filled = 0;
  while (filled < length) {
    const { bytesRead } = await file.read(buffer, filled, length - filled, position + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return buffer.subarray(0, filled);
}

async function openIfThere(path: string): Promise<FileHandle | null> {
  try {
    return await open(path, 'r+');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  }
}
