// DATA (RFC 5321 4.1.1.4): the message. The reply to its final dot is the promise that it is kept.

import { accept, startReception, takeContent } from '../accept.ts';
import { Reply } from '../replies.ts';
import type { Answer, Session } from '../session.ts';

export function data(session: Session, rest: string): Answer {
  const { transaction } = session;
  if (rest !== '') return Reply.noParameters;
  if (transaction === null) return Reply.mailFirst;
  if (transaction.recipients.length === 0) return Reply.recipientFirst;
  if (transaction.chunks !== null) return Reply.mixed; // RFC 3030 2
  if (transaction.mail.body === 'binarymime') return Reply.binaryByBdat; // RFC 3030 3
  const reception = startReception(session, true);
  session.receive({
    reader: reception.reader,
    take: (content) => takeContent(session, reception, content),
    end: async () => session.answer(await accept(session, transaction, reception)),
    abort: () => reception.abort(),
  });
  return '354 End with CR LF . CR LF\r\n';
}
