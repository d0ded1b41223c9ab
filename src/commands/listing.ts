// How a listing is shown: a table for people, JSON for programs.

import type { Host } from '../control/host.ts';
import { type Invocation, type StoreCommand, type Terminal, takeWords } from './command.ts';

/** What stands in each column, by its head. */
export type Columns<R> = Readonly<Record<string, (row: R) => string>>;

/** A command of these words that shows a list; `[--json]` is its only option. */
export function listing<R, N extends string = never>(
  columns: Columns<R>,
  rows: (host: Host, words: Record<N, string>) => Promise<readonly R[]>,
  ...names: N[]
): StoreCommand<Record<N, string>, readonly R[]> {
  return {
    kind: 'store',
    prepare(invocation, terminal) {
      return {
        args: takeWords(invocation, ...names),
        show(found) {
          showListing(found, columns, invocation, terminal);
          return undefined;
        },
      };
    },
    run: rows,
  };
}

/** Shows rows as a table with these columns, or the rows themselves as JSON with `--json`. */
export function showListing<R>(
  rows: readonly R[],
  columns: Columns<R>,
  invocation: Invocation,
  terminal: Terminal,
): void {
  if (invocation.flags.has('json')) {
    terminal.out(JSON.stringify(rows, null, 2));
    return;
  }
  for (const line of tableLines(
    Object.keys(columns),
    rows.map((row) => Object.values(columns).map((cell) => cell(row))),
  )) {
    terminal.out(line);
  }
}

/** The lines of a table, columns padded. */
export function tableLines(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const widths = head.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i]?.length ?? 0)));
  return [head, ...rows].map((row) =>
    row
      .map((cell, i) => cell.padEnd(widths[i] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}
