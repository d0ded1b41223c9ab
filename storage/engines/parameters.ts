// Operations write parameters as $1, $2, ... (the common subset). SQLite would take `$1` for a name, so each SQL text is
// rewritten once to `?` and the order of its arguments; PostgreSQL is told the type of each.

import type { Value } from '../operation.ts';

export interface Compiled {
  readonly sql: string;
  /** How many arguments the statement takes. */
  readonly count: number;
  /** For each `?` the index of its argument; null when they are 0, 1, 2, ... already. */
  readonly order: readonly number[] | null;
}

// A quoted text or name, a comment, or a parameter.
const TOKEN = /'(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n]*|\/\*[\s\S]*?\*\/|\$(\d+)/g;

// This build of SQLite has STAT4, and its planner looks at the values of bare parameters; a statement whose plan might
// depend on one is prepared again at every binding (12 us instead of 2). likely() gives its argument, unseen.
const SHIELDED = 'likely(?)';
/** What is not planned needs no shield. */
const UNPLANNED = /^\s*INSERT\s.*\bVALUES\b/is;

/** Rewrites the parameters of one SQL text. */
export function compile(sql: string): Compiled {
  const order: number[] = [];
  const parameter = UNPLANNED.test(sql) ? '?' : SHIELDED;
  const text = replaceParameters(sql, (number) => {
    order.push(number - 1);
    return parameter;
  });
  const count = order.reduce((most, index) => Math.max(most, index + 1), 0);
  const inOrder = order.every((index, position) => index === position);
  if (!inOrder && new Set(order).size !== count) throw new TypeError(`a parameter is missing in: ${sql}`);
  return { sql: text, count, order: inOrder ? null : order };
}

/** The arguments in the order of the `?`; what no engine binds is refused, as it is a mistake of the caller. */
export function bind(compiled: Compiled, args: readonly Value[]): readonly Value[] {
  checkArguments(compiled.sql, compiled.count, args);
  return compiled.order === null ? args : compiled.order.map((index) => args[index] as Value);
}

/** The text with each parameter replaced. */
export function replaceParameters(sql: string, replace: (number: number) => string): string {
  return sql.replace(TOKEN, (token, digits: string | undefined) => {
    return digits === undefined ? token : replace(Number(digits));
  });
}

/** Throws a TypeError for a wrong number of arguments, and for those that no engine binds. */
export function checkArguments(sql: string, count: number, args: readonly Value[]): void {
  if (args.length !== count) throw new TypeError(`${count} parameters wanted, ${args.length} given: ${sql}`);
  for (const arg of args) {
    if (typeof arg === 'number' ? !Number.isFinite(arg) : typeof arg !== 'string' && !isBytesOrNull(arg)) {
      throw new TypeError(`a parameter of type ${typeof arg} (${String(arg)}) in: ${sql}`);
    }
  }
}

function isBytesOrNull(value: unknown): boolean {
  return value === null || value instanceof Uint8Array;
}
