// The verbs of SMTP. Only these are ever looked up, and only these are names in the metrics.

import type { Command } from '../session.ts';
import { auth } from './auth.ts';
import { bdat } from './bdat.ts';
import { data } from './data.ts';
import { ehlo, helo, lhlo } from './hello.ts';
import { mail } from './mail.ts';
import { expn, help, noop, quit, rset, starttls, vrfy } from './other.ts';
import { rcpt } from './rcpt.ts';
import { xclient } from './xclient.ts';

export const COMMANDS: ReadonlyMap<string, Command> = new Map<string, Command>([
  ['EHLO', ehlo],
  ['HELO', helo],
  ['LHLO', lhlo],
  ['MAIL', mail],
  ['RCPT', rcpt],
  ['DATA', data],
  ['BDAT', bdat],
  ['RSET', rset],
  ['NOOP', noop],
  ['VRFY', vrfy],
  ['EXPN', expn],
  ['HELP', help],
  ['QUIT', quit],
  ['AUTH', auth],
  ['STARTTLS', starttls],
  ['XCLIENT', xclient],
]);
