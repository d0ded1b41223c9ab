// Keyword sets of an account: each different combination has a small number, and its text as FLAGS shows it.

import type { Keyword } from '#storage/ports.ts';
import { SYSTEM_FLAG_TEXT } from '../grammar/flags.ts';

/** Texts of flag combinations kept: flags of ordinary mail make a few dozen. */
const TEXTS = 4_096;

export class KeywordSets {
  #names: ReadonlyMap<number, Keyword> = new Map();
  readonly #ids = new Map<string, number>([['', 0]]);
  readonly #sets: string[] = [''];
  #texts = new Map<number, string>();

  /** Keywords known. */
  get size(): number {
    return this.#names.size;
  }

  /** All keywords of the account, as they are spelled. */
  get all(): Iterable<Keyword> {
    return this.#names.values();
  }

  /** Takes the names as the store has them now; it only ever adds some. */
  learn(names: ReadonlyMap<number, Keyword>): void {
    this.#names = names;
    this.#texts.clear();
  }

  /** Are all keywords of this stored set (ids joined by ' ') known by name? */
  knows(stored: string): boolean {
    return this.#ids.has(stored) || stored.split(' ').every((id) => this.#names.has(Number(id)));
  }

  /** The number of a stored set. */
  intern(stored: string): number {
    const known = this.#ids.get(stored);
    if (known !== undefined) return known;
    const id = this.#sets.length;
    this.#sets.push(stored);
    this.#ids.set(stored, id);
    return id;
  }

  /** Does a set hold the keyword of this name, in any case? */
  holds(set: number, name: string): boolean {
    if (set === 0) return false;
    const wanted = name.toLowerCase();
    return this.#namesOf(set).some((keyword) => keyword.toLowerCase() === wanted);
  }

  /** The keywords of a set, as they are spelled. */
  names(set: number): Keyword[] {
    return this.#namesOf(set);
  }

  /** The set that a change makes of this one, with the keywords that are known. */
  changed(set: number, action: 'add' | 'remove' | 'replace', names: readonly string[]): number {
    if (names.length === 0) return action === 'replace' ? 0 : set;
    const wanted = new Set(names.map((name) => name.toLowerCase()));
    const named = [...this.#names].filter(([, name]) => wanted.has(name.toLowerCase())).map(([id]) => id);
    const stored = this.#sets[set] ?? '';
    const old = stored === '' || action === 'replace' ? [] : stored.split(' ').map(Number);
    const ids = action === 'remove' ? old.filter((id) => !named.includes(id)) : [...new Set([...old, ...named])];
    return this.intern(ids.sort((a, b) => a - b).join(' '));
  }

  /** The flags as a FLAGS list has them between its parentheses. */
  text(flags: number, set: number, recent: boolean): string {
    const key = set * 64 + flags * 2 + (recent ? 1 : 0);
    const known = this.#texts.get(key);
    if (known !== undefined) return known;
    const parts = [SYSTEM_FLAG_TEXT[flags] ?? '', recent ? '\\Recent' : '', ...this.#namesOf(set)];
    const text = parts.filter((part) => part !== '').join(' ');
    if (this.#texts.size >= TEXTS) this.#texts = new Map();
    this.#texts.set(key, text);
    return text;
  }

  #namesOf(set: number): Keyword[] {
    const stored = this.#sets[set] ?? '';
    if (stored === '') return [];
    return stored.split(' ').flatMap((id) => this.#names.get(Number(id)) ?? []);
  }
}
