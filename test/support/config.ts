// Configurations for tests, as they come out of config/read.ts.
import type { Config, ListenerName } from '#config/schema.ts';
import { LISTENERS } from '#config/schema.ts';

export interface TestConfig {
  readonly data: string;
  readonly threads?: number;
  /** Listeners on 127.0.0.1, each on a free port. */
  readonly listen: readonly ListenerName[];
  readonly plaintext?: boolean;
  /** Seconds; absent: mail is not indexed. */
  readonly indexAfter?: number;
  readonly trustedNetworks?: readonly string[];
  readonly messageSize?: number;
  readonly dns?: Config['dns']['servers'];
  readonly outbound?: Partial<Config['outbound']>;
  readonly oauth?: Config['oauth'];
}

/** A configuration with free loopback ports. */
export function testConfig(options: TestConfig): Config {
  const address = { host: '127.0.0.1', port: 0 };
  const listen = Object.fromEntries(LISTENERS.map((name) => [name, options.listen.includes(name) ? [address] : []]));
  return {
    hostname: 'mail.example.test',
    data: options.data,
    threads: options.threads ?? 1,
    listen: listen as unknown as Config['listen'],
    proxyFrom: [],
    tls: { certificates: [], extraCa: null },
    auth: { plaintext: options.plaintext ?? true },
    oauth: options.oauth ?? null,
    imap: { literals: 'plus', disable: [] },
    limits: {
      messageSize: options.messageSize ?? 64 * 1024 * 1024,
      trustedNetworks: options.trustedNetworks ?? ['127.0.0.0/8', '::1'],
    },
    dns: { servers: options.dns ?? [] },
    outbound: {
      ...{
        send: true,
        port: 25,
        stsPort: 443,
        source: [],
        ehlo: 'mail.example.test',
        ehloIpv6: 'mail.example.test',
        delayReportMs: 14_400_000,
        suppressAfter: 3,
        tlsReports: false,
        tls: [],
        domains: [],
        routes: [],
        routing: [],
        gateways: [],
      },
      retry: { firstMs: 300_000, longestMs: 14_400_000, giveUpMs: 432_000_000 },
      ...options.outbound,
    },
    mtaSts: { mode: null, maxAgeMs: 604_800_000, mx: [] },
    submission: {
      futureReleaseMs: 0,
      relay: [],
      messagesADay: null,
      recipientsAMessage: null,
      newRecipientsADay: null,
    },
    storage: { retentionDays: 14, handles: 128 },
    search: { index: options.indexAfter !== undefined, indexAfter: options.indexAfter ?? 0 },
    log: { level: 'silent' },
  };
}
