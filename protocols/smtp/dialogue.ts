// What was said in a session, bounded and without secrets, for the administrator who is asked why a program can't send.

import { DIALOGUE_LINES, DIALOGUE_TEXT } from './limits.ts';

const USERNAME = '334 VXNlcm5hbWU6';

/** Lines of the beginning that stay; as many are kept of the end. */
const HALF = DIALOGUE_LINES / 2;

export class Dialogue {
  /** The login that was last tried. */
  login: string | null = null;
  readonly #first: string[] = [];
  /** Written round and round. */
  readonly #last: string[] = [];
  #count = 0;
  /** The next response is a user name (AUTH LOGIN). */
  #username = false;

  /** `C: ` and `S: ` in front of each. The beginning and the end; a session of a thousand messages is told by those. */
  get lines(): readonly string[] {
    const last = this.#last;
    if (this.#count <= DIALOGUE_LINES) return [...this.#first, ...last];
    // The mark stands for one line more.
    const oldest = (this.#count - HALF) % HALF;
    const left = `   (${this.#count - DIALOGUE_LINES + 1} lines left out)`;
    return [...this.#first, left, ...last.slice(oldest + 1), ...last.slice(0, oldest)];
  }

  /** A command; what follows AUTH's mechanism is kept back. */
  client(line: string): void {
    const letter = line.charCodeAt(0) | 0x20;
    const [, command, response] = (letter === 0x61 && /^(AUTH\s+\S+)\s+(\S.*)$/i.exec(line)) || [];
    if (response === undefined) this.#add(`C: ${line}`);
    else this.#secret(response, `C: ${command} `, /LOGIN$/i.test(command ?? ''));
  }

  /** A response inside AUTH. */
  response(line: string): void {
    this.#secret(line, 'C: ', this.#username);
  }

  server(text: string): void {
    this.#username = text.startsWith(USERNAME);
    const end = text.indexOf('\r\n');
    const isOne = end === text.length - 2;
    this.#add(`S: ${isOne ? text.slice(0, end) : text.trimEnd().replaceAll('\r\n', ' / ')}`);
  }

  /** Something that is no line: the content of a message. */
  note(text: string): void {
    this.#add(`   (${text})`);
  }

  #secret(response: string, start: string, isName: boolean): void {
    const text = Buffer.from(response.slice(0, DIALOGUE_TEXT * 4), 'base64').toString('utf8');
    const name = isName ? text : (text.split('\0')[1] ?? /^[nyp][^,]*,[^,]*,n=([^,]+)/.exec(text)?.[1]);
    if (name !== undefined && /^[^\p{Cc}]{1,320}$/u.test(name)) this.login = name;
    this.#add(`${start}***`);
  }

  #add(line: string): void {
    const kept = line.length > DIALOGUE_TEXT ? `${line.slice(0, DIALOGUE_TEXT)}...` : line;
    const count = this.#count++;
    if (count < HALF) this.#first.push(kept);
    else this.#last[count % HALF] = kept;
  }
}
