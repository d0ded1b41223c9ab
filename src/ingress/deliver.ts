// The last stage: one durable append to the INBOX of each account, and the reply that says what became of it.

import type { Logger } from 'pino';
import type { Envelope, IngressSession, SmtpReply } from '#protocols/ports.ts';
import { StoreError } from '#storage/errors.ts';
import type {
  Account,
  AccountId,
  AppendEntry,
  Directory,
  MailAccount,
  MailboxId,
  Resolution,
  Staged,
} from '#storage/ports.ts';
import type { Forwarder } from './forwarder.ts';
import { INBOXES, PARALLEL } from './limits.ts';
import { ACCEPTED, combine, replyOf, TEMPORARY, UNKNOWN } from './outcome.ts';
import { prefix } from './prefix.ts';
import { roomBeyondQuota } from './roles.ts';

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
  readonly forwarder: Forwarder;
  readonly log: Logger;
}

/** Delivers to all recipients, with a reply for each; resolves once every append is durable or has failed. */
export function createDeliver({
  directory,
  mail,
  hostname,
  forwarder,
  log,
}: DeliverParts): (delivery: Delivery) => Promise<readonly SmtpReply[]> {
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
      const [appended] = await mail(account.id).append(await inbox(account.id), [entry], {
        overQuota: roomBeyondQuota(recipient),
      });
      const { uid, duplicate } = appended ?? {};
      log.info({ ...about, recipient, uid, duplicate, bytes: staged.size }, 'delivered');
      return ACCEPTED;
    } catch (error) {
      inboxes.delete(account.id);
      log.warn({ ...about, err: error, recipient }, 'not delivered');
      return replyOf(error);
    }
  }

  /** Who gets a copy: each account once, whatever leads to it; and where else it goes, each address once. */
  async function plan(delivery: Delivery): Promise<readonly Plan[]> {
    const accounts = new Map<AccountId, Copy>();
    const elsewhere = new Set<string>();
    const plans: Plan[] = [];
    for (const recipient of delivery.envelope.recipients) {
      const resolution = await directory.resolve(recipient);
      const back = delivery.envelope.sender === '' && !isSomebody(resolution) ? forwarder.returns(recipient) : null;
      if (back !== null && resolution.kind !== 'foreign') {
        plans.push({ copies: [], onward: () => forwarder.giveBack(delivery, recipient, back) });
        continue;
      }
      // It was there at RCPT: if it is unknown now it went meanwhile.
      if (resolution.kind !== 'local') {
        plans.push(resolution.kind === 'unknown' ? UNKNOWN : TEMPORARY);
        continue;
      }
      const { onwards = [], forwards = [] } = resolution;
      const copies = resolution.accounts
        .filter(({ id }) => !onwards.includes(id))
        .map((account) => accounts.get(account.id) ?? { account, recipient });
      for (const copy of copies) accounts.set(copy.account.id, copy);
      const targets = forwards.filter((address) => !elsewhere.has(address));
      for (const target of targets) elsewhere.add(target);
      plans.push({
        copies,
        ...(targets.length > 0 && { onward: () => forwarder.forward(delivery, recipient, targets) }),
      });
    }
    return plans;
  }

  async function send({ about }: Delivery, onward: () => Promise<SmtpReply>): Promise<SmtpReply> {
    try {
      return await onward();
    } catch (error) {
      log.warn({ ...about, err: error }, 'not forwarded');
      return replyOf(error);
    }
  }

  return async (delivery) => {
    const plans = await plan(delivery);
    const copies = [...new Set(plans.flatMap((planned) => ('code' in planned ? [] : planned.copies)))];
    const replies = new Map<Copy, SmtpReply>();
    const queue = [...copies];
    const work = async () => {
      for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
        replies.set(next, await deliverTo(next.account, next.recipient, delivery));
      }
    };
    if (copies.length === 1) await work();
    else await Promise.all(Array.from({ length: Math.min(PARALLEL, copies.length) }, work));
    const replyTo = (copy: Copy) => replies.get(copy) ?? TEMPORARY;
    const outcomes: SmtpReply[] = [];
    for (const planned of plans) {
      if ('code' in planned) {
        outcomes.push(planned);
        continue;
      }
      const each = planned.copies.map(replyTo);
      if (planned.onward !== undefined) each.push(await send(delivery, planned.onward));
      outcomes.push(combine(each));
    }
    return outcomes;
  };
}

/** Somebody has this very address. */
export function isSomebody(resolution: Resolution): boolean {
  return resolution.kind === 'local' && !resolution.caught;
}

interface Copy {
  readonly account: Account;
  /** The first address that led to it. */
  readonly recipient: string;
}

/** What a recipient comes to: copies here and a message that goes on, or why there is nothing. */
type Plan = SmtpReply | Copies;

interface Copies {
  readonly copies: readonly Copy[];
  readonly onward?: () => Promise<SmtpReply>;
}

/**
 * The same message from the same sender again within the hour is a retry after a lost reply or a half-done delivery.
 * A message that carries nothing of its own (no Message-ID, no Date) has none: a device that reports the same thing
 * twice means it twice, and a duplicate is better than a loss.
 */
function deliveryId(envelope: Envelope, staged: Staged): string | null {
  const { messageId, sent } = staged.scanned;
  if (messageId === '' && sent === null) return null;
  return `${envelope.sender}\0${messageId}\0${staged.hash}`; // the store keeps a hash of it
}
