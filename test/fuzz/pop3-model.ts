// A model of POP3, written apart from the server and as plainly as possible: what it answers to each line.
import { isUtf8 } from 'node:buffer';
import { decodeInitialResponse, decodeResponse, type Mechanism } from '#protocols/sasl/mechanism.ts';
import { createMechanism } from '#protocols/sasl/mechanisms.ts';

export const PASSWORD = 'correct horse';

/** INBOX: dots, an open last line, bare line ends, nothing at all. */
export const MESSAGES = [
  'Subject: one\r\n\r\nbody\r\n',
  'Subject: two\r\n\r\n.\r\n..\r\n.three\r\nend\r\n',
  'Subject: three\r\n\r\nno end',
  'Subject: four\r\n\r\nbare\n.\nline\nends\n.\r\n',
  '',
  `Subject: six\r\n\r\n${'0123456789\r\n'.repeat(200)}`,
];

/** One reply: exactly this, or what a pattern matches. */
export type Reply = string | RegExp;

const OK = /^\+OK [^\r\n]*\r\n/;
const ERROR = /^-ERR [^\r\n]*\r\n/;
const CHALLENGE = /^\+ [A-Za-z0-9+/=]*\r\n/;
const LINE_OCTETS = 12_288 + 32;
const MECHANISMS = '+OK\r\nPLAIN\r\nLOGIN\r\nSCRAM-SHA-256\r\n.\r\n';
const CAPABILITIES = /^\+OK [^\r\n]*\r\n(?:[A-Z][^\r\n]*\r\n)+\.\r\n/;

export class Model {
  closed = false;
  quit = false;
  /** Messages sent. */
  sent = 0;
  readonly #ids: readonly string[];
  readonly #deleted = new Set<number>();
  readonly #trusted: boolean;
  #user: string | null = null;
  #in = false;
  #bad = 0;
  #failed = 0;
  #sasl: Mechanism | null = null;

  /** `trusted`: the peer is exempt from the limits on errors. */
  constructor(ids: readonly string[], trusted: boolean) {
    this.#ids = ids;
    this.#trusted = trusted;
  }

  greeting(): Reply {
    return OK;
  }

  /** The UIDs that QUIT moves. */
  get marked(): number[] {
    return [...this.#deleted].sort((a, b) => a - b);
  }

  /** The replies to one line, without its end. */
  answer(bytes: Buffer): Reply[] {
    const line = bytes.toString('latin1');
    if (this.#sasl !== null) return this.#respond(this.#sasl, bytes.length > LINE_OCTETS ? null : line);
    if (bytes.length > LINE_OCTETS) return this.#badCommand();
    const [, word = '', argument] = /^([A-Za-z0-9]{3,4})(?: ([\s\S]*))?$/.exec(line) ?? [];
    const verb = word.toUpperCase();
    const blank = argument === undefined || /^ *$/.test(argument);
    switch (verb) {
      case 'CAPA':
        return [CAPABILITIES];
      case 'QUIT':
        this.closed = true;
        this.quit = this.#in;
        return ['+OK bye\r\n'];
      case 'USER':
      case 'PASS':
      case 'AUTH':
      case 'UTF8':
      case 'STLS':
        if (this.#in) return [ERROR];
        return this.#authorization(verb, argument, blank);
      case 'STAT':
      case 'LIST':
      case 'UIDL':
      case 'RETR':
      case 'TOP':
      case 'DELE':
      case 'RSET':
      case 'NOOP':
        if (!this.#in) return [ERROR];
        return this.#transaction(verb, argument, blank);
      default:
        return this.#badCommand();
    }
  }

  #badCommand(): Reply[] {
    this.#bad += 1;
    if (this.#bad < 20 || this.#trusted) return [ERROR];
    this.closed = true;
    return [ERROR, ERROR];
  }

  #authorization(verb: string, argument: string | undefined, blank: boolean): Reply[] {
    if (verb === 'UTF8') return [blank ? OK : ERROR];
    if (verb === 'STLS') {
      // In this model nobody speaks TLS: the connection ends with it.
      this.closed = blank;
      return [blank ? OK : ERROR];
    }
    if (verb === 'USER') {
      const name = text(argument, 320)?.trim();
      if (!name) return [ERROR];
      this.#user = name;
      return [OK];
    }
    const user = this.#user;
    this.#user = null;
    if (verb === 'PASS') {
      const password = text(argument, 1_024);
      return user === null || !password ? [ERROR] : this.#logIn(user, password);
    }
    if (blank) return [MECHANISMS];
    const [name = '', initial, ...rest] = (argument ?? '').trim().split(/ +/);
    const mechanism = createMechanism(name);
    if (mechanism === undefined || rest.length > 0) return [ERROR];
    return this.#step(mechanism, initial === undefined ? null : decodeInitialResponse(initial));
  }

  #respond(mechanism: Mechanism, line: string | null): Reply[] {
    this.#sasl = null;
    return this.#step(mechanism, line === null ? 'malformed' : decodeResponse(line));
  }

  #step(mechanism: Mechanism, decoded: Uint8Array | string | null): Reply[] {
    if (typeof decoded === 'string') return [ERROR];
    const step = mechanism.next(decoded);
    if (step.kind === 'failed') return [ERROR];
    if (step.kind === 'password') return this.#logIn(step.login, step.password);
    this.#sasl = mechanism;
    return [CHALLENGE];
  }

  #logIn(user: string, password: string): Reply[] {
    if (user === 'anna' && password === PASSWORD) {
      this.#in = true;
      return [`+OK ${this.#totals('messages (')} octets)\r\n`];
    }
    this.#failed += 1;
    this.closed = this.#failed >= 5 && !this.#trusted;
    return [/^-ERR \[AUTH\] [^\r\n]*\r\n/];
  }

