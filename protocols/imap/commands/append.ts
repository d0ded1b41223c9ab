// APPEND (RFC 9051 6.3.12), with APPENDUID (RFC 4315 3). The message streams into the store as it comes.

import { StoreError } from '#storage/errors.ts';
import type { AppendEntry, Appended, Mailbox, Staged } from '#storage/ports.ts';
import { refusalOf } from '../errors.ts';
import type { Command, PendingLiteral } from '../grammar/command-reader.ts';
import { literalTimeout } from '../grammar/command-reader.ts';
import { type DateTime, dateTime } from '../grammar/date-time.ts';
import { BadCommand, Refusal } from '../grammar/errors.ts';
import { type FlagList, flagList } from '../grammar/flags.ts';
import { mailboxName, mailboxPath } from '../grammar/mailbox-name.ts';
import type { Scanner } from '../grammar/scanner.ts';
import { IDLE_MS } from '../limits.ts';
import type { Session } from '../session.ts';
import type { Verb } from './verb.ts';

export const append: Verb = {
  state: 'authenticated',
  expunges: true,
  async run(session, command) {
    const { scanner } = command;
    scanner.space();
    const path = mailboxName(scanner);
    const options = messageOptions(scanner);
    const literal = messageLiteral(command);
    const mailbox = await session.owner.find(path);
    if (mailbox === undefined) throw new Refusal('TRYCREATE', 'No such mailbox');
    await checkSize(session, literal.size);
    const appended = await receive(session, mailbox, options);
    return { code: `APPENDUID ${appended.uidvalidity} ${appended.uid}` };
  },
  streams(scanner) {
    try {
      scanner.space();
      mailboxPath(scanner.astring());
      messageOptions(scanner);
      return scanner.atPendingLiteral;
    } catch (error) {
      // Not (yet) the head of an APPEND; what is wrong with it is told when it is run.
      if (error instanceof BadCommand || error instanceof Refusal) return false;
      throw error;
    }
  },
};

interface MessageOptions {
  readonly flags: FlagList | null;
  readonly received: DateTime | null;
}

/** [SP flag-list] [SP date-time] SP, up to the literal. */
function messageOptions(scanner: Scanner): MessageOptions {
  scanner.space();
  let flags: FlagList | null = null;
  if (scanner.peek() === '(') {
    flags = flagList(scanner);
    scanner.space();
  }
  let received: DateTime | null = null;
  if (scanner.peek() === '"') {
    received = dateTime(scanner);
    scanner.space();
  }
  return { flags, received };
}

function messageLiteral({ scanner, pending }: Command): PendingLiteral {
  if (pending === null || !scanner.atPendingLiteral) throw new BadCommand('Expected a message literal');
  return pending;
}

/** Refuses before the message is sent, where the size alone says that it will be. */
async function checkSize(session: Session, size: number): Promise<void> {
  if (size === 0) throw new Refusal('CANNOT', 'A message cannot be empty');
  if (size > session.context.messageSize) {
    session.context.metrics.message('append', 'refused', size);
    throw new Refusal('TOOBIG', `A message can have ${session.context.messageSize} bytes`); // RFC 7889 3
  }
  const { bytes, limit } = await session.owner.mail.quota();
  if (limit !== null && bytes + size > limit) throw refusalOf(new StoreError('over-quota', 'APPEND'));
}

async function receive(session: Session, mailbox: Mailbox, options: MessageOptions): Promise<Appended> {
  const { context, reader, owner, connection } = session;
  await using staging = context.store.stage({ maxBytes: context.messageSize });
  {
    using _timeout = literalTimeout(connection, IDLE_MS);
    await reader.receive((bytes) => staging.write(bytes));
    const { scanner } = await reader.rest();
    scanner.end();
  }
  await using staged = await staging.finish();
  const [appended] = await owner.mail.append(mailbox.id, [entry(staged, options)]);
  if (appended === undefined) throw new StoreError('unavailable', 'nothing was appended');
  context.metrics.message('append', 'accepted', staged.size);
  return appended;
}

function entry(staged: Staged, { flags, received }: MessageOptions): AppendEntry {
  return {
    staged,
    ...(flags === null ? {} : { flags: flags.flags, keywords: flags.keywords }),
    ...(received === null ? {} : { received }),
  };
}
