// BDAT (RFC 3030 2): the message in counted pieces. Nothing in them ends it, so nothing has to be looked for.

import type { SmtpReply } from '#protocols/ports.ts';
import { accept, endLine, startReception, takeContent } from '../accept.ts';
import { ChunkReader, DISCARD } from '../chunk.ts';
import { CHUNK_OCTETS } from '../limits.ts';
import { Reply, reply } from '../replies.ts';
import type { Answer, Chunks, Session, Transaction } from '../session.ts';

export function bdat(session: Session, rest: string): Promise<Answer> | Answer {
  const [, size = '', last] = /^(\d{1,15})(?: +(LAST))?$/i.exec(rest) ?? [];
  const octets = Number(size);
  const { context, limits } = session.part;
  // Without knowing how much content follows we would read it as commands; and nobody sends what is never taken.
  const fatal = size === '' ? Reply.bdatSyntax : octets > limits.excess * context.messageSize && Reply.tooLargeByFar;
  if (fatal) {
    session.cut(fatal);
    return fatal;
  }
  const { transaction } = session;
  if (transaction === null) return discard(session, octets, Reply.mailFirst);
  if (transaction.recipients.length === 0) return discard(session, octets, Reply.recipientFirst);
  transaction.chunks ??= {
    reception: startReception(session, false, transaction.mail.body === 'binarymime'),
    count: 0,
  };
  const { chunks } = transaction;
  // A message in pieces of a few octets is a flood of commands.
  if (++chunks.count > limits.idleCommands + chunks.reception.octets / CHUNK_OCTETS && !session.peer.trusted) {
    session.cut(Reply.tooManyCommands);
    return Reply.tooManyCommands;
  }
  const { reception } = chunks;
  const end = () => received(session, transaction, chunks, { octets, last: last !== undefined });
  if (octets === 0) return end();
  session.receive({
    reader: new ChunkReader(reception.reader, octets),
    take: (content) => takeContent(session, reception, content),
    end: async () => session.answer(await end()),
    abort: () => reception.abort(),
  });
  return ''; // the answer comes after the octets
}

/** A chunk is here: the end of the message, or as much of it. */
async function received(
  session: Session,
  transaction: Transaction,
  chunks: Chunks,
  { octets, last }: { octets: number; last: boolean },
): Promise<Answer> {
  const { reception } = chunks;
  if (last) {
    await endLine(reception);
    transaction.chunks = null;
    return accept(session, transaction, reception);
  }
  // RFC 3030 2: after a failure the rest of the pipelined chunks is refused too.
  if (reception.failure === null) return reply(250, '2.0.0', `${octets} octets received`);
  session.reset();
  return reception.failure;
}

/** RFC 3030 2: the octets of a refused BDAT are still read. */
function discard(session: Session, octets: number, refusal: SmtpReply): Answer {
  if (octets === 0) return refusal;
  session.receive({
    reader: new ChunkReader(DISCARD, octets),
    take: () => {},
    end: () => session.answer(refusal),
    abort: async () => {},
  });
  return '';
}
