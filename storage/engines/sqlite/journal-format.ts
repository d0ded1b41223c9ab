// A journal file (commit-journal.ts): records, each of what was committed to one database's write-ahead log, as it stands in
// that log. A file is written again from its beginning; the number of the pass tells what is of the last one. The frames have
// their own checksums (wal-format.ts).

import { crc32 } from 'node:zlib';
import { WAL_HEAD } from './wal-format.ts';

/** A record's head; its frames follow, aligned to words. */
export const RECORD_HEAD = 96;
/** `PHJ1`: another number would be another version. */
const MAGIC = 0x5048_4a31;
const NAME = 24;
const LOG = 64;

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

export function writeHead(into: Buffer, at: number, record: JournalRecord): void {
  into.fill(0, at, at + RECORD_HEAD);
  into.writeUInt32BE(MAGIC, at);
  into.writeUInt32BE(record.pass, at + 8);
  into.writeUInt32BE(record.number, at + 12);
  into.writeUInt32BE(record.offset, at + 16);
  into.writeUInt32BE(record.length, at + 20);
  into.write(record.database, at + NAME, LOG - NAME, 'latin1');
  record.log.copy(into, at + LOG, 0, WAL_HEAD);
  into.writeUInt32BE(crc32(into.subarray(at + 8, at + RECORD_HEAD)), at + 4);
}

/** The record whose head this is; null if it is none. Errors: one of a later version. */
export function readHead(head: Buffer): JournalRecord | null {
  if (head.length < RECORD_HEAD || head.readUInt32BE(4) !== crc32(head.subarray(8, RECORD_HEAD))) return null;
  const magic = head.readUInt32BE(0);
  if (magic >>> 8 !== MAGIC >>> 8) return null;
  if (magic !== MAGIC) throw new Error('a journal of commits of another version');
  return {
    pass: head.readUInt32BE(8),
    number: head.readUInt32BE(12),
    offset: head.readUInt32BE(16),
    length: head.readUInt32BE(20),
    database: head.toString('latin1', NAME, LOG).replace(/\0+$/, ''),
    log: Buffer.from(head.subarray(LOG, RECORD_HEAD)),
  };
}
