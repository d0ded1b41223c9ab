// QUIT (RFC 1939 4, 6): the only way into the UPDATE state; its +OK means that the deletions are durable.
import { StoreError } from '#storage/errors.ts';
import type { Command } from '../command.ts';

export const quit: Command = {
  state: 'any',
  async run(session) {
    session.hangUp();
    try {
      await session.leave();
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      session.log.error({ err: error }, 'marked messages could not be moved to Trash');
      session.error('some deleted messages not removed', 'SYS/TEMP'); // RFC 1939 6
      return;
    }
    session.ok('bye');
  },
};
