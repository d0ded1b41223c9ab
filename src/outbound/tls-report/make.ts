// A report on TLS (RFC 8460 4 and 5): JSON, packed, and the message that carries it.

import { hash, randomBytes } from 'node:crypto';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { formatDate } from '#storage/message/date.ts';
import { Base64Encoder, encodeWhole } from '#storage/message/transfer-encode.ts';
import type { TlsResult } from '#storage/ports.ts';
import { DAY_MS } from './collect.ts';

const pack = promisify(gzip);

export interface TlsReportAbout {
  /** Who reports. */
  readonly hostname: string;
  /** A domain of ours, for From and the signature. */
  readonly ours: string;
  /** Unix days. */
  readonly day: number;
  /** Whose policy it is. */
  readonly domain: string;
}

/** The same report has the same id, whenever it is made. */
export function reportId({ hostname, day, domain }: TlsReportAbout): string {
  return `${day}.${hash('sha256', `${hostname}\0${domain}`).slice(0, 16)}@${hostname}`;
}

/** RFC 8460 4.4. */
export function reportJson(about: TlsReportAbout, results: readonly TlsResult[]): string {
  const policies = new Map<string, TlsResult[]>();
  for (const result of results) policies.set(result.policy, [...(policies.get(result.policy) ?? []), result]);
  const { day, hostname, ours } = about;
  return JSON.stringify({
    'organization-name': hostname,
    'date-range': { 'start-datetime': stamp(day * DAY_MS), 'end-datetime': stamp((day + 1) * DAY_MS - 1_000) },
    'contact-info': `postmaster@${ours}`,
    'report-id': reportId(about),
    policies: [...policies].map(([policy, of]) => {
      const failed = of.filter(({ result }) => result !== '');
      return {
        policy: JSON.parse(policy) as unknown,
        summary: {
          'total-successful-session-count': sum(of.filter(({ result }) => result === '')),
          'total-failure-session-count': sum(failed),
        },
        ...(failed.length > 0 && {
          'failure-details': failed.map(({ result, detail, sessions }) => ({
            ...{ 'result-type': result, ...(JSON.parse(detail) as object), 'failed-session-count': sessions },
          })),
        }),
      };
    }),
  });
}

/** As it is sent: RFC 8460 4.1 has gzip. */
export function packReport(json: string): Promise<Uint8Array> {
  return pack(json);
}

/** RFC 8460 5.1. */
function fileName({ hostname, domain, day }: TlsReportAbout): string {
  const [start, end] = [day * 86_400, (day + 1) * 86_400 - 1];
  return `${hostname}!${domain}!${start}!${end}.json.gz`;
}

/** The message (RFC 8460 5.3). */
export function reportMail(about: TlsReportAbout, packed: Uint8Array, to: string, now: number): Buffer {
  const { hostname, ours, domain } = about;
  const boundary = `tlsrpt-${randomBytes(16).toString('hex')}`;
  const id = reportId(about);
  const head = [
    `From: TLS reports of ${hostname} <postmaster@${ours}>`,
    `To: <${to}>`,
    `Subject: Report Domain: ${domain}`,
    ` Submitter: ${hostname} Report-ID: <${id}>`,
    `Date: ${formatDate({ seconds: Math.floor(now / 1000), offsetMinutes: 0 })}`,
    `Message-ID: <${hash('sha256', `${id} ${to}`).slice(0, 24)}@${hostname}>`,
    `TLS-Report-Domain: ${domain}`,
    `TLS-Report-Submitter: ${hostname}`,
    'TLS-Required: No', // RFC 8689 5: it has to arrive where TLS is what fails
    'Auto-Submitted: auto-generated',
    'MIME-Version: 1.0',
    `Content-Type: multipart/report; report-type="tlsrpt"; boundary="${boundary}"`,
    '',
    `--${boundary}`,
    'Content-Type: text/plain; charset=us-ascii',
    '',
    `This is a report of ${hostname} on the TLS of its sessions with the mail`,
    `servers of ${domain}, as asked for in DNS (RFC 8460).`,
    '',
    `--${boundary}`,
    'Content-Type: application/tlsrpt+gzip',
    'Content-Transfer-Encoding: base64',
    `Content-Disposition: attachment;\r\n filename="${fileName(about)}"`,
    '',
    '',
  ].join('\r\n');
  return Buffer.concat([
    Buffer.from(head),
    encodeWhole(new Base64Encoder(), packed),
    Buffer.from(`--${boundary}--\r\n`),
  ]);
}

function stamp(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z');
}

function sum(results: readonly TlsResult[]): number {
  return results.reduce((total, { sessions }) => total + sessions, 0);
}
