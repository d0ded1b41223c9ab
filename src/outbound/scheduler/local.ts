// Recipients of ours that wait in the queue, because others of the same message are not: they take the ingress road. A
// report about mail that could not be forwarded goes straight into the Junk of him for whom it was.

import { hash, randomBytes } from 'node:crypto';
import type { Logger } from 'pino';
import type { Ingress, IngressSession } from '#protocols/ports.ts';
import type { ServerReply } from '#protocols/smtp/client/reply.ts';
import type {
  AccountId,
  Directory,
  MailAccount,
  Queue,
  QueuedMessage,
  QueuedRecipient,
  Staged,
  Staging,
} from '#storage/ports.ts';
import { ACCEPTED, replyOf } from '../../ingress/outcome.ts';

export interface LocalParts {
  readonly hostname: string;
  readonly directory: Pick<Directory, 'account' | 'resolve'>;
  readonly mail: (id: AccountId) => MailAccount;
  readonly queue: Pick<Queue, 'content'>;
  readonly ingress: Pick<Ingress, 'accept'>;
  readonly stage: (options: { maxBytes: number }) => Staging;
  readonly log: Logger;
}

/** Delivers; what became of each recipient. */
export async function deliverLocally(
  parts: LocalParts,
  message: QueuedMessage,
  recipients: readonly QueuedRecipient[],
): Promise<ServerReply[]> {
  await using staging = parts.stage({ maxBytes: message.size });
  const content = await parts.queue.content(message.id);
  for await (const chunk of content.read()) await staging.write(chunk);
  await using staged = await staging.finish();
  if (isFiled(message)) return [await file(parts, message, staged)];
  const account = message.owner === '' ? undefined : await parts.directory.account(message.owner);
  const session: IngressSession = {
    id: `q${message.id}`,
    peer: { connection: randomBytes(6).toString('base64url'), address: '127.0.0.1', port: 0, trusted: true },
    ...{ helo: parts.hostname, esmtp: true, tls: null },
    principal: account === undefined ? null : { account, login: account.address },
  };
  const replies: ServerReply[] = [];
  for (const { address } of recipients) {
    const envelope = {
      ...{ sender: message.sender, recipients: [address], declaredSize: null },
      ...{ smtputf8: message.utf8, body8bit: message.eightBit },
    };
    replies.push(await parts.ingress.accept(envelope, staged, session));
  }
  return replies;
}

/** It is a report for whom something was forwarded: what is forwarded itself asks for the whole message back. */
export function isFiled({ forwarded, sender, returnFull }: QueuedMessage): boolean {
  return forwarded !== undefined && sender === '' && !returnFull;
}

/** Into the Junk of everybody here whom the address leads to; where there is nobody, the log has it. */
async function file(
  { directory, mail, log }: LocalParts,
  { id, forwarded = '' }: QueuedMessage,
  staged: Staged,
): Promise<ServerReply> {
  const resolution = await directory.resolve(forwarded);
  const accounts = resolution.kind === 'local' ? resolution.accounts : [];
  if (accounts.length === 0) {
    log.warn({ queued: id, recipient: forwarded }, 'what could not be forwarded is lost: nobody here has the address');
  }
  for (const account of accounts) {
    try {
      const boxes = await mail(account.id).mailboxes();
      const box = boxes.find(({ special }) => special === 'junk') ?? boxes.find(({ special }) => special === 'inbox');
      const deliveryId = hash('sha256', `not forwarded\0${id}`);
      await mail(account.id).append(box?.id ?? 0, [{ staged, deliveredTo: forwarded, deliveryId }]);
    } catch (error) {
      log.warn({ err: error, queued: id, recipient: forwarded }, 'what could not be forwarded could not be filed');
      return replyOf(error);
    }
  }
  return ACCEPTED;
}
