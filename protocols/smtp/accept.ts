// From the first octet of a message to the reply that promises it is kept; DATA and BDAT only differ in how it comes.

import type { SmtpReply } from '#protocols/ports.ts';
import { binaryEdits, withoutBinary } from '#storage/message/binary-parts.ts';
import type { Staged } from '#storage/ports.ts';
import { headerRefusal } from './header.ts';
import { Reception, storeReply } from './reception.ts';
import { format, Reply } from './replies.ts';
import { type Answer, envelopeOf, ingressSession, labelOf, type Session, type Transaction } from './session.ts';

/**
 * `dots`: lines that begin with a dot have it doubled, and one that is only a dot ends the message (DATA). `binary`: every
 * octet is data, for now.
 */
export function startReception(
  { part: { kind, context, limits } }: Session,
  dots: boolean,
  binary = false,
  messageSize = context.messageSize,
): Reception {
  return new Reception(context.store.stage({ maxBytes: messageSize }), {
    repair: kind !== 'mx',
    ...{ dots, binary, lineOctets: limits.lineOctets, messageSize },
  });
}

/** Takes content into the reception; nobody waits for the 552 of a message that goes on and on. */
export function takeContent(session: Session, reception: Reception, content: Uint8Array): Promise<void> | void {
  const { context, limits } = session.part;
  if (reception.octets > limits.excess * context.messageSize) session.cut(Reply.tooLargeByFar);
  return reception.take(content);
}

/** The message is here: delivers it. One reply, or by LMTP one for each recipient (RFC 2033 4.2). */
export async function accept(session: Session, transaction: Transaction, reception: Reception): Promise<Answer> {
  const { kind, context } = session.part;
  session.transaction = null; // RFC 5321 4.1.1.4: whatever comes of it
  session.dialogue.note(`${reception.octets} octets of content`);
  const received = await finish(session, reception);
  const binary = transaction.mail.body === 'binarymime';
  const replies = await deliver(session, transaction, binary ? await asText(session, received) : received);
  const codes = replies.map(({ code }) => code);
  const result = codes.some((code) => code < 300)
    ? 'accepted'
    : codes.some((code) => code < 500)
      ? 'deferred'
      : 'refused';
  if (result === 'accepted') session.progress();
  context.metrics.message(labelOf(kind), result, reception.octets);
  const [first = Reply.temporary] = replies;
  if (kind !== 'lmtp') return first;
  return transaction.recipients.map((_, i) => format(replies[i] ?? first)).join('');
}

async function finish(session: Session, reception: Reception): Promise<Staged | SmtpReply> {
  const received = await reception.finish();
  if (reception.cause !== null) session.log.error({ err: reception.cause }, 'a message could not be received');
  return received;
}

/**
 * What came as binary has to be read by those who know only lines: IMAP can't tell a NUL, POP3 and DATA no bare line end. So
 * its binary parts become base64, and then it is held to what every message is held to, since it goes on like any other.
 */
async function asText(session: Session, received: Staged | SmtpReply): Promise<Staged | SmtpReply> {
  if ('code' in received) return received;
  await using staged = received;
  // Base64 is longer by a third, and each line by its end.
  const reception = startReception(session, false, false, session.part.context.messageSize * 2);
  try {
    const edits = await binaryEdits(staged);
    if (edits === null) {
      await reception.abort();
      return Reply.signedBinary;
    }
    for await (const bytes of withoutBinary(staged, edits)) {
      reception.reader.read(bytes, 0);
      await reception.take(reception.reader.content);
    }
    await endLine(reception);
    return await finish(session, reception);
  } catch (error) {
    await reception.abort();
    session.log.error({ err: error }, 'a binary message could not be read');
    return storeReply(error);
  }
}

/** A message that ends in a bare CR. */
export async function endLine(reception: Reception): Promise<void> {
  const rest = reception.reader.finish();
  if (rest.length > 0) await reception.take(rest);
}

async function deliver(
  session: Session,
  transaction: Transaction,
  received: Staged | SmtpReply,
): Promise<readonly SmtpReply[]> {
  if ('code' in received) return [received];
  try {
    const refusal = headerRefusal(received);
    return refusal === null ? await handOn(session, transaction, received) : [refusal];
  } catch (error) {
    session.log.error({ err: error }, 'a message could not be delivered');
    return [Reply.temporary];
  } finally {
    await received[Symbol.asyncDispose](); // `await using` takes five times as long, and this is each message's
  }
}

async function handOn(session: Session, transaction: Transaction, staged: Staged): Promise<readonly SmtpReply[]> {
  const { kind, ingress, submission } = session.part;
  const about = [envelopeOf(transaction), staged, ingressSession(session)] as const;
  if (kind === 'lmtp') return (await ingress?.deliver(...about)) ?? [];
  const reply = kind === 'mx' ? await ingress?.accept(...about) : await submission?.submit(...about);
  return reply === undefined ? [] : [reply];
}
