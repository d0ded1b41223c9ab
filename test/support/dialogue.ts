// Scripted dialogues with the IMAP server, for conformance cases that are read more easily than programmed.
//
//   # a comment
//   A> FETCH 1 BODY.PEEK[1.MIME]        a command of the session A; {"text"} in it is a literal, in JSON's spelling
//   * 1 FETCH (BODY[1.MIME] {"X: y\r\n"})   every untagged reply, in order; a literal likewise, its length is checked
//   OK                                   the tagged reply: its status, and its response code if there is one
//
// `…` stands for any text, a line of its own for any lines; `«name»` in a reply takes a number, and stands for it
// afterwards. A session logs in when it first speaks.
import { expect } from 'vitest';
import type { ImapServer } from './imap-server.ts';
import type { ImapResponse, ImapWire } from './wire.ts';

interface Step {
  readonly line: number;
  readonly session: string;
  readonly command: string;
  readonly replies: readonly string[];
}

const COMMAND = /^([A-Z])> (.*)$/;
const LITERAL = /\{("(?:[^"\\]|\\.)*")\}/g;
const NAME = /«([a-z0-9]+)»/g;

/** Plays a dialogue; fails at the first reply that is another one, naming its line. */
export async function play(imap: ImapServer, script: string): Promise<void> {
  const sessions = new Map<string, ImapWire>();
  const numbers = new Map<string, string>();
  for (const { line, session, command, replies } of steps(script)) {
    const client = sessions.get(session) ?? (await imap.login());
    sessions.set(session, client);
    const { parts, literals } = split(command.replace(NAME, (whole, name: string) => numbers.get(name) ?? whole));
    const result = await send(client, parts, literals);
    const actual = [
      ...result.untagged.map(written),
      `${result.status}${/^ \[.*?\](?= |$)/.exec(` ${result.text}`)?.[0] ?? ''}`,
    ];
    const failure = compare(replies, actual, numbers);
    if (failure) expect({ line, command, replies: actual }).toEqual({ line, command, replies });
  }
}

function* steps(script: string): Generator<Step> {
  let step: (Step & { replies: string[] }) | null = null;
  for (const [index, raw] of script.split('\n').entries()) {
    const text = raw.trim();
    if (text === '' || text.startsWith('#')) continue;
    const command = COMMAND.exec(text);
    if (command === null) {
      if (step === null) throw new Error(`a dialogue begins with a command: ${text}`);
      step.replies.push(text);
      continue;
    }
    if (step !== null) yield step;
    step = { line: index + 1, session: command[1] ?? '', command: command[2] ?? '', replies: [] };
  }
  if (step !== null) yield step;
}

/** The text around the literals of a command, and these. */
function split(command: string): { parts: string[]; literals: Buffer[] } {
  const parts: string[] = [];
  const literals: Buffer[] = [];
  let at = 0;
  for (const match of command.matchAll(LITERAL)) {
    parts.push(command.slice(at, match.index));
    literals.push(Buffer.from(JSON.parse(match[1] ?? '""') as string, 'utf8'));
    at = match.index + match[0].length;
  }
  parts.push(command.slice(at));
  return { parts, literals };
}

/** Literals are announced with `+`: nothing waits for the server. */
async function send(client: ImapWire, parts: readonly string[], literals: readonly Buffer[]) {
  const tag = client.nextTag();
  const pieces: Buffer[] = [Buffer.from(`${tag} `)];
  for (const [index, part] of parts.entries()) {
    const literal = literals[index];
    pieces.push(Buffer.from(part, 'utf8'));
    if (literal !== undefined) pieces.push(Buffer.from(`{${literal.length}+}\r\n`), literal);
  }
  client.wire.send(Buffer.concat([...pieces, Buffer.from('\r\n')]));
  return await client.result(tag);
}

/** A reply as the dialogue writes it. */
function written({ text, literals }: ImapResponse): string {
  let index = 0;
  return text.replace(/(?<= |\()(~?)\{(\d+)\}/g, (_, binary: string) => {
    return `${binary}{${JSON.stringify(literals[index++]?.toString('utf8'))}}`;
  });
}

/** Does this differ? The numbers that a reply names are taken. */
function compare(expected: readonly string[], actual: readonly string[], numbers: Map<string, string>): boolean {
  let at = 0;
  for (const [index, want] of expected.entries()) {
    if (want === '…') {
      const next = expected[index + 1];
      while (at < actual.length - 1 && (next === undefined || !matches(next, actual[at] ?? '', numbers))) at++;
      continue;
    }
    if (!matches(want, actual[at] ?? '', numbers)) return true;
    at++;
  }
  return at !== actual.length;
}

function matches(want: string, line: string, numbers: Map<string, string>): boolean {
  const names: string[] = [];
  const pattern = want
    .split(/(…|«[a-z0-9]+»)/)
    .map((piece) => {
      if (piece === '…') return '.*';
      const name = /^«(.*)»$/.exec(piece)?.[1];
      if (name === undefined) return piece.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
      const known = numbers.get(name);
      if (known !== undefined) return known;
      names.push(name);
      return '(\\d+)';
    })
    .join('');
  const found = new RegExp(`^${pattern}$`, 's').exec(line);
  if (found === null) return false;
  for (const [index, name] of names.entries()) numbers.set(name, found[index + 1] ?? '');
  return true;
}
