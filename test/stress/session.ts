// One client of the random stress: a connection, what it knows, and random commands whose every reply is checked.
import { between, pick, type Random } from '#test/support/random.ts';
import { ImapWire } from '#test/support/wire.ts';
import { type Asked, Inconsistent, type Known, listed, Model, must, type Shared } from './model.ts';

export interface Place {
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly mailbox: string;
  /** Another mailbox of the account, that copies go to. */
  readonly other: string;
  /** Messages that the mailbox shall have about. */
  readonly size: number;
}

const SYSTEM = ['\\Seen', '\\Flagged', '\\Answered', '\\Draft', '\\Deleted'];
const WORDS = ['one', 'two', '$Three', 'four'];
/** Lines that are kept for the report, and the last ones that it shows in any case. */
const HISTORY = 2_000;
const SHOWN = 25;
/** A command that has no answer for so long is a hang, ms. */
const PATIENCE = 60_000;

export class StressSession {
  readonly model: Model;
  readonly #place: Place;
  readonly #shared: Shared;
  readonly #random: Random;
  #client: ImapWire | null = null;
  #history: string[] = [];
  commands = 0;

  constructor(name: string, place: Place, shared: Shared, random: Random) {
    this.model = new Model(name, shared);
    this.#place = place;
    this.#shared = shared;
    this.#random = random;
  }

  /** Connects and selects the mailbox. */
  async open(): Promise<void> {
    this.#client = await ImapWire.open(this.#place.port);
    await this.#client.login(this.#place.user, this.#place.password);
    this.model.qresync = this.#random() < 0.3;
    this.model.highestModseq = 0;
    if (this.model.qresync) await this.#run('ENABLE QRESYNC');
    await this.#select();
  }

  close(): void {
    this.#client?.wire.destroy();
  }

  /** A random command. */
  async step(): Promise<void> {
    const random = this.#random();
    const { length } = this.model.messages;
    if (length < 3 || random < 0.12 * (length < this.#place.size ? 2 : 1)) return await this.#append();
    if (random < 0.38) return await this.#fetch();
    if (random < 0.62) return await this.#store();
    if (random < 0.7) return await this.#search();
    if (random < 0.76) return await this.#expunge();
    if (random < 0.82) return await this.#copy();
    if (random < 0.86) return await this.#idle();
    if (random < 0.88) return await this.#select();
    if (random < 0.9) return await this.#again();
    if (random < 0.93) return await this.#statuses();
    await this.#run(pick(this.#random, ['NOOP', 'CHECK', 'NOOP']), { expunges: true });
  }

  /** Nobody does anything now: what was told must be what is there. */
  async settle(): Promise<readonly string[]> {
    await this.#run('NOOP', { expunges: true });
    const { messages } = this.model;
    const before = messages.map((message) => ({ ...message }));
    await this.#run('FETCH 1:* (UID FLAGS)', { numbers: messages.map((_, index) => index + 1) });
    try {
      this.#same(before);
      const recent = messages.filter(({ flags }) => flags?.split(' ').includes('\\recent')).length;
      must(recent === this.model.recent, `${this.model.recent} RECENT was told last, ${recent} are`);
    } catch (error) {
      throw this.#reported(error);
    }
    for (const flag of ['SEEN', 'DELETED', 'KEYWORD one']) await this.#searchFor(flag);
    await this.#status();
    return messages.map(({ uid, flags }) => `${uid} ${flags?.replace(/\\recent ?/, '').trim()}`);
  }

  /** Is what was told before what is there? */
  #same(before: readonly Known[]): void {
    const { messages } = this.model;
    must(messages.length === before.length, `${before.length} messages became ${messages.length} at rest`);
    for (const [index, { uid, flags }] of messages.entries()) {
      const old = before[index];
      must(uid !== null && flags !== null, `${index + 1} was not told`);
      must((old?.uid ?? uid) === uid, `${index + 1} was UID ${old?.uid}, is ${uid}`);
      must(
        (old?.flags ?? flags) === flags,
        `UID ${uid} had ${old?.flags} by ${old?.toldBy}, has ${flags}, which was not told`,
      );
    }
  }

  // ------------------------------------------------------------------------------------------------------ commands

  async #select(): Promise<void> {
    this.model.readOnly = this.#random() < 0.1;
    this.model.reset();
    const { qresync, readOnly } = this.model;
    const parameter = qresync || this.#random() > 0.2 ? '' : ' (CONDSTORE)';
    const code = await this.#run(`${readOnly ? 'EXAMINE' : 'SELECT'} ${this.#place.mailbox}${parameter}`);
    must(code.startsWith(readOnly ? '[READ-ONLY]' : '[READ-WRITE]'), code);
    must(this.model.uidnext > 0 && this.model.uidvalidity > 0, 'SELECT told no UIDNEXT or UIDVALIDITY');
  }

