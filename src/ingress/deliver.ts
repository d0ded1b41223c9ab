// The last stage: one durable append to the INBOX of each account, and the reply that says what became of it.

import { hash } from 'node:crypto';
import type { Logger } from 'pino';
import type { Envelope, IngressSession, SmtpReply } from '#protocols/ports.ts';
import { StoreError } from '#storage/errors.ts';
import type { Account, AccountId, AppendEntry, Directory, MailAccount, MailboxId, Staged } from '#storage/ports.ts';
import { INBOXES, PARALLEL } from './limits.ts';
import { ACCEPTED, combine, replyOf, TEMPORARY, UNKNOWN } from './outcome.ts';
import { prefix } from './prefix.ts';

/** A message in the pipeline. */
export interface Delivery {
  readonly envelope: Envelope;
  readonly staged: Staged;
  readonly session: IngressSession;
  /** What stands on each log line. A child logger for each message would cost more than the line. */
  readonly about: { readonly connection: string; readonly address: string; readonly sender: string };
}

export interface DeliverParts {
  readonly directory: Pick<Directory, 'resolve'>;
  readonly mail: (id: AccountId) => MailAccount;
  readonly hostname: string;
  readonly log: Logger;
}

/** Delivers to all recipients; resolves once every append is durable or has failed. */
export function createDeliver({
  directory,
  mail,
  hostname,
  log,
}: DeliverParts): (delivery: Delivery) => Promise<SmtpReply> {
  const inboxes = new Map<AccountId, MailboxId>();

  /** INBOX can be neither deleted nor renamed, so its id is good as long as the account is. */
  async function inbox(id: AccountId): Promise<MailboxId> {
    const known = inboxes.get(id);
    if (known !== undefined) return known;
    const mailbox = await mail(id).mailboxByPath('INBOX');
    if (mailbox === undefined) throw new StoreError('unavailable', `account ${id} has no INBOX`);
    if (inboxes.size >= INBOXES) inboxes.clear();
    inboxes.set(id, mailbox.id);
    return mailbox.id;
  }

  async function deliverTo(account: Account, recipient: string, delivery: Delivery): Promise<SmtpReply> {
    const { envelope, staged, session, about } = delivery;
    const now = Math.floor(Date.now() / 1000);
    const id = deliveryId(envelope, staged);
    const entry: AppendEntry = {
      staged,
      prefix: prefix({ hostname, envelope, session, recipient, now }),
      received: { seconds: now, offsetMinutes: 0 },
      deliveredTo: recipient, // F18
      ...(id === null ? {} : { deliveryId: id }),
    };
    try {
      const [appended] = await mail(account.id).append(await inbox(account.id), [entry]);
      const { uid, duplicate } = appended ?? {};
      log.info({ ...about, recipient, uid, duplicate, bytes: staged.size }, 'delivered');
      return ACCEPTED;
    } catch (error) {
      inboxes.delete(account.id);
      log.warn({ ...about, err: error, recipient }, 'not delivered');
      return replyOf(error);
    }
  }

  return async (delivery) => {
    const accounts = new Map<AccountId, { readonly account: Account; readonly recipient: string }>();
    for (const recipient of delivery.envelope.recipients) {
      const resolution = await directory.resolve(recipient);
      if (resolution.kind !== 'local') {
        // It was there at RCPT. Nothing has been delivered yet, so this is everybody's answer.
        return resolution.kind === 'unknown' && delivery.envelope.recipients.length === 1 ? UNKNOWN : TEMPORARY;
      }
      for (const account of resolution.accounts) {
        // Two addresses of one account get one copy.
        if (!accounts.has(account.id)) accounts.set(account.id, { account, recipient });
      }
    }
    const queue = [...accounts.values()];
    const replies: SmtpReply[] = [];
    const work = async () => {
      for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
        replies.push(await deliverTo(next.account, next.recipient, delivery));
      }
    };
    await Promise.all(Array.from({ length: Math.min(PARALLEL, queue.length) }, work));
    return combine(replies);
  };
}

/**
 * The same message from the same sender again within the hour is a retry after a lost reply or a half-done delivery.
 * A message that carries nothing of its own (no Message-ID, no Date) has none: a device that reports the same thing
 * twice means it twice, and a duplicate is better than a loss.
 */
function deliveryId(envelope: Envelope, staged: Staged): string | null {
  const { messageId, sent } = staged.scanned;
  if (messageId === '' && sent === null) return null;
  return hash('sha256', `${envelope.sender}\0${messageId}\0${staged.hash}`);
}
