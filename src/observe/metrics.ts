// Counters for Prometheus. Each thread counts for itself; the main thread adds them up at a scrape. Written by hand: a
// library for it takes 10 MB and 50 ms of start in each thread.
import { getHeapStatistics } from 'node:v8';
import type { ProtocolMetrics, RejectReason } from '#protocols/ports.ts';
import { EventLoopDelay } from './event-loop.ts';
import { Family, type FamilySnapshot, textFormat } from './registry.ts';

/** One thread's counts as plain objects, fit for a message to the main thread. */
export type MetricsSnapshot = readonly FamilySnapshot[];

/** Commands take 20 us to some seconds. */
const COMMAND_BUCKETS = [0.0005, 0.002, 0.01, 0.05, 0.25, 1, 5];
/** A verb that no protocol has is counted as `other`, so that a client can't grow the table. */
const VERB = /^[A-Z][A-Z0-9 ]{0,23}$/;
const MAX_VERBS = 200;
const QUANTILES = [0.5, 0.99, 0.999, 1] as const;

/** What one thread measures. */
export class ThreadMetrics implements ProtocolMetrics, Disposable {
  readonly #thread: string;
  readonly #connections = new Family('gauge', 'posthuis_connections', 'Open connections', ['protocol', 'thread']);
  readonly #accepted = new Family('counter', 'posthuis_connections_total', 'Connections taken', ['protocol']);
  readonly #refused = new Family('counter', 'posthuis_connections_refused_total', 'Connections refused by a limit', [
    'listener',
    'reason',
  ]);
  readonly #commands = new Family(
    'histogram',
    'posthuis_command_seconds',
    'Time from a command to its last reply',
    ['protocol', 'verb'],
    COMMAND_BUCKETS,
  );
  readonly #logins = new Family('counter', 'posthuis_logins_total', 'Logins', ['protocol', 'result']);
  readonly #messages = new Family('counter', 'posthuis_messages_total', 'Messages taken in', ['protocol', 'result']);
  readonly #bytes = new Family('counter', 'posthuis_message_bytes_total', 'Bytes of messages taken in', [
    'protocol',
    'result',
  ]);
  readonly #deliveries = new Family(
    'counter',
    'posthuis_deliveries_total',
    'Recipients of queued mail: sent, failed for good, or waiting for another attempt',
    ['result'],
  );
  readonly #queue = new Family('gauge', 'posthuis_queue', 'What waits to be sent: messages, bytes', ['unit']);
  readonly #verbs = new Set<string>();
  readonly #delay = new EventLoopDelay();

  constructor(thread: number) {
    this.#thread = String(thread);
  }

  connection(protocol: string, delta: 1 | -1): void {
    this.#connections.add(delta, protocol, this.#thread);
    if (delta === 1) this.#accepted.add(1, protocol);
  }

  /** A connection that a limit turned away. */
  refused(listener: string, reason: string): void {
    this.#refused.add(1, listener, reason);
  }

  command(protocol: string, verb: string, seconds: number): void {
    this.#commands.observe(seconds, protocol, this.#known(verb));
  }

  login(protocol: string, result: 'ok' | RejectReason): void {
    this.#logins.add(1, protocol, result);
  }

  message(protocol: string, result: 'accepted' | 'refused' | 'deferred', bytes: number): void {
    this.#messages.add(1, protocol, result);
    this.#bytes.add(bytes, protocol, result);
  }

  /** What became of recipients of queued mail. */
  delivery(result: 'sent' | 'failed' | 'waiting', recipients: number): void {
    this.#deliveries.add(recipients, result);
  }

  /** What waits to be sent; of the process, so told by one thread. */
  queue({ messages, bytes }: { readonly messages: number; readonly bytes: number }): void {
    this.#queue.set(messages, 'messages');
    this.#queue.set(bytes, 'bytes');
  }

  /** Everything counted so far, for the main thread; the event loop's delay is that since the last time. */
  async snapshot(): Promise<MetricsSnapshot> {
    const counted = [
      this.#connections,
      this.#accepted,
      this.#refused,
      this.#commands,
      this.#logins,
      this.#messages,
      this.#bytes,
      this.#deliveries,
      this.#queue,
      ...this.#runtime(),
      // Of the process, so counted once.
      ...(this.#thread === '0' ? ofTheProcess() : []),
    ];
    return counted.map((family) => family.snapshot());
  }

  #runtime(): Family[] {
    const delay = new Family(
      'gauge',
      'posthuis_event_loop_delay_seconds',
      'How late the event loop of a thread ran since the last scrape; quantile 1 is the maximum',
      ['thread', 'quantile'],
    );
    const delays = this.#delay.take(QUANTILES);
    QUANTILES.forEach((quantile, i) => {
      delay.set(delays[i] ?? 0, this.#thread, String(quantile));
    });
    const heap = new Family('gauge', 'posthuis_heap_bytes', 'JavaScript heap in use', ['thread']);
    heap.set(getHeapStatistics().used_heap_size, this.#thread);
    return [delay, heap];
  }

  #known(verb: string): string {
    if (this.#verbs.has(verb)) return verb;
    if (this.#verbs.size >= MAX_VERBS || !VERB.test(verb)) return 'other';
    this.#verbs.add(verb);
    return verb;
  }

  [Symbol.dispose](): void {
    this.#delay[Symbol.dispose]();
  }
}

/** The names that Prometheus's own clients use. */
function ofTheProcess(): Family[] {
  const one = (kind: 'counter' | 'gauge', name: string, help: string, value: number): Family => {
    const family = new Family(kind, name, help, []);
    family.set(value);
    return family;
  };
  const { user, system } = process.cpuUsage();
  const started = Date.now() / 1000 - process.uptime();
  return [
    one('counter', 'process_cpu_seconds_total', 'CPU time, user and system', (user + system) / 1e6),
    one('gauge', 'process_resident_memory_bytes', 'Resident memory', process.memoryUsage.rss()),
    one('gauge', 'process_start_time_seconds', 'When the process started, in unix time', started),
  ];
}

/** The threads' counts as one page of the Prometheus text format. */
export async function metricsPage(snapshots: readonly MetricsSnapshot[]): Promise<string> {
  return textFormat(snapshots.flat());
}
