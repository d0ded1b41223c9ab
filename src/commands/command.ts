// What a command of the program is. Most work on the store: such a command is prepared at the terminal, runs beside the
// store (in the running server, or here when none runs), and shows its result at the terminal.

import type { Host } from '../control/host.ts';
import type { Wire } from '../control/wire.ts';

/** Every option of the program; a command names those it takes. */
export const OPTIONS = {
  config: { type: 'string', value: 'FILE', about: 'the configuration file' },
  data: { type: 'string', value: 'DIR', about: 'the data directory, instead of the one in the configuration' },
  help: { type: 'boolean', short: 'h', value: '', about: 'show this and do nothing' },
  version: { type: 'boolean', value: '', about: 'show the version and do nothing' },
  dns: { type: 'boolean', value: '', about: 'look into DNS too, where the server is not open to the network' },
  json: { type: 'boolean', value: '', about: 'the answer as JSON' },
  'password-stdin': {
    type: 'boolean',
    value: '',
    about: 'read the password from standard input: one line, 8 characters or more',
  },
  shared: { type: 'boolean', value: '', about: 'nobody logs in to it: it is there to be shared' },
  quota: { type: 'string', value: 'SIZE', about: 'the most the account may hold, such as 2GB; "none" for no limit' },
  format: { type: 'string', value: 'FORMAT', about: 'mbox, maildir, eml or zip; by default what the path says' },
  folder: { type: 'string', value: 'NAME', about: 'only this folder, or into this folder' },
  domain: { type: 'string', value: 'DOMAIN', about: 'only recipients in this domain' },
  sender: { type: 'string', value: 'ADDRESS', about: 'mail from this address ("" is that of reports)' },
  account: { type: 'string', value: 'ADDRESS', about: 'what this account has handed in; of a route, its own login' },
  route: { type: 'string', value: 'NAME', about: 'only what waits for this route' },
  port: { type: 'string', value: 'PORT', about: 'where the browser comes back to, on 127.0.0.1; any by default' },
  login: { type: 'string', value: 'USER', about: 'the user name there, unless the settings say it' },
  kind: { type: 'string', value: 'KIND', about: 'password, client-secret or refresh-token; password by default' },
} as const;
export type OptionName = keyof typeof OPTIONS;

/** The command line, read. */
export interface Invocation {
  /** What follows the command's name. */
  readonly words: readonly string[];
  readonly flags: ReadonlySet<OptionName>;
  readonly values: ReadonlyMap<OptionName, string>;
}

/** Where a command reads and writes. */
export interface Terminal {
  /** A line on standard output. */
  out(line: string): void;
  /** A line on standard error. */
  note(line: string): void;
  readonly input: AsyncIterable<Uint8Array>;
}

/** A command that is ready to run. */
export interface Attempt<A, R> {
  /** Handed to `run`; JSON, since it may cross the control socket. */
  readonly args: A;
  /** Goes on at the terminal while `run` runs, at the other end of the wire. */
  attend?(wire: Wire): Promise<void>;
  /** Shows the result; the exit status, 0 if there is none. */
  show(result: R): number | undefined;
}

/** A command that works on the store. */
export interface StoreCommand<A, R> {
  readonly kind: 'store';
  /** Reads the words and options; throws UsageError and Refused. */
  prepare(invocation: Invocation, terminal: Terminal): Attempt<A, R> | Promise<Attempt<A, R>>;
  /** Does it, beside the store. The result is JSON. */
  run(host: Host, args: A, wire: Wire): Promise<R>;
}

/** A command that needs no store, or is the server itself. */
export interface LoneCommand {
  readonly kind: 'alone';
  /** The exit status, once it is done. */
  main(invocation: Invocation, terminal: Terminal): Promise<number>;
}

export type Command = StoreCommand<unknown, unknown> | LoneCommand;

/** Wrong usage: exit status 2. */
export class UsageError extends Error {}

/** Refused for a reason that the administrator is told: exit status 1. */
export class Refused extends Error {}

/** The words, which must be exactly as many as are named. */
export function takeWords<N extends string>(invocation: Invocation, ...names: N[]): Record<N, string> {
  const { words } = invocation;
  const missing = names[words.length];
  if (missing !== undefined) throw new UsageError(`${missing} is missing`);
  if (words.length > names.length) throw new UsageError(`what is ${JSON.stringify(words[names.length])}?`);
  return Object.fromEntries(names.map((name, i) => [name, words[i] ?? ''])) as Record<N, string>;
}

/** A command of these words and no options, which says in one line what it has done. */
export function deed<N extends string>(
  names: readonly N[],
  said: (words: Record<N, string>) => string,
  run: (host: Host, words: Record<N, string>) => Promise<void>,
): StoreCommand<Record<N, string>, null> {
  return {
    kind: 'store',
    prepare(invocation, terminal) {
      const words = takeWords(invocation, ...names);
      return {
        args: words,
        show() {
          terminal.out(said(words));
          return undefined;
        },
      };
    },
    async run(host, words) {
      await run(host, words);
      return null;
    },
  };
}
