// What the main thread and its server threads say to each other.
import type { Config } from '#config/schema.ts';
import type { RecentShared } from '#protocols/imap/recent.ts';
import type { SessionRecord } from '#protocols/ports.ts';
import type { StoreShared } from '#storage/open.ts';
import type { AuthShared } from './auth/shared.ts';
import type { CertificateFiles } from './certificates/provider.ts';
import type { ConductShared } from './conduct.ts';
import type { ListenTable } from './listeners.ts';
import type { MetricsSnapshot } from './observe/metrics.ts';

/** Memory that all threads share; made once, in the main thread. */
export interface ServerShared {
  readonly store: StoreShared;
  readonly auth: AuthShared;
  readonly admission: SharedArrayBuffer;
  readonly conduct: ConductShared;
  /** IMAP's \\Recent. */
  readonly recent: RecentShared;
  /** TLS session tickets of one thread are good in all. */
  readonly ticketKeys: Uint8Array;
}

/** What a server thread is started with. */
export interface ThreadData {
  readonly config: Config;
  /** From 1 on; 0 is the main thread. */
  readonly thread: number;
  readonly shared: ServerShared;
  /** The listeners, each with the port that it really gets. */
  readonly listen: ListenTable;
  readonly certificates: readonly CertificateFiles[];
}

export type ToThread =
  | { readonly kind: 'scrape'; readonly id: number }
  | { readonly kind: 'sessions'; readonly id: number; readonly subject: string }
  | { readonly kind: 'stop' };

export type FromThread =
  | { readonly kind: 'listening' }
  | { readonly kind: 'metrics'; readonly id: number; readonly snapshot: MetricsSnapshot }
  | { readonly kind: 'sessions'; readonly id: number; readonly records: readonly SessionRecord[] }
  | { readonly kind: 'fatal'; readonly message: string };
