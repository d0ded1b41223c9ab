// Reads the command line: which command, with which words and options, or which help.

import { parseArgs } from 'node:util';
import { type Invocation, OPTIONS, type OptionName, UsageError } from './command.ts';
import { COMMANDS, type Entry } from './table.ts';

/** Options that every command takes. */
const COMMON: readonly OptionName[] = ['config', 'data', 'help', 'version'];

export type CommandLine =
  | { readonly kind: 'run'; readonly name: string; readonly entry: Entry; readonly invocation: Invocation }
  | { readonly kind: 'help'; readonly text: string };

/** Reads the arguments after the program's name; throws a UsageError. */
export function readCommandLine(argv: readonly string[]): CommandLine {
  const { values, positionals } = parse(argv);
  const flags = new Set<OptionName>();
  const texts = new Map<OptionName, string>();
  for (const [option, value] of Object.entries(values) as [OptionName, string | boolean][]) {
    if (typeof value === 'string') texts.set(option, value);
    else if (value) flags.add(option);
  }
  const wantsHelp = flags.has('help') || positionals[0] === 'help';
  if (positionals[0] === 'help') positionals.shift();
  if (flags.has('version')) positionals.splice(0, positionals.length, 'version');
  const names = [3, 2, 1].map((length) => positionals.slice(0, length).join(' '));
  const name = names.find((n) => Object.hasOwn(COMMANDS, n));
  const entry = name === undefined ? undefined : COMMANDS[name];
  if (name === undefined || entry === undefined) return wantsHelp ? generalHelp(positionals) : noCommand(positionals);
  if (wantsHelp) return { kind: 'help', text: helpOf(name, entry) };
  for (const option of [...flags, ...texts.keys()]) {
    if (![...COMMON, ...entry.options].includes(option)) throw new UsageError(`${name} takes no --${option}`);
  }
  const words = positionals.slice(name.split(' ').length);
  return { kind: 'run', name, entry, invocation: { words, flags, values: texts } };
}

function parse(argv: readonly string[]) {
  try {
    return parseArgs({ args: [...argv], options: OPTIONS, allowPositionals: true });
  } catch (error) {
    // parseArgs says what is wrong, and after that how to write what nobody here means.
    throw new UsageError((error as Error).message.split('. To specify a positional', 1)[0]);
  }
}

function noCommand(positionals: readonly string[]): never {
  if (positionals.length === 0) throw new UsageError('which command?');
  const group = groupOf(positionals[0]);
  if (group.length > 0) throw new UsageError(`which of these: ${group.map(([name]) => name).join(', ')}?`);
  throw new UsageError(`${JSON.stringify(positionals[0])} is no command`);
}

/** The commands of `posthuis account`. */
function groupOf(word: string | undefined): [string, Entry][] {
  return Object.entries(COMMANDS).filter(([name]) => name.startsWith(`${word} `));
}

/** How a command is used, in one line. */
export function usageOf(name: string, entry: Entry): string {
  const options = entry.options.map((option) => ` [${optionText(option)}]`);
  return `usage: posthuis ${name}${entry.words && ` ${entry.words}`}${options.join('')}`;
}

function helpOf(name: string, entry: Entry): string {
  return [usageOf(name, entry), `  ${entry.about}`, '', ...optionLines([...entry.options, ...COMMON])].join('\n');
}

function generalHelp(positionals: readonly string[]): CommandLine {
  const group = groupOf(positionals[0]);
  if (group.length > 0) return { kind: 'help', text: group.map(([name, entry]) => helpOf(name, entry)).join('\n\n') };
  if (positionals.length > 0) noCommand(positionals);
  const shown = Object.entries(COMMANDS).map(([name, entry]) => [`${name} ${entry.words}`, entry.about] as const);
  const width = Math.max(...shown.map(([usage]) => usage.length));
  const text = [
    'usage: posthuis [--config FILE] [--data DIR] COMMAND',
    '',
    ...shown.map(([usage, about]) => `  ${usage.padEnd(width)}  ${about}`),
    '',
    ...optionLines(COMMON),
    '',
    'posthuis COMMAND --help says more. Options may stand before or after the command.',
    'Exit status: 0 done, 1 refused, 2 wrong usage.',
  ].join('\n');
  return { kind: 'help', text };
}

function optionText(option: OptionName): string {
  return `--${option} ${OPTIONS[option].value}`.trim();
}

function optionLines(options: readonly OptionName[]): string[] {
  return options.map((option) => `  ${optionText(option).padEnd(18)}  ${OPTIONS[option].about}`);
}
