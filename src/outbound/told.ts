// Reports about mail that came in from elsewhere (RFC 3461 5.2, RFC 3464), into the queue before its peer has the 250. They
// go to nobody who has not been confirmed by SPF or DKIM: his address may be that of somebody who never wrote to us.

import { hash } from 'node:crypto';
import type { Logger } from 'pino';
import { type Directory, type NewQueued, Notify, type Staged, type Staging } from '#storage/ports.ts';
import type { Delivery } from '../ingress/deliver.ts';
import type { Refused, Reports } from '../ingress/reports.ts';
import { recipientOf } from './enqueue.ts';
import type { ForwardParts } from './forward.ts';
import { REPORTED_BYTES, REPORTED_HEADER_BYTES } from './limits.ts';
import { type Action, makeReport, type Reported, writeReport } from './report.ts';

export interface ToldParts extends Omit<ForwardParts, 'derivedKey' | 'directory'> {
  readonly directory: Pick<Directory, 'resolve'>;
  readonly stage: (options: { maxBytes: number }) => Staging;
  readonly log: Logger;
}

/** A report to somebody: '' is the sender. */
interface Report {
  readonly action: Action;
  readonly reader: string;
  readonly recipients: readonly Reported[];
}

export function createReports(parts: ToldParts): Reports {
  const { vouching, directory, send, log } = parts;

  /** What the sender asked for about a recipient, in bits of Notify. */
  const asked = ({ envelope }: Delivery, recipient: string) => recipientOf(recipient, envelope).notify;

  async function isTold(delivery: Delivery): Promise<boolean> {
    return send && delivery.envelope.sender !== '' && (await vouching.confirmed(delivery));
  }

  async function add(delivery: Delivery, report: Report): Promise<void> {
    await using staged = await writtenReport(parts, delivery, report);
    await parts.queue.add(await parts.routed(toReader(parts, delivery, report, staged), null));
  }

  return {
    async refused(delivery, refused) {
      const reported = (one: Refused): Reported => ({
        recipient: recipientOf(one.recipient, delivery.envelope),
        reply: one.reply,
        status: one.reply.enhanced,
      });
      if (await isTold(delivery)) {
        const wanted = refused.filter(({ recipient }) => (asked(delivery, recipient) & Notify.failure) !== 0);
        const about = { action: 'failed' as const, reader: '', recipients: wanted.map(reported) };
        if (wanted.length > 0) await add(delivery, about);
        return true;
      }
      for (const { recipient, reply } of refused) {
        const resolution = await directory.resolve(recipient);
        // Where there is no room for it there is none in Junk.
        if (resolution.kind !== 'local' || resolution.accounts.length === 0 || !reply.enhanced.startsWith('5.7.')) {
          return false;
        }
      }
      for (const one of refused) {
        await add(delivery, { action: 'failed', reader: one.recipient, recipients: [reported(one)] });
      }
      return true;
    },
    async delivered(delivery) {
      const { envelope, about } = delivery;
      const wanted = [...new Set(envelope.recipients)].filter(
        (recipient) => (asked(delivery, recipient) & Notify.success) !== 0,
      );
      if (wanted.length === 0 || !(await isTold(delivery))) return;
      try {
        const all = await Promise.all(
          wanted.map(async (recipient) => ({ recipient, ...(await outcomeOf(recipient)) })),
        );
        for (const action of ['delivered', 'relayed', 'expanded'] as const) {
          const recipients = all
            .filter((one) => one.action === action)
            .map(({ recipient, reply }) => ({ ...reply, recipient: recipientOf(recipient, envelope) }));
          if (recipients.length > 0) await add(delivery, { action, reader: '', recipients });
        }
      } catch (error) {
        // It has been delivered, which a report is no condition of.
        log.warn({ ...about, err: error }, 'a delivery could not be reported');
      }
    },
  };

  /** RFC 3461 5.2.2, 5.2.7: what goes on elsewhere is out of our hands. */
  async function outcomeOf(recipient: string) {
    const resolution = await directory.resolve(recipient);
    const { accounts = [], forwards = [], onwards = [] } = resolution.kind === 'local' ? resolution : {};
    const several = forwards.length + accounts.length - onwards.length > 1;
    const action: Action = forwards.length === 0 ? 'delivered' : several ? 'expanded' : 'relayed';
    const status = action === 'relayed' ? '2.1.9' : '2.1.5'; // RFC 3886 3.3.4
    return { action, reply: { reply: { code: 250, enhanced: status, text: 'OK' }, status } };
  }
}

async function writtenReport(
  { hostname, stage, now }: ToldParts,
  { envelope, staged }: Delivery,
  { action, reader, recipients }: Report,
): Promise<Staged> {
  const { sender, dsn, requireTls } = envelope;
  // What is filed for its recipient may be the only copy. RFC 8689 6: what was to be protected does not come back.
  const comesBack = dsn?.ret !== 'hdrs' && requireTls !== true && staged.size <= REPORTED_BYTES;
  const whole = action === 'failed' && (reader !== '' || comesBack);
  const at = now();
  const message = { sender, envelopeId: dsn?.envid ?? '', created: at, expires: at };
  const report = makeReport({
    ...{ hostname, message, action, recipients, host: '', whole, reader, now: at, refused: true },
  });
  const header = staged.header.subarray(0, REPORTED_HEADER_BYTES);
  const content = whole ? { size: staged.size, chunks: staged.open() } : { size: header.length, chunks: [header] };
  return await writeReport(stage, report, content);
}

function toReader(
  { retry, now }: ToldParts,
  { envelope, staged }: Delivery,
  { action, reader, recipients }: Report,
  report: Staged,
): NewQueued {
  const at = now();
  const [to] = reader === '' ? [recipientOf(envelope.sender, {})] : recipients.map(({ recipient }) => recipient);
  if (to === undefined) throw new Error('a report to nobody');
  const about = recipients.map(({ recipient }) => recipient.address).join(' ');
  const { messageId } = staged.scanned;
  return {
    ...{ staged: report, prefix: new Uint8Array(0), owner: '', sender: '', envelopeId: '', returnFull: false },
    ...{
      requireTls: envelope.requireTls === true,
      eightBit: true,
      notBefore: at,
      expires: at + retry(to.domain).giveUpMs,
    },
    utf8: [envelope.sender, about].some((text) => Buffer.byteLength(text) !== text.length),
    ...(reader !== '' && { forwarded: reader }),
    // A peer that repeats the message is not told again.
    once: hash('sha256', `${action}\0${reader}\0${envelope.sender}\0${about}\0${messageId}\0${staged.hash}`),
    recipients: [{ address: to.address, domain: to.domain, original: '', notify: 0 }],
  };
}