  /** Ends the connection, politely or not, and comes back. */
  async #again(): Promise<void> {
    if (this.#random() < 0.5) await this.#run(pick(this.#random, ['LOGOUT', 'CLOSE']), { closes: true });
    this.close();
    this.#shared.leave(this.model.name);
    this.model.name = `${this.model.name.split('.')[0]}.${this.commands}`;
    await this.open();
  }

  async #append(): Promise<void> {
    const count = this.#random() < 0.2 ? 2 : 1;
    const ids = Array.from({ length: count }, (_, index) => `<${this.model.name}.${this.commands}.${index}@stress>`);
    const parts = ids.map((id) => {
      const flags = this.#random() < 0.5 ? '' : ` (${this.#flags().join(' ')})`;
      const body = 'x'.repeat(between(this.#random, 0, 3_000));
      const text = `From: ${this.model.name}@stress\r\nSubject: ${id}\r\nMessage-ID: ${id}\r\n\r\n${body}\r\n`;
      return `${flags} {${text.length}+}\r\n${text}`;
    });
    const floor = this.#shared.highest;
    const text = await this.#run(`APPEND ${this.#place.mailbox}${parts.join('')}`, { expunges: true });
    const uids = listed(/^\[APPENDUID \d+ ([\d:,]+)\]/.exec(text)?.[1] ?? '');
    must(uids.length === count && uids.every((uid) => uid > floor), `APPENDUID ${uids} after ${floor}`);
    for (const [index, uid] of uids.entries()) this.#placed(uid, ids[index] ?? '');
  }

  #placed(uid: number, id: string): void {
    const before = this.#shared.messages.get(uid);
    must(before === undefined || before === id, `UID ${uid} was given to ${before} and to ${id}`);
    this.#shared.messages.set(uid, id);
    this.#shared.highest = Math.max(this.#shared.highest, uid);
  }

