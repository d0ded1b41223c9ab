// Tables of the settings ([[outbound.routes]] and their like): each value read as what it has to be.

import { Expected, isLoopback } from './parts.ts';

/** What is wrong with a table; only seen by readTable. */
export class Wrong extends Error {}

/** A name that commands and logs call a table by. */
export const TABLE_NAME = /^[a-z0-9](?:[a-z0-9.-]{0,38}[a-z0-9])?$/;

/** Reads all tables of a key; `expected`: how they are called. Names are given once. */
export function readTables<T extends { readonly name: string }>(
  value: unknown,
  expected: string,
  read: (table: Readonly<Record<string, unknown>>) => T,
): readonly T[] | Expected {
  if (!Array.isArray(value)) return new Expected(expected);
  const found: T[] = [];
  try {
    for (const item of value as unknown[]) {
      if (typeof item !== 'object' || item === null || Array.isArray(item)) throw new Wrong(expected);
      const one = read(item as Record<string, unknown>);
      if (found.some(({ name }) => name === one.name))
        throw new Wrong(`one ${JSON.stringify(one.name)} of ${expected}`);
      found.push(one);
    }
    return found;
  } catch (error) {
    if (error instanceof Wrong) return new Expected(error.message);
    throw error;
  }
}

/** The values of one table, each read as what it has to be. */
export class Fields {
  /** `route m365`. */
  readonly #what: string;
  protected readonly table: Readonly<Record<string, unknown>>;

  constructor(what: string, table: Readonly<Record<string, unknown>>) {
    this.#what = what;
    this.table = table;
  }

  only(known: ReadonlySet<string>): void {
    const odd = Object.keys(this.table).find((key) => !known.has(key));
    if (odd !== undefined) throw new Wrong(`${this.#what} with keys of ${[...known].join(', ')}, not ${odd}`);
  }

  text(key: string, fallback: string): string {
    const value = this.table[key] ?? fallback;
    if (typeof value === 'string' && !/\p{Cc}/u.test(value)) return value;
    throw this.wrong(key, 'text');
  }

  flag(key: string, fallback: boolean): boolean {
    const value = this.table[key] ?? fallback;
    if (typeof value === 'boolean') return value;
    throw this.wrong(key, 'true or false');
  }

  choice<T extends string>(key: string, choices: readonly T[], fallback: T): T {
    const value = this.table[key] ?? fallback;
    const found = choices.find((choice) => choice === value);
    if (found !== undefined) return found;
    throw this.wrong(key, `one of ${choices.filter(Boolean).join(', ')}`);
  }

  integer(key: string, least: number, most: number): number | undefined {
    const value = this.table[key];
    if (value === undefined) return undefined;
    if (typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most) return value;
    throw this.wrong(key, `a whole number from ${least} to ${most}`);
  }

  /** Over TLS, or on this machine: a token is as good as a password. */
  url(key: string, fallback: string): string {
    const text = this.text(key, fallback);
    const url = URL.canParse(text) ? new URL(text) : null;
    const host = url?.hostname.replace(/^\[|\]$/g, '') ?? '';
    if (url?.protocol === 'https:' || (url?.protocol === 'http:' && isLoopback(host))) return text;
    throw this.wrong(key, 'an https URL');
  }

  protected wrong(key: string, expected: string): Wrong {
    return new Wrong(`${expected} as ${key} of ${this.#what}`);
  }
}
