// What was said in a session, bounded and without secrets, for the administrator who is asked why a program can't send.

import { DIALOGUE_LINES, DIALOGUE_TEXT } from './limits.ts';

const USERNAME = '334 VXNlcm5hbWU6';

export class Dialogue {
  /** `C: ` and `S: ` in front of each. */
  readonly lines: string[] = [];
  /** The login that was last tried. */
  login: string | null = null;
  #left = 0;
  /** The next response is a user name (AUTH LOGIN). */
  #username = false;

  /** A command; what follows AUTH's mechanism is kept back. */
  client(line: string): void {
    const [, command, response] = /^(AUTH\s+\S+)\s+(\S.*)$/i.exec(line) ?? [];
    if (response === undefined) this.#add(`C: ${line}`);
    else this.#secret(response, `C: ${command} `, /LOGIN$/i.test(command ?? ''));
  }

  /** A response inside AUTH. */
  response(line: string): void {
    this.#secret(line, 'C: ', this.#username);
  }

  server(text: string): void {
    this.#username = text.startsWith(USERNAME);
    this.#add(`S: ${text.trimEnd().replaceAll('\r\n', ' / ')}`);
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

  /** The beginning and the end stay; a session of a thousand messages is told by those. */
  #add(line: string): void {
    this.lines.push(line.length > DIALOGUE_TEXT ? `${line.slice(0, DIALOGUE_TEXT)}...` : line);
    if (this.lines.length <= DIALOGUE_LINES) return;
    const half = DIALOGUE_LINES / 2;
    this.#left += this.#left === 0 ? 2 : 1;
    this.lines.splice(half, 2, `   (${this.#left} lines left out)`);
  }
}
