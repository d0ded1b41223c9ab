// Threads: by References, then In-Reply-To, never by subject alone (F58). A thread's id is its first message's id, and
// threads never merge: what a client was told about a thread stays true.

import { hash } from 'node:crypto';
import { all, type Op, run } from '../operation.ts';

/** Sizes that lists of hashes are padded to, so that there are few statement texts. */
const SIZES = [1, 2, 4, 8, 16, 32, 64, 128];

const LOOKUPS = new Map(
  SIZES.map((size) => {
    const list = Array.from({ length: size }, (_, index) => `$${index + 2}`).join(', ');
    return [size, `SELECT hash, thread, content FROM reference WHERE account = $1 AND hash IN (${list})`];
  }),
);

/** A Message-ID as the table keeps it: 53 bits of its SHA-256, never 0. */
export function referenceHash(text: string): number {
  // As text: a Buffer would be a block of memory to be freed for each.
  const digest = hash('sha256', text, 'hex');
  return Number.parseInt(digest.slice(0, 12), 16) * 32 + (Number.parseInt(digest.slice(12, 14), 16) & 31) || 1;
}

/** The same for every way in which an id can be written: its left side may be quoted (RFC 5256 3). */
export function messageIdHash(id: string): number {
  if (!id.startsWith('<"')) return referenceHash(id);
  const [, left, right] = /^<"((?:[^"\\]|\\.)*)"(@.*>)$/.exec(id) ?? [];
  return referenceHash(left === undefined || right === undefined ? id : `<${left.replace(/\\(.)/g, '$1')}${right}`);
}

/** What is known of a Message-ID. */
export interface Reference {
  readonly thread: number;
  /** A message that has it and whose content is stored; null: none. It may be gone. */
  readonly content: number | null;
}

/** What is known of these hashes, by hash. */
export function* lookUpReferences(account: string, hashes: readonly number[]): Op<Map<number, Reference>> {
  const size = SIZES.find((candidate) => candidate >= hashes.length);
  const sql = size === undefined ? undefined : LOOKUPS.get(size);
  if (size === undefined || sql === undefined) throw new RangeError(`${hashes.length} references at once`);
  const args: (string | number)[] = [account];
  for (let index = 0; index < size; index++) args.push(hashes[index] ?? hashes[0] ?? 0);
  const rows = yield* all<Reference & { readonly hash: number }>(sql, args);
  const known = new Map<number, Reference>();
  for (const row of rows) known.set(row.hash, row);
  return known;
}

/** What is to be remembered of a new message. */
export interface Referring {
  readonly account: string;
  readonly thread: number;
  /** The hashes that lead to the thread. */
  readonly hashes: readonly number[];
  /** What is known of them. */
  readonly known: ReadonlyMap<number, Reference>;
  /** The message itself by its own hash, if its content is one that others may use; else null. */
  readonly holder: { readonly hash: number; readonly message: number } | null;
}

/** Remembers that these hashes belong to a thread; those that belong to another one stay there. */
export function* addReferences({ account, thread, hashes, known, holder }: Referring): Op<void> {
  for (const value of hashes) {
    const content = value === holder?.hash ? holder.message : null;
    if (!known.has(value)) {
      yield* run(
        `INSERT INTO reference (account, hash, thread, content) VALUES ($1, $2, $3, $4)
         ON CONFLICT (account, hash) DO NOTHING`,
        [account, value, thread, content],
      );
    } else if (content !== null) {
      yield* run(`UPDATE reference SET content = $3 WHERE account = $1 AND hash = $2`, [account, value, content]);
    }
  }
}
