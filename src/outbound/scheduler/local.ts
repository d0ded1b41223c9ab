// Recipients of ours that wait in the queue, because others of the same message are not: they take the ingress road.

import { randomBytes } from 'node:crypto';
import type { Ingress, IngressSession } from '#protocols/ports.ts';
import type { ServerReply } from '#protocols/smtp/client/reply.ts';
import type { Directory, Queue, QueuedMessage, QueuedRecipient, Staging } from '#storage/ports.ts';

export interface LocalParts {
  readonly hostname: string;
  readonly directory: Pick<Directory, 'account'>;
  readonly queue: Pick<Queue, 'content'>;
  readonly ingress: Pick<Ingress, 'accept'>;
  readonly stage: (options: { maxBytes: number }) => Staging;
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
