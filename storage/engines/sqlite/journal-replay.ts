// At the start, before any database is opened: what the journals of a run that did not end have is written into the
// write-ahead logs again, and synced there. After a power cut a log may have lost it; after a kill it has it in the kernel's
// memory, and a write-back that failed may take it away yet. A log is only ever made longer, by frames that continue its
// chain of checksums: one that has gone on since, or has begun anew (then all of it is in its database), or was deleted, is
// left as it is.

import { type FileHandle, open, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { StoreLog } from '../../log.ts';
import { type JournalRecord, RECORD_HEAD, readHead } from './journal-format.ts';
import { databaseFile, databaseKey, isAccountId, type Layout } from './layout.ts';
import { beginningOf, FRAME_HEAD, follow, frameSize, type LogEnd, spaceOf, sumOf, WAL_HEAD } from './wal-format.ts';
import { openLog, type SyncCalls } from './wal-sync.ts';

/** A log is read in pieces of so much, and more only if one transaction is larger. */
const PIECE = 256 * 1024;
/** Logs that are put in order at once. */
const AT_ONCE = 4;

/** A record, and where its frames are. */
interface Found extends JournalRecord {
  readonly file: FileHandle;
  readonly position: number;
}

export interface ReplayOptions {
  readonly layout: Layout;
  readonly sync: SyncCalls;
  readonly log: StoreLog;
}

/** Replays and deletes the journals that lie there. Errors: those of the file system; then they stay. */
export async function replayJournals(options: ReplayOptions): Promise<void> {
  const { journal } = options.layout;
  const paths = (await readdir(journal)).map((name) => join(journal, name));
  await using stack = new AsyncDisposableStack();
  const records = new Map<string, Found[]>();
  for (const path of paths) {
    for await (const record of recordsOf(stack.use(await open(path, 'r')))) {
      const of = records.get(record.database);
      if (of === undefined) records.set(record.database, [record]);
      else of.push(record);
    }
  }
  const databases = records.entries();
  const some = async (): Promise<void> => {
    for (const [database, of] of databases) await putBack(options, database, of);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, some));
  for (const path of paths) await rm(path);
}

/** The records of the last pass over a file. */
async function* recordsOf(file: FileHandle): AsyncGenerator<Found> {
  let pass: number | undefined;
  for (let number = 0, at = 0; ; number++) {
    const record = readHead(await bytesAt(file, at, RECORD_HEAD));
    pass ??= record?.pass;
    if (record === null || record.number !== number || record.pass !== pass) return;
    yield { ...record, file, position: at + RECORD_HEAD };
    at += RECORD_HEAD + record.length;
  }
}

/** Makes the log of a database as long as the records say, durably. */
async function putBack({ layout, sync, log }: ReplayOptions, name: string, records: Found[]): Promise<void> {
  if (name !== 'directory' && name !== 'queue' && !isAccountId(name)) return;
  const database = databaseFile(layout, databaseKey(name));
  await using file = await openLog(database, 'r+');
  const begun = file === null ? null : beginningOf(await bytesAt(file, 0, WAL_HEAD));
  if (file === null || begun === null) return;
  const ours = records.filter((record) => record.log.equals(begun.header)).sort((a, b) => a.offset - b.offset);
  const [first] = ours;
  if (first === undefined) return;
  const found = await endOf(file, await endAt(file, begun, first.offset));
  let end = found;
  for (const record of ours) {
    const behind = end.offset - record.offset;
    if (behind < 0 || behind % frameSize(begun) !== 0) {
      log.error(
        { database: name, from: end.offset, to: record.offset },
        'a write-ahead log and its journal have a gap',
      );
      break;
    }
    end = await putRecord(file, end, record);
  }
  await sync.file(file.fd, `${database}-wal`);
  const bytes = end.offset - found.offset;
  if (bytes > 0) log.warn({ database: name, bytes }, 'what a power cut took from a write-ahead log is put back');
}

/** Writes the frames of a record into a log that ends in or behind it; where the log ends then. */
async function putRecord(file: FileHandle, end: LogEnd, record: Found): Promise<LogEnd> {
  const frames = await bytesAt(record.file, record.position, record.length);
  const there = Math.min(end.offset - record.offset, frames.length);
  if (!(await bytesAt(file, record.offset, there)).equals(frames.subarray(0, there))) return end;
  // One that was not whole yet was answered by nobody; another thread's may have the same frames, and more.
  const { last } = follow(end, spaceOf(frames), there, frames.length);
  const length = there + last.offset - end.offset;
  // Also what is there already: the write makes sure that the sync writes it to the disk.
  for (let written = 0; written < length; ) {
    written += (await file.write(frames, written, length - written, record.offset + written)).bytesWritten;
  }
  return last;
}

/** The end of a transaction that a record says is there. */
async function endAt(file: FileHandle, begun: LogEnd, offset: number): Promise<LogEnd> {
  if (offset <= begun.offset) return begun;
  const head = await bytesAt(file, offset - frameSize(begun), FRAME_HEAD);
  return head.length < FRAME_HEAD ? begun : { header: begun.header, offset, sum: sumOf(head) };
}

/** The end of the last transaction that continues a log from there. */
async function endOf(file: FileHandle, from: LogEnd): Promise<LogEnd> {
  let end = from;
  for (let size = PIECE; ; ) {
    const piece = await bytesAt(file, end.offset, size);
    const { last, whole } = follow(end, spaceOf(piece), 0, piece.length);
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
