// A message made ready for the transaction that appends it: everything hashed, sized and counted beforehand, in a form
// that can be handed to another thread.

import { StoreError } from '../errors.ts';
import type { AppendEntry } from '../ports.ts';
import { PREFIX_BYTES, REFERENCES } from './limits.ts';
import { messageIdHash, referenceHash } from './threads.ts';

/** What the transaction writes; structured-cloneable. */
export interface Incoming {
  /** Prefix and message, in bytes. */
  readonly size: number;
  readonly received: number;
  readonly receivedOffset: number;
  readonly sent: number | null;
  /** 0 if it has no Message-ID. */
  readonly messageId: number;
  /** Hashes of all that leads to its thread: its own Message-ID first, then those it names; none twice. */
  readonly references: readonly number[];
  /** Hashes of its ancestors in THREAD, as doubles; null: none. */
  readonly ancestors: Uint8Array | null;
  readonly deliveredTo: string;
  readonly traits: number;
  readonly envelope: string;
  readonly structure: string;
  readonly preview: string;
  /** 0 for none. */
  readonly deliveryId: number;
  readonly prefix: Uint8Array;
  readonly header: Uint8Array;
  readonly body: Uint8Array | null;
  readonly blob: string;
  readonly flags: number;
  readonly keywords: readonly string[];
  readonly annotations: AppendEntry['annotations'];
}

/** All flags that there are. */
const FLAGS = 31;
const NOTHING = new Uint8Array(0);

/** Makes an entry ready. `blob`: the name of its body's blob, '' if the body is inline. `now` in unix ms. */
export function incoming(entry: AppendEntry, blob: string, now: number): Incoming {
  const { staged, prefix = NOTHING, received, deliveryId } = entry;
  const { scanned } = staged;
  if (prefix.length > PREFIX_BYTES) throw new StoreError('limit', `a prefix of more than ${PREFIX_BYTES} bytes`);
  const messageId = scanned.messageId === '' ? 0 : messageIdHash(scanned.messageId);
  const references = new Set<number>(messageId === 0 ? [] : [messageId]);
  for (const name of scanned.references) references.add(messageIdHash(name));
  // Without a Message-ID it is the delivery id that leads to the thread in which a repeated delivery is looked for.
  if (messageId === 0 && deliveryId !== undefined) references.add(referenceHash(`delivery ${deliveryId}`));
  return {
    size: prefix.length + staged.size,
    received: received?.seconds ?? Math.floor(now / 1000),
    receivedOffset: received?.offsetMinutes ?? 0,
    sent: scanned.sent,
    messageId,
    references: [...references].slice(0, REFERENCES),
    ancestors: ancestorHashes(scanned.ancestors),
    deliveredTo: entry.deliveredTo ?? '',
    traits: scanned.traits,
    envelope: scanned.envelope,
    structure: scanned.structure,
    preview: scanned.preview,
    deliveryId: deliveryId === undefined ? 0 : referenceHash(deliveryId),
    prefix,
    header: staged.headerCompressed,
    body: staged.bodyCompressed,
    blob,
    flags: (entry.flags ?? 0) & FLAGS,
    keywords: entry.keywords ?? [],
    annotations: entry.annotations,
  };
}

function ancestorHashes(ids: readonly string[]): Uint8Array | null {
  return ids.length === 0 ? null : new Uint8Array(Float64Array.from(ids, messageIdHash).buffer);
}