  #transaction(verb: string, argument: string | undefined, blank: boolean): Reply[] {
    if (verb === 'NOOP') return [OK];
    if (verb === 'STAT') return [`+OK ${this.#totals('')}\r\n`];
    if (verb === 'RSET') {
      this.#deleted.clear();
      return [`+OK ${this.#totals('messages (')} octets)\r\n`];
    }
    const value = (number: number) => (verb === 'LIST' ? String(octets(number)) : (this.#ids[number - 1] ?? ''));
    if (blank && (verb === 'LIST' || verb === 'UIDL')) {
      const first = verb === 'LIST' ? `+OK ${this.#totals('messages (')} octets)\r\n` : '+OK unique ids follow\r\n';
      return [
        `${first}${this.#live()
          .map((number) => `${number} ${value(number)}\r\n`)
          .join('')}.\r\n`,
      ];
    }
    const numbers = this.#numbers(argument, verb === 'TOP' ? 2 : 1);
    const [number, lines] = numbers ?? [];
    if (number === undefined || !this.#live().includes(number)) return [ERROR];
    if (verb === 'LIST' || verb === 'UIDL') return [`+OK ${number} ${value(number)}\r\n`];
    if (verb === 'DELE') {
      this.#deleted.add(number);
      return [OK];
    }
    this.sent += 1;
    const first = verb === 'TOP' ? '+OK top of message follows\r\n' : `+OK ${octets(number)} octets\r\n`;
    return [first + multiline(MESSAGES[number - 1] ?? '', lines)];
  }

  #numbers(argument: string | undefined, count: number): number[] | undefined {
    if (argument === undefined || argument.length > 64 || !/^[0-9 ]*$/.test(argument)) return undefined;
    const words = argument.split(' ').filter((word) => word !== '');
    return words.length === count && words.every((word) => word.length <= 10) ? words.map(Number) : undefined;
  }

  #live(): number[] {
    return MESSAGES.map((_, index) => index + 1).filter((number) => !this.#deleted.has(number));
  }

  #totals(between: string): string {
    const live = this.#live();
    return `${live.length} ${between}${live.reduce((sum, number) => sum + octets(number), 0)}`;
  }
}

function octets(number: number): number {
  const message = MESSAGES[number - 1] ?? '';
  return message.length + (message === '' || message.endsWith('\r\n') ? 0 : 2);
}

/** A message as a multi-line response; `lines` of its body, or all. */
function multiline(message: string, lines: number | undefined): string {
  const all: string[] = message.match(/[^\n]*\n|[^\n]+$/g) ?? [];
  const empty = all.indexOf('\r\n');
  const taken = lines === undefined || empty < 0 ? all : all.slice(0, empty + 1 + lines);
  const wire = taken.map((line) => (line.startsWith('.') ? `.${line}` : line)).join('');
  return wire === '' || wire.endsWith('\r\n') ? `${wire}.\r\n` : `${wire}\r\n.\r\n`;
}

function text(latin1: string | undefined, limit: number): string | null {
  if (latin1 === undefined) return null;
  const bytes = Buffer.from(latin1, 'latin1');
  return bytes.length > limit || bytes.includes(0) || !isUtf8(bytes) ? null : bytes.toString('utf8');
}
