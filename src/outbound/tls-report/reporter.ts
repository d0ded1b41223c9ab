// Sends the reports on TLS of the days that are over (RFC 8460 5): by mail, signed, or by HTTPS, to where a domain's DNS
// asks for them. What is sent is deleted then and not before; after a crash in between the mail is known (`once`).

import { createHash } from 'node:crypto';
import { BlockList, isIPv6 } from 'node:net';
import type { Logger } from 'pino';
import { hostAddresses, type Resolving } from '#protocols/dns/mail-hosts.ts';
import { HttpFailure, request } from '#protocols/http/client.ts';
import type { Directory, Queue, SigningKeys, Staging, TlsResults } from '#storage/ports.ts';
import { domainOf } from '../enqueue.ts';
import { REPORT_CHARACTERS, REPORT_DAYS, REPORT_JITTER_MS, REPORT_TICK_MS, REPORT_WAIT_MS } from '../limits.ts';
import type { Retry } from '../retry.ts';
import type { Router } from '../routes/router.ts';
import { signaturesFor } from '../signing.ts';
import { DAY_MS, reportUris } from './collect.ts';
import { packReport, reportId, reportJson, reportMail, type TlsReportAbout } from './make.ts';

export interface ReporterParts {
  readonly hostname: string;
  readonly resolver: Resolving;
  readonly directory: Pick<Directory, 'domains'>;
  readonly results: TlsResults;
  readonly queue: Pick<Queue, 'add'>;
  readonly signingKeys: Pick<SigningKeys, 'signing'>;
  readonly stage: (options: { maxBytes: number }) => Staging;
  readonly routed: Router;
  readonly retry: Retry;
  readonly extraCa: readonly string[];
  /** Reports may go to this machine itself, by HTTPS; for tests. */
  readonly loopback?: boolean;
  readonly log: Logger;
  /** Unix ms. */
  readonly now: () => number;
}

/** Where nothing of ours is asked for that others can't reach (RFC 6890). */
const INNER = new BlockList();
for (const [network, bits] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['224.0.0.0', 3],
] as const) {
  INNER.addSubnet(network, bits, 'ipv4');
}

/** An address of the world: not of a network behind us. */
export function isPublic(address: string): boolean {
  // 2000::/3 is all that is given out; 2001:db8::/32 is for books, 2002::/16 has IPv4 inside.
  if (isIPv6(address)) return /^[23][0-9a-f]{3}:/i.test(address) && !/^(?:2001:0?db8|2002):/i.test(address);
  return !INNER.check(address, 'ipv4');
}

export class TlsReporter implements Disposable {
  readonly #parts: ReporterParts;
  readonly #timer: NodeJS.Timeout;
  #working: Promise<void> | null = null;

  constructor(parts: ReporterParts) {
    this.#parts = parts;
    this.#timer = setInterval(() => void this.tick(), REPORT_TICK_MS).unref();
  }

  /** Sends what is due; one at a time. Never rejects. */
  tick(): Promise<void> {
    this.#working ??= this.#work()
      .catch((error: unknown) => this.#parts.log.error({ err: error }, 'reports on TLS could not be sent'))
      .finally(() => {
        this.#working = null;
      });
    return this.#working;
  }

  async #work(): Promise<void> {
    const { results, now } = this.#parts;
    const today = Math.floor(now() / DAY_MS);
    for (let last = { day: -1, domain: '' }; ; ) {
      const next = await results.first(today, last);
      if (next === undefined) return;
      last = next;
      // RFC 8460 5.3: not all of the world at midnight. The same each time, so that a restart moves nothing.
      if (now() < (next.day + 1) * DAY_MS + jitter(this.#parts.hostname, next.domain)) continue;
      const sent = await this.#report(next.day, next.domain);
      if (sent || next.day + REPORT_DAYS < today) await results.remove(next.day, next.domain);
    }
  }

  /** True if somebody has it, or nobody wants it any more. */
  async #report(day: number, domain: string): Promise<boolean> {
    const { hostname, resolver, directory, results, log } = this.#parts;
    const uris = await reportUris(resolver, domain);
    const ours = (await directory.domains()).find(({ isDefault }) => isDefault)?.name;
    if (ours === undefined) return false;
    const about = { hostname, ours, day, domain };
    const packed = await packReport(reportJson(about, await results.of(day, domain)));
    let sent = false;
    for (const uri of uris) {
      try {
        if (/^mailto:/i.test(uri)) await this.#mail(about, packed, uri);
        else await this.#post(packed, new URL(uri));
        log.info({ domain, day, uri }, 'a report on TLS was sent');
        sent = true;
      } catch (error) {
        log.warn({ err: error, domain, day, uri }, 'a report on TLS could not be sent');
      }
    }
    return sent;
  }

  async #mail(about: TlsReportAbout, packed: Uint8Array, uri: string): Promise<void> {
    const { queue, signingKeys, stage, now, retry, routed } = this.#parts;
    const address = decodeURIComponent(uri.slice('mailto:'.length).replace(/\?.*$/s, ''));
    const domain = domainOf(address);
    if (domain === '' || /[\s<>\p{Cc}]/u.test(address)) throw new TypeError(`${uri} is no address`);
    const at = now();
    const message = reportMail(about, packed, address, at);
    await using staging = stage({ maxBytes: message.length });
    await staging.write(message);
    await using staged = await staging.finish();
    const signatures = await signaturesFor(signingKeys, staged, Math.floor(at / 1000));
    // RFC 8460 3: whoever gets it can't believe it otherwise.
    if (signatures === '') throw new TypeError(`${about.ours} has no keys to sign reports with`);
    const outgoing = {
      ...({ staged, prefix: Buffer.from(signatures), owner: '', sender: '', utf8: false, eightBit: false } as const),
      ...({ requireTls: false, tlsOptional: true, envelopeId: '', returnFull: false, notBefore: at } as const),
      once: createHash('sha256')
        .update(`${reportId(about)} ${address}`)
        .digest('hex'),
      expires: at + retry(domain).giveUpMs,
      recipients: [{ address, domain, original: '', notify: 0 }],
    };
    await queue.add(await routed(outgoing, null));
  }

  async #post(packed: Uint8Array, url: URL): Promise<void> {
    const { resolver, extraCa, loopback = false } = this.#parts;
    const { addresses } = await hostAddresses(resolver, url.hostname);
    const reached = addresses.filter((address) => isPublic(address) || (loopback && address.startsWith('127.')));
    const { status } = await request({
      ...{ url, method: 'POST', body: packed, addresses: reached, extraCa },
      ...{ headers: { 'content-type': 'application/tlsrpt+gzip' }, waitMs: REPORT_WAIT_MS, most: REPORT_CHARACTERS },
    });
    if (status < 200 || status > 299) throw new HttpFailure(`${url.host} answers ${status}`, true);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}

/** Some hours after midnight, another time for each domain. */
export function jitter(hostname: string, domain: string): number {
  const number = createHash('sha256').update(`${hostname} ${domain}`).digest().readUInt32BE();
  return Math.floor((number / 2 ** 32) * REPORT_JITTER_MS);
}
