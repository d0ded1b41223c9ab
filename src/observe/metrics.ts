// Counters for Prometheus. Each thread counts in a registry of its own; the main thread adds them up at a scrape.
import {
  AggregatorRegistry,
  Counter,
  collectDefaultMetrics,
  Gauge,
  Histogram,
  type MetricObjectWithValues,
  type MetricValue,
  Registry,
} from 'prom-client';
import type { ProtocolMetrics, RejectReason } from '#protocols/ports.ts';
import { EventLoopDelay } from './event-loop.ts';

/** One thread's counts as plain objects, fit for a message to the main thread. */
export type MetricsSnapshot = readonly MetricObjectWithValues<MetricValue<string>>[];

/** Commands take 20 us to some seconds. */
const COMMAND_BUCKETS = [0.0005, 0.002, 0.01, 0.05, 0.25, 1, 5];
/** A verb that no protocol has is counted as `other`, so that a client can't grow the table. */
const VERB = /^[A-Z][A-Z0-9 ]{0,23}$/;
const MAX_VERBS = 200;

/** What one thread measures. */
export class ThreadMetrics implements ProtocolMetrics, Disposable {
  readonly registry = new Registry();
  readonly #thread: number;
  readonly #connections: Gauge;
  readonly #accepted: Counter;
  readonly #refused: Counter;
  readonly #commands: Histogram;
  readonly #logins: Counter;
  readonly #messages: Counter;
  readonly #bytes: Counter;
  readonly #verbs = new Set<string>();
  readonly #delay: EventLoopDelay;

  constructor(thread: number) {
    this.#thread = thread;
    const registers = [this.registry];
    const counter = (name: string, help: string, labelNames: string[]) =>
      new Counter({ name, help, labelNames, registers });
    this.#connections = new Gauge({
      name: 'posthuis_connections',
      help: 'Open connections',
      labelNames: ['protocol', 'thread'],
      registers,
    });
    this.#accepted = counter('posthuis_connections_total', 'Connections taken', ['protocol']);
    this.#refused = counter('posthuis_connections_refused_total', 'Connections refused by a limit', [
      'listener',
      'reason',
    ]);
    this.#commands = new Histogram({
      name: 'posthuis_command_seconds',
      help: 'Time from a command to its last reply',
      labelNames: ['protocol', 'verb'],
      buckets: COMMAND_BUCKETS,
      registers,
    });
    this.#logins = counter('posthuis_logins_total', 'Logins', ['protocol', 'result']);
    this.#messages = counter('posthuis_messages_total', 'Messages taken in', ['protocol', 'result']);
    this.#bytes = counter('posthuis_message_bytes_total', 'Bytes of messages taken in', ['protocol', 'result']);
    this.#delay = new EventLoopDelay(thread, this.registry);
    // Of the process, so counted once.
    if (thread === 0) collectDefaultMetrics({ register: this.registry, eventLoopMonitoringPrecision: 20 });
  }

  connection(protocol: string, delta: 1 | -1): void {
    this.#connections.inc({ protocol, thread: this.#thread }, delta);
    if (delta === 1) this.#accepted.inc({ protocol });
  }

  /** A connection that a limit turned away. */
  refused(listener: string, reason: string): void {
    this.#refused.inc({ listener, reason });
  }

  command(protocol: string, verb: string, seconds: number): void {
    this.#commands.observe({ protocol, verb: this.#known(verb) }, seconds);
  }

  login(protocol: string, result: 'ok' | RejectReason): void {
    this.#logins.inc({ protocol, result });
  }

  message(protocol: string, result: 'accepted' | 'refused' | 'deferred', bytes: number): void {
    this.#messages.inc({ protocol, result });
    this.#bytes.inc({ protocol, result }, bytes);
  }

  /** Everything counted so far, for the main thread. */
  async snapshot(): Promise<MetricsSnapshot> {
    return (await this.registry.getMetricsAsJSON()) as MetricsSnapshot;
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

/** The threads' counts as one page of the Prometheus text format. */
export async function metricsPage(snapshots: readonly MetricsSnapshot[]): Promise<string> {
  return await AggregatorRegistry.aggregate([...snapshots]).metrics();
}
