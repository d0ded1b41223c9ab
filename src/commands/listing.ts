// How a listing is shown: a table for people, JSON for programs.

import type { Invocation, Terminal } from './command.ts';

/** Shows rows as a table with these columns, or the rows themselves as JSON with `--json`. */
export function showListing<R>(
  rows: readonly R[],
  columns: Readonly<Record<string, (row: R) => string>>,
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
