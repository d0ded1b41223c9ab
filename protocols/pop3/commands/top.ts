// TOP (RFC 1939 7): the header of a message, the empty line, and so many lines of the body.
import type { Command } from '../command.ts';
import { parseNumbers } from '../grammar.ts';
import { existing, sendMessage } from '../messages.ts';
import { TopCutter } from '../octets.ts';

export const top: Command = {
  state: 'transaction',
  async run(session, argument, maildrop) {
    const [number, lines] = parseNumbers(argument, 2) ?? [];
    if (number === undefined || lines === undefined) {
      session.error('TOP needs a message number and a number of lines');
      return;
    }
    const entry = existing(session, maildrop, number);
    if (entry === undefined) return;
    await sendMessage(session, maildrop, entry, 'top of message follows', new TopCutter(lines));
  },
};
