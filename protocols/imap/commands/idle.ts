// IDLE (RFC 2177): tells changes as they come, until DONE. What follows DONE in the same packet is the next command.

import { Disconnected, TOO_LONG } from '#protocols/net/connection.ts';
import { Violation } from '../grammar/command-reader.ts';
import { BadCommand } from '../grammar/errors.ts';
import { CONTINUATION_BYTES } from '../limits.ts';
import type { Session } from '../session.ts';
import type { Outcome, Verb } from './verb.ts';

export const idle: Verb = {
  state: 'authenticated',
  expunges: true,
  async run(session, { scanner }) {
    scanner.end();
    session.connection.out.text('+ idling\r\n');
    using _wakes = session.owner.mail.subscribe(() => session.connection.interrupt());
    return await waitForDone(session);
  },
};

async function waitForDone(session: Session): Promise<Outcome> {
  const { connection, reader, server, owner } = session;
  for (;;) {
    const line = reader.takeLine(CONTINUATION_BYTES);
    if (line === TOO_LONG) throw new Violation('Line too long');
    if (line !== null) return ended(session, line);
    if (server.closing) throw new Violation('Server is shutting down');
    if (owner.behind) {
      await session.sync(true);
      if (session.selected?.index.deleted === true) throw new Violation('The selected mailbox was deleted');
      if (connection.congested) await connection.drain();
      // What was committed meanwhile is seen before waiting; if the store fails, the next wake-up tries again.
      if (connection.available > 0 || !owner.behind) continue;
    }
    const event = await connection.more();
    if (event === 'end') throw new Disconnected();
    if (event === 'timeout') throw new Violation('Idle for too long');
  }
}

/** iOS has been seen to send its next command where DONE is due: IDLE ends, and the command is run. */
function ended(session: Session, line: string): Outcome {
  if (line.trim().toUpperCase() === 'DONE') return { text: 'IDLE terminated' };
  session.reader.giveBack(line);
  throw new BadCommand('Expected DONE');
}
