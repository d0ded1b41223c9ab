// NOOP (RFC 1939 5).
import type { Command } from '../command.ts';

export const noop: Command = {
  state: 'transaction',
  run(session) {
    session.ok('nothing done');
  },
};
