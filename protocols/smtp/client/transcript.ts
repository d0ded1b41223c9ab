// The dialogue of a session as an operator reads it: no secrets, no content, bounded.

import { TRANSCRIPT_CHARACTERS, TRANSCRIPT_LINE } from './limits.ts';

export class Transcript {
  #text = '';

  /** What the server said. */
  server(line: string): void {
    this.#add(`S: ${line.replace(/^334 .+$/s, '334 ***')}`); // a challenge has what a password is proved with
  }

  /** What we said. */
  client(line: string): void {
    this.#add(`C: ${masked(line)}`);
  }

  /** What happened. */
  note(text: string): void {
    this.#add(`-- ${text}`);
  }

  get text(): string {
    return this.#text;
  }

  /** Begins anew: the next transaction of the same session has one of its own. */
  clear(): void {
    this.#text = '-- the session goes on\n';
  }

  #add(line: string): void {
    if (this.#text.length >= TRANSCRIPT_CHARACTERS) return;
    const plain = line.replace(/\p{Cc}/gu, ' ').slice(0, TRANSCRIPT_LINE);
    this.#text += `${plain}\n`;
    if (this.#text.length >= TRANSCRIPT_CHARACTERS) this.#text += '-- and so on\n';
  }
}

/** AUTH with what follows the mechanism's name. */
function masked(line: string): string {
  return line.replace(/^(AUTH \S+) .+$/i, '$1 ***');
}
