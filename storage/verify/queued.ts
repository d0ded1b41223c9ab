// What waits to be sent: every message can be read and has the size that its row says, and every blob of the queue is
// named by one.

import { setTimeout as sleep } from 'node:timers/promises';
import { type Blobs, QUEUE_OWNER } from '../blobs/port.ts';
import type { DatabaseKey, Engine } from '../engines/port.ts';
import { StoreError } from '../errors.ts';
import { all } from '../operation.ts';
import { queuedBlobs, SqlQueue } from '../queue/queue.ts';
import type { Found } from './finding.ts';

const DB: DatabaseKey = { kind: 'queue' };
/** Messages looked up at a time. */
const PAGE = 500;
/** A body is swept so soon after its message was sent, ms. */
const SWEPT = 2_000;

interface Row {
  readonly id: number;
  readonly blob: string;
}

/** Reads every message of the queue. */
export async function* checkQueued(engine: Engine, blobs: Blobs): AsyncGenerator<Found> {
  const queue = new SqlQueue({ engine, blobs, now: Date.now });
  for (let after = 0; ; ) {
    const from = after;
    const rows = await engine.read(DB, () =>
      all<Row>(`SELECT id, blob FROM queued WHERE id > $1 ORDER BY id LIMIT ${PAGE}`, [from]),
    );
    for (const row of rows) {
      const found = await checkOne(queue, row);
      if (found !== undefined) yield found;
    }
    const last = rows.at(-1);
    if (last === undefined) break;
    after = last.id;
  }
  const loose = await unnamed(engine, blobs);
  if (loose.size === 0) return;
  await sleep(SWEPT);
  for (const name of loose.intersection(await unnamed(engine, blobs))) {
    yield { code: 'dangling-blob', detail: `blob ${name} is named by no message` };
  }
}

async function checkOne(queue: SqlQueue, { id, blob }: Row): Promise<Found | undefined> {
  try {
    const content = await queue.content(id);
    let size = 0;
    for await (const piece of content.read()) size += piece.length;
    if (size === content.size) return undefined;
    return { code: 'wrong-size', detail: `message ${id} has ${size} bytes, its row says ${content.size}` };
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    // Sent meanwhile.
    if ((await queue.message(id)) === undefined) return undefined;
    const code = blob === '' ? 'damaged-content' : 'damaged-blob';
    return { code, detail: `message ${id}${blob === '' ? '' : `, blob ${blob}`}: ${error.message}` };
  }
}

async function unnamed(engine: Engine, blobs: Blobs): Promise<Set<string>> {
  const named = (names: readonly string[]) => engine.read(DB, () => queuedBlobs(names));
  return new Set(await Array.fromAsync(blobs.unreferenced(QUEUE_OWNER, named)));
}
