// The program: reads the command line and runs one command. Each command's code is loaded only when it is the one.

import '#config/early.ts';
import { type Terminal, UsageError } from './commands/command.ts';
import { type CommandLine, readCommandLine, usageOf } from './commands/command-line.ts';
import { loadCommand } from './commands/table.ts';

/** Exit statuses, a contract with scripts. */
const EXIT = { done: 0, refused: 1, usage: 2 } as const;

const terminal: Terminal = {
  out: (line) => void process.stdout.write(`${line}\n`),
  note: (line) => void process.stderr.write(`${line}\n`),
  get input() {
    return process.stdin;
  },
};

async function main(argv: readonly string[]): Promise<number> {
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
    const { reasonOf } = await import('./control/errors.ts');
    const reason = reasonOf(error);
    for (const text of reason.text.split('\n')) terminal.note(`posthuis: ${text}`);
    if (reason.unexpected) terminal.note(String(error instanceof Error ? error.stack : error));
    return EXIT.refused;
  }
}

async function run({ name, entry, invocation }: CommandLine & { kind: 'run' }): Promise<number> {
  const command = await loadCommand(entry);
  if (command.kind === 'alone') return command.main(invocation, terminal);
  const attempt = await command.prepare(invocation, terminal);
  const { settings } = await import('./commands/settings.ts');
  const { perform } = await import('./control/session.ts');
  const result = await perform(settings(invocation).config, name, command, attempt, terminal);
  return attempt.show(result) ?? EXIT.done;
}

// A reader that has seen enough (`| head`) is no error of ours.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  process.exit(error.code === 'EPIPE' ? EXIT.done : EXIT.refused);
});
process.exitCode = await main(process.argv.slice(2));
// Where --password-stdin read its line from an open pipe, more input is not waited for.
process.stdin.destroy();
