// The program behind src/main.ts: runs one command. Each command's code is loaded only when it is the one.

import { freeYoungGeneration, holdYoungGeneration } from '#config/heap.ts';
import { type Terminal, UsageError } from './command.ts';
import { type CommandLine, readCommandLine, usageOf } from './command-line.ts';
import { loadCommand } from './table.ts';

/** Exit statuses, a contract with scripts. */
const EXIT = { done: 0, refused: 1, usage: 2 } as const;

const terminal: Terminal = {
  out: (line) => void process.stdout.write(`${line}\n`),
  note: (line) => void process.stderr.write(`${line}\n`),
  get input() {
    return process.stdin;
  },
};

/** Runs the program; its exit status. */
export async function main(argv: readonly string[]): Promise<number> {
  let line: CommandLine | undefined;
  try {
    line = readCommandLine(argv);
    if (line.kind === 'run') return await run(line);
    terminal.out(line.text);
    return EXIT.done;
  } catch (error) {
    if (error instanceof UsageError) {
      terminal.note(`posthuis: ${error.message}`);
      terminal.note(line?.kind === 'run' ? usageOf(line.name, line.entry) : 'posthuis --help lists the commands');
      return EXIT.usage;
    }
    const { reasonOf } = await import('../control/errors.ts');
    const reason = reasonOf(error);
    for (const text of reason.text.split('\n')) terminal.note(`posthuis: ${text}`);
    if (reason.unexpected) terminal.note(String(error instanceof Error ? error.stack : error));
    return EXIT.refused;
  }
}

async function run({ name, entry, invocation }: CommandLine & { kind: 'run' }): Promise<number> {
  holdYoungGeneration();
  const command = await loadCommand(entry);
  if (command.kind === 'alone') return command.main(invocation, terminal);
  freeYoungGeneration();
  const attempt = await command.prepare(invocation, terminal);
  const { settings } = await import('./settings.ts');
  const { perform } = await import('../control/session.ts');
  const result = await perform(settings(invocation).config, name, command, attempt, terminal);
  return attempt.show(result) ?? EXIT.done;
}
