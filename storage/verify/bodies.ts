// Bodies: every message's can be read and has the size that its row says, and every blob is named by a message.

import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { BODY, HEADER } from '../account/single-instance.ts';
import { referencedBlobs } from '../account/sweep.ts';
import { plainHeader } from '../blobs/content.ts';
import { INLINE_BYTES } from '../blobs/limits.ts';
import type { Packers } from '../blobs/packer.ts';
import type { BlobReader, Blobs } from '../blobs/port.ts';
import type { DatabaseKey, Engine } from '../engines/port.ts';
import { StoreError } from '../errors.ts';
import { all, one } from '../operation.ts';
import type { AccountId } from '../ports.ts';
import type { Found } from './finding.ts';

/** Messages read at a time: at most 64 KiB each. */
const PAGE = 100;
/** Of a large body, read at once; then there is a pause as long as that took, for the mail that wants the disk too. */
const BURST_BYTES = 4 * 1024 * 1024;

const NOTHING = new Uint8Array(0);

interface BodyRow {
  readonly id: number;
  readonly size: number;
  readonly blob: string;
  readonly prefix: number;
  readonly header: Uint8Array | null;
  readonly body: Uint8Array | null;
}

/** Reads every body of an account, to its last byte. */
export async function* checkBodies(
  engine: Engine,
  blobs: Blobs,
  id: AccountId,
  signal: AbortSignal,
): AsyncGenerator<Found> {
  const db: DatabaseKey = { kind: 'account', id };
  for (let after = -1; ; ) {
    const from = after;
    const rows = await engine.read(db, () =>
      all<BodyRow>(
        `SELECT m.id, m.size, m.blob, length(c.prefix) AS prefix, ${HEADER} AS header, ${BODY} AS body
         FROM message m JOIN content c ON c.account = m.account AND c.message = m.id
         WHERE m.account = $1 AND m.id > $2 ORDER BY m.id LIMIT ${PAGE}`,
        [id, from],
      ),
    );
    for (const row of rows) {
      const found = row.blob === '' ? checkInline(blobs.packers, row) : await checkBlob(engine, blobs, id, row, signal);
      if (found !== undefined) yield found;
    }
    const last = rows.at(-1);
    if (last === undefined) return;
    after = last.id;
  }
}

function checkInline(packers: Packers, row: BodyRow): Found | undefined {
  if (row.body === null) return undefined; // named by another check
  try {
    const header = plainHeader(packers.header, row.header ?? NOTHING);
    const size = row.prefix + header.length + packers.body.unpack(row.body, INLINE_BYTES).length;
    return size === row.size ? undefined : wrongSize(row, size);
  } catch (error) {
    return { code: 'damaged-content', detail: `message ${row.id}: ${messageOf(error)}` };
  }
}

async function checkBlob(
  engine: Engine,
  blobs: Blobs,
  id: AccountId,
  row: BodyRow,
  signal: AbortSignal,
): Promise<Found | undefined> {
  try {
    await using reader = await blobs.open(id, row.blob);
    const header = plainHeader(blobs.packers.header, row.header ?? NOTHING);
    const size = row.prefix + header.length + reader.size;
    if (size !== row.size) return wrongSize(row, size);
    if ((await namesOf(header, reader, signal)).includes(row.blob)) return undefined;
    return { code: 'damaged-blob', detail: `message ${row.id}, blob ${row.blob}: its bytes are others` };
  } catch (error) {
    signal.throwIfAborted();
    // Swept meanwhile, with the message.
    const still = await engine.read({ kind: 'account', id }, () =>
      one('SELECT id FROM message WHERE account = $1 AND id = $2', [id, row.id]),
    );
    if (still === undefined) return undefined;
    const missing = error instanceof StoreError && isMissing(error.cause);
    const detail = `message ${row.id}, blob ${row.blob}${missing ? '' : `: ${messageOf(error)}`}`;
    return { code: missing ? 'missing-blob' : 'damaged-blob', detail };
  }
}

/** What a blob may be named by: the SHA-256 of its bytes or, as it was at first, of the whole message. */
async function namesOf(header: Uint8Array, body: BlobReader, signal: AbortSignal): Promise<string[]> {
  const hash = createHash('sha256');
  const ofMessage = createHash('sha256').update(header);
  let left = BURST_BYTES;
  let began = performance.now();
  for await (const piece of body.read(0, body.size)) {
    hash.update(piece);
    ofMessage.update(piece);
    left -= piece.length;
    if (left > 0) continue;
    signal.throwIfAborted();
    await sleep(performance.now() - began);
    left = BURST_BYTES;
    began = performance.now();
  }
  return [hash.digest('hex'), ofMessage.digest('hex')];
}

/** Names the blobs that no message names, and that no delivery is about to. */
export async function* checkUnnamed(engine: Engine, blobs: Blobs, id: AccountId): AsyncGenerator<Found> {
  const db: DatabaseKey = { kind: 'account', id };
  for await (const name of blobs.unreferenced(id, (names) => engine.read(db, () => referencedBlobs(id, names)))) {
    yield { code: 'dangling-blob', detail: `blob ${name} is named by no message` };
  }
}

function wrongSize(row: BodyRow, size: number): Found {
  return { code: 'wrong-size', detail: `message ${row.id} has ${size} bytes, its row says ${row.size}` };
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
