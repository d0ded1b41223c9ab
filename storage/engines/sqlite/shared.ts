// What all threads of the process share: a generation number per database, counts of who listens and of what is not
// yet synced, and the name of the channels between the threads.

import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createBudgetShared } from '../../blobs/budget.ts';
import type { DatabaseKey } from '../port.ts';

/** Databases are hashed to this many slots; two in one slot only wake each other's subscribers too often. */
const SLOTS = 65_536;

/** Made once in the main thread and handed to every worker thread; it can be cloned. */
export interface StoreShared {
  /** A name of its own for this store's locks and channels. */
  readonly name: string;
  /** The kernel's boot id, or a random one where there is none: then each start counts as a new boot. */
  readonly bootId: string;
  /** Per slot: the generation, raised at each durable commit. */
  readonly generations: SharedArrayBuffer;
  /** Per slot: threads that have a subscriber. */
  readonly subscribed: SharedArrayBuffer;
  /** Per slot: commits that are visible and not yet durable. */
  readonly unsynced: SharedArrayBuffer;
  /** Per slot: whether a database's lock is taken, and how many queue for it (process-lock.ts). */
  readonly taken: SharedArrayBuffer;
  readonly queued: SharedArrayBuffer;
  /** One number: handles of accounts that are open in the process. */
  readonly handles: SharedArrayBuffer;
  /** Memory in use for bodies on their way in (blobs/budget.ts). */
  readonly staging: SharedArrayBuffer;
  /** The members of control.ts: their numbers, the last number given, and which one has which role. */
  readonly members: SharedArrayBuffer;
  readonly numbers: SharedArrayBuffer;
  readonly roles: SharedArrayBuffer;
}

/** What one member of a store does for all the others. */
export const ROLES = ['background', 'main', 'search'] as const;
export type Role = (typeof ROLES)[number];

/** Most threads of one store. */
const MEMBERS = 256;

/** Makes what the threads share. */
export function createStoreShared(options: { bootId?: string } = {}): StoreShared {
  return {
    name: `posthuis-${randomUUID()}`,
    bootId: options.bootId ?? readBootId(),
    generations: new SharedArrayBuffer(SLOTS * 4),
    subscribed: new SharedArrayBuffer(SLOTS * 4),
    unsynced: new SharedArrayBuffer(SLOTS * 4),
    taken: new SharedArrayBuffer(SLOTS * 4),
    queued: new SharedArrayBuffer(SLOTS * 4),
    handles: new SharedArrayBuffer(4),
    staging: createBudgetShared(),
    members: new SharedArrayBuffer(MEMBERS * 4),
    numbers: new SharedArrayBuffer(4),
    roles: new SharedArrayBuffer(ROLES.length * 4),
  };
}

function readBootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
  } catch {
    // No such file: not Linux, or a closed sandbox. An id per start only makes jumps that were not needed.
    return randomUUID();
  }
}

/** The slot of a database (FNV-1a over its name). */
export function slotOf(db: DatabaseKey): number {
  const name = db.kind === 'account' ? db.id : db.kind;
  let hash = 0x811c9dc5;
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
  return (hash >>> 0) % SLOTS;
}
