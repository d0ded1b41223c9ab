// A journal file (commit-journal.ts): a first page that says under which boot it was written, then records, each of what was
// committed to one database's write-ahead log, as it stands in that log. A file is written again from its beginning; the
// number of the pass tells what is of the last one. The frames have their own checksums (wal-format.ts).

import { crc32 } from 'node:zlib';
import { WAL_HEAD } from './wal-format.ts';

/** Where the first record is. */
export const FIRST_RECORD = 4_096;
/** A record's head; its frames follow, aligned to words. */
export const RECORD_HEAD = 96;
const MAGIC = 0x5048_4a31;
const NAME = 64 - 24;
const VERSION = 1;

export interface JournalRecord {
  /** Of the pass over the file, and of the record in it. */
  readonly pass: number;
  readonly number: number;
  /** By databaseName. */
  readonly database: string;
  /** The header of its log. */
  readonly log: Buffer;
  /** Where in that log its frames are, and how many bytes they are. */
  readonly offset: number;
  readonly length: number;
}

/** The first page of a file. */
export function firstPage(bootId: string): Buffer {
  const page = Buffer.alloc(FIRST_RECORD);
  page.write(JSON.stringify({ journal: VERSION, boot: bootId }));
  return page;
}

/** The boot of a first page; null if it is none, as of a file that was being made. Errors: a page of a later version. */
export function bootOf(page: Buffer): string | null {
  const end = page.indexOf(0);
  const text = page.toString('utf8', 0, end === -1 ? page.length : end);
  if (!text.startsWith('{"journal":') || !text.endsWith('}')) return null;
  const { journal, boot } = JSON.parse(text) as { journal: number; boot: string };
  if (journal !== VERSION) throw new Error(`a commit journal of version ${journal}`);
  return boot;
}

export function writeHead(into: Buffer, at: number, record: JournalRecord): void {
  into.fill(0, at, at + RECORD_HEAD);
  into.writeUInt32BE(MAGIC, at);
  into.writeUInt32BE(record.pass, at + 8);
  into.writeUInt32BE(record.number, at + 12);
  into.writeUInt32BE(record.offset, at + 16);
  into.writeUInt32BE(record.length, at + 20);
  into.write(record.database, at + 24, NAME, 'latin1');
  record.log.copy(into, at + 64, 0, WAL_HEAD);
  into.writeUInt32BE(crc32(into.subarray(at + 8, at + RECORD_HEAD)), at + 4);
}

/** The record whose head this is; null if it is none. */
export function readHead(head: Buffer): JournalRecord | null {
  if (head.length < RECORD_HEAD || head.readUInt32BE(0) !== MAGIC) return null;
  if (head.readUInt32BE(4) !== crc32(head.subarray(8, RECORD_HEAD))) return null;
  return {
    pass: head.readUInt32BE(8),
    number: head.readUInt32BE(12),
    offset: head.readUInt32BE(16),
    length: head.readUInt32BE(20),
    database: head.toString('latin1', 24, 24 + NAME).replace(/\0+$/, ''),
    log: Buffer.from(head.subarray(64, RECORD_HEAD)),
  };
}
