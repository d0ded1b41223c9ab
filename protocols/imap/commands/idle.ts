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
    session.noteDevice();
    using _wakes = session.listen();
    // Thunderbird does not look at lines that come together with the continuation before the next ones come.
    await session.sync(true);
    session.connection.out.text('+ idling\r\n');
    return await waitForDone(session);
  },
};

async function waitForDone(session: Session): Promise<Outcome> {
  const { connection, reader, server } = session;
  for (;;) {
    const line = reader.takeLine(CONTINUATION_BYTES);
    if (line === TOO_LONG) throw new Violation('Line too long');
    if (line !== null) return ended(session, line);
    if (server.closing) throw new Violation('Server is shutting down');
    // Another session of the account may have read the changes already: they are told whoever did.
    const { stamp } = session;
    const { available } = connection;
    await session.sync(true);
    if (session.endOfSelected !== '') throw new Violation(session.endOfSelected);
    if (connection.congested) await connection.drain();
    // What came meanwhile is seen before waiting; if the store fails, the next wake-up tries again.
    if (connection.available !== available || session.stamp !== stamp) continue;
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