  async #fetch(): Promise<void> {
    const items = pick(this.#random, [
      'FLAGS',
      '(UID FLAGS)',
      '(UID FLAGS)',
      '(FLAGS UID MODSEQ)',
      '(UID RFC822.SIZE INTERNALDATE ENVELOPE)',
      '(UID BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)])',
      '(UID BODY[])',
      '(UID BODY.PEEK[] FLAGS)',
    ]);
    const { numbers, set, byUid } = this.#some();
    if (items.includes('BODY[]')) await this.#learn(numbers, set, byUid);
    const done = items.includes('BODY[]') ? this.#shared.touch(this.#uidsOf(numbers)) : () => {};
    const command = `${byUid ? 'UID ' : ''}FETCH ${set} ${items}`;
    await this.#run(command, { expunges: byUid, numbers, no: /^\[EXPUNGEISSUED\]/ });
    done();
  }

  async #store(): Promise<void> {
    const { numbers, set, byUid } = this.#some();
    const sign = pick(this.#random, ['+', '+', '-', '']);
    const silent = this.#random() < 0.4;
    const flags = this.#flags();
    await this.#learn(numbers, set, byUid);
    const targets = numbers.map((number) => this.model.messages[number - 1]);
    const done = this.#shared.touch(this.#uidsOf(numbers));
    const command = `${byUid ? 'UID ' : ''}STORE ${set} ${sign}FLAGS${silent ? '.SILENT' : ''} (${flags.join(' ')})`;
    if (silent) for (const target of targets) if (target) target.flags = null;
    await this.#run(command, {
      expunges: byUid,
      numbers: silent ? [] : numbers,
      no: this.model.readOnly ? /./ : /^\[EXPUNGEISSUED\]/,
    });
    done();
  }

  async #search(): Promise<void> {
    const flag = pick(this.#random, ['SEEN', 'DELETED', 'FLAGGED', 'KEYWORD two', 'ALL', 'RECENT', '1:*', 'UID 1:*']);
    const verb = pick(this.#random, ['SEARCH', 'UID SEARCH', 'SORT', 'THREAD', 'ESEARCH']);
    if (verb === 'SORT') await this.#run(`SORT (REVERSE ARRIVAL) UTF-8 ${flag}`);
    else if (verb === 'THREAD') await this.#run(`THREAD REFERENCES UTF-8 ${flag}`);
    else if (verb === 'ESEARCH') await this.#run(`SEARCH RETURN (MIN MAX COUNT ALL) ${flag}`);
    else await this.#run(`${verb} ${flag}`, { expunges: verb.startsWith('UID') && flag !== '1:*' });
  }

  /** A search at rest finds exactly the messages that the flags say. */
  async #searchFor(key: string): Promise<void> {
    const flag = key.startsWith('KEYWORD') ? key.slice(8) : `\\${key.toLowerCase()}`;
    const wanted = this.model.messages.flatMap(({ flags }, index) =>
      flags?.split(' ').includes(flag) ? [index + 1] : [],
    );
    await this.#run(`SEARCH ${key}`);
    must(this.#found.join() === wanted.join(), `SEARCH ${key}: ${this.#found}, and flags say ${wanted}`);
  }

  async #expunge(): Promise<void> {
    const { set, byUid } = this.#some();
    const command = byUid ? `UID EXPUNGE ${set}` : 'EXPUNGE';
    await this.#run(command, { expunges: true, no: this.model.readOnly ? /./ : null });
  }

  async #copy(): Promise<void> {
    const { set, byUid } = this.#some();
    const verb = this.#random() < 0.4 ? 'MOVE' : 'COPY';
    const target = this.#random() < 0.6 ? this.#place.other : this.#place.mailbox;
    const floor = this.#shared.highest;
    const text = await this.#run(`${byUid ? 'UID ' : ''}${verb} ${set} ${target}`, {
      expunges: true,
      no: this.model.readOnly ? /./ : /^\[(EXPUNGEISSUED|OVERQUOTA)/,
    });
    const sets = /\[COPYUID \d+ ([\d:,]+) ([\d:,]+)\]/.exec(verb === 'MOVE' ? this.#lines.join() : text);
    if (sets === null) return;
    const [from, to] = [listed(sets[1] ?? ''), listed(sets[2] ?? '')];
    must(from.length === to.length, `COPYUID of ${from.length} to ${to.length}`);
    must(
      to.every((uid, index) => index === 0 || uid > (to[index - 1] ?? 0)),
      `COPYUID ${to} does not rise`,
    );
    if (target !== this.#place.mailbox) return;
    must(
      to.every((uid) => uid > floor),
      `COPYUID ${to} after ${floor}`,
    );
    for (const [index, uid] of to.entries()) {
      const id = this.#shared.messages.get(from[index] ?? 0);
      if (id !== undefined) this.#placed(uid, id);
      this.#shared.highest = Math.max(this.#shared.highest, uid);
    }
  }

  async #idle(): Promise<void> {
    const client = this.#wire;
    const tag = client.nextTag();
    this.#note(`${tag} IDLE`);
    client.wire.send(`${tag} IDLE\r\n`);
    const asked: Asked = { name: `${tag} IDLE`, expunges: true, numbers: new Set(), ...this.#shared.now };
    const timer = setTimeout(() => client.wire.send('DONE\r\n'), between(this.#random, 1, 60));
    try {
      await this.#replies(tag, asked);
    } finally {
      clearTimeout(timer);
    }
  }

  async #statuses(): Promise<void> {
    await this.#run(`STATUS ${this.#place.other} (MESSAGES UIDNEXT UNSEEN SIZE)`, { expunges: true });
    must(/MESSAGES \d+ UIDNEXT \d+ UNSEEN \d+ SIZE \d+/.test(this.#reply('STATUS')), 'STATUS without its reply');
    await this.#run(`LIST "" ${this.#place.other}`, { expunges: true });
    must(this.#reply('LIST').endsWith(`"/" "${this.#place.other}"`), 'LIST without its reply');
  }

  /** At rest, the counters are those of what is there. */
  async #status(): Promise<void> {
    await this.#run(`STATUS ${this.#place.mailbox} (MESSAGES UNSEEN UIDNEXT)`, { expunges: true });
    const { messages } = this.model;
    const unseen = messages.filter(({ flags }) => !flags?.split(' ').includes('\\seen')).length;
    const wanted = `MESSAGES ${messages.length} UNSEEN ${unseen} UIDNEXT `;
    const line = this.#reply('STATUS');
    must(line.includes(wanted), `${line}, and there is ${wanted}`);
    const next = Number(/UIDNEXT (\d+)/.exec(line)?.[1]);
    must(next > (messages.at(-1)?.uid ?? 0) && next > this.#shared.highest, `UIDNEXT ${next}`);
  }

  // ------------------------------------------------------------------------------------------------------- the wire

  /** What the command in hand was answered with, beside the model. */
  #found: number[] = [];
  #lines: string[] = [];

  /** The reply of this name to the last command. */
  #reply(name: string): string {
    return this.#lines.find((line) => line.startsWith(`* ${name} `)) ?? '';
  }

  get #wire(): ImapWire {
    if (this.#client === null) throw new Error('not connected');
    return this.#client;
  }

  #note(text: string): void {
    this.#history.push(text.replace(/x{100,}/g, 'x…'));
    if (this.#history.length > HISTORY) this.#history.shift();
  }

  /** Runs a command; the tagged reply's text behind OK. */
  async #run(
    text: string,
    options: { expunges?: boolean; numbers?: readonly number[]; no?: RegExp | null; closes?: boolean } = {},
  ): Promise<string> {
    const client = this.#wire;
    const tag = client.nextTag();
    this.#note(`${tag} ${text}`);
    this.commands++;
    const { expunges = false, numbers = [], no = null } = options;
    const name = `${tag} ${text.slice(0, 80)}`;
    const asked: Asked = { name, expunges, numbers: new Set(numbers), ...this.#shared.now };
    this.#lines = [];
    client.wire.send(`${tag} ${text}\r\n`);
    const { status, text: rest } = await this.#replies(tag, asked, options.closes === true);
    must(status === 'OK' || (status === 'NO' && no?.test(rest) === true), `${text.slice(0, 100)}: ${status} ${rest}`);
    return rest;
  }

  async #replies(tag: string, asked: Asked, closes = false): Promise<{ status: string; text: string }> {
    const client = this.#wire;
    const timer = setTimeout(() => client.wire.destroy(), PATIENCE);
    try {
      for (;;) {
        const { text, literals } = await client.response();
        this.#note(text);
        if (text.startsWith(`${tag} `)) {
          const [, status = '', ...rest] = text.split(' ');
          const highest = /^\[HIGHESTMODSEQ (\d+)\]/.exec(rest.join(' '))?.[1];
          if (highest !== undefined) this.model.modseq(Number(highest));
          return { status, text: rest.join(' ') };
        }
        if (text.startsWith('+')) continue;
        must(text.startsWith('* '), `not a reply: ${text}`);
        must(closes || !text.startsWith('* BYE'), text);
        this.#lines.push(text);
        if (/^\* (SEARCH|SORT)/.test(text)) this.#takeFound(text);
        this.model.take(
          text,
          literals.map((literal) => literal.toString('latin1')),
          asked,
        );
      }
    } catch (error) {
      throw this.#reported(error);
    } finally {
      clearTimeout(timer);
    }
  }

  /** With what this session was told before: of the message that it is about, and last. */
  #reported(error: unknown): Inconsistent {
    const told = error instanceof Inconsistent ? error.message : String(error);
    const uid = /UID \d+/.exec(told)?.[0] ?? 'no UID';
    const about = this.#history.slice(0, -SHOWN).filter((line) => `${line} `.includes(`${uid} `));
    const lines = [...about.slice(-SHOWN), '…', ...this.#history.slice(-SHOWN)];
    return new Inconsistent(`${this.model.name}: ${told}\n${lines.join('\n')}`);
  }

  #takeFound(text: string): void {
    this.#found = (text.replace(/ \(MODSEQ \d+\)$/, '').match(/ \d+/g) ?? []).map(Number);
    const { length } = this.model.messages;
    const byNumber = !(this.#history.findLast((line) => /^t\d+ /.test(line)) ?? '').includes('UID SEARCH');
    if (byNumber)
      must(
        this.#found.every((number) => number <= length),
        `${text} of ${length}`,
      );
    must(new Set(this.#found).size === this.#found.length, `twice in ${text}`);
  }

  // --------------------------------------------------------------------------------------------------------- choice

  #flags(): string[] {
    const count = between(this.#random, 1, 3);
    return [...new Set(Array.from({ length: count }, () => pick(this.#random, [...SYSTEM, ...WORDS])))];
  }

  /** What is changed must be known by its UID, for the other sessions' sake; no number changes meanwhile. */
  async #learn(numbers: readonly number[], set: string, byUid: boolean): Promise<void> {
    if (!byUid && this.#uidsOf(numbers).length < numbers.length) await this.#run(`FETCH ${set} UID`, { numbers });
  }

  #uidsOf(numbers: readonly number[]): number[] {
    return numbers.flatMap((number) => this.model.messages[number - 1]?.uid ?? []);
  }

  /** Some messages, by their numbers or, where they are known, by their UIDs. */
  #some(): { numbers: number[]; set: string; byUid: boolean } {
    const { length } = this.model.messages;
    const first = between(this.#random, 1, Math.max(1, length));
    const last = Math.min(length, first + between(this.#random, 0, 6));
    const numbers = Array.from({ length: last - first + 1 }, (_, index) => first + index);
    const uids = this.#uidsOf(numbers);
    if (this.#random() < 0.4 && uids.length === numbers.length) return { numbers, set: uids.join(','), byUid: true };
    return { numbers, set: first === last ? `${first}` : `${last}:${first}`, byUid: false };
  }
}
