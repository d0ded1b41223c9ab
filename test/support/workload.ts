// Twenty clients that deliver and change mail at once: SMTP senders on the MX port and with a login, IMAP clients that
// append, flag, copy, move and expunge in their own mailboxes, and others that sort what arrives in an INBOX. Everything
// they do and are told goes into a ledger.
import { randomBytes } from 'node:crypto';
import type { Attempt, Change, Ledger, Moment, Place } from './ledger.ts';
import { TOKEN_HEADER } from './ledger.ts';
import { between, pick, type Random, seeded } from './random.ts';
import { ImapWire, SmtpWire, type Wire, WireClosed } from './wire.ts';

/** Clients that sort an INBOX, each its own. */
const SORTERS = 4;

export interface Ports {
  readonly smtp: number;
  readonly submission: number;
  readonly imap: number;
}

export interface WorkloadOptions {
  readonly ledger: Ledger;
  readonly accounts: readonly { readonly name: string; readonly address: string; readonly password: string }[];
  readonly seed: number;
  /** Called on the way through a command: `DATA` in the middle of its data, `DATA.` behind it, and so on. */
  readonly at?: (stage: Stage) => void;
}

/** What a client is in the middle of. */
export type Stage = 'DATA' | 'DATA.' | 'APPEND' | 'APPEND.' | 'STORE' | 'COPY' | 'MOVE' | 'EXPUNGE';

interface Message {
  readonly token: string;
  readonly bytes: Buffer;
  readonly sender: string;
  readonly recipients: readonly number[];
}

/** Kept by a client over the restarts of the server. */
interface Client {
  /** Connects and works until told to stop; throws WireClosed when the server goes away. */
  run(ports: Ports, stopped: () => boolean): Promise<void>;
}

export class Workload {
  readonly #options: WorkloadOptions;
  readonly #clients: Client[] = [];
  readonly #underway = new Map<Stage, number>();
  #tokens = 0;
  /** Of the latest messages. */
  #texts: readonly { readonly id: string; readonly body: string }[] = [];
  acknowledged = 0;

  constructor(options: WorkloadOptions) {
    this.#options = options;
    const { accounts, seed } = options;
    if (accounts.length < SORTERS) throw new Error('two clients would sort the same INBOX');
    const random = (index: number) => seeded(seed * 1000 + index);
    for (let i = 0; i < 8; i += 1) this.#clients.push(new Sender(this, random(i), null));
    for (let i = 0; i < 2; i += 1) this.#clients.push(new Sender(this, random(8 + i), i % accounts.length));
    for (let i = 0; i < 6; i += 1) this.#clients.push(new Editor(this, random(10 + i), i % accounts.length, i));
    for (let i = 0; i < SORTERS; i += 1) this.#clients.push(new Sorter(this, random(16 + i), i % accounts.length));
  }

  get ledger(): Ledger {
    return this.#options.ledger;
  }

  get accounts(): WorkloadOptions['accounts'] {
    return this.#options.accounts;
  }

  /** How many clients are in the middle of each command now. */
  get underway(): ReadonlyMap<Stage, number> {
    return this.#underway;
  }

  /** Runs all clients until `stopped` or until the server goes away; any other fault is thrown. */
  async run(ports: Ports, stopped: () => boolean): Promise<void> {
    const results = await Promise.allSettled(this.#clients.map((client) => client.run(ports, stopped)));
    this.#underway.clear();
    for (const result of results) {
      if (result.status === 'rejected' && !isDisconnect(result.reason)) throw result.reason;
    }
  }

  /**
   * A content of its own, one in ten above 64 KiB. One in four has the Message-ID and the body of one before it, as a copy
   * that a program made: the token in its header is still its own.
   */
  message(random: Random, sender: string, recipients: readonly number[]): Message {
    this.#tokens += 1;
    const token = `c${this.#options.seed}-${this.#tokens}`;
    const again = random() < 0.25 ? pick(random, this.#texts) : undefined;
    const { id, body } = again ?? { id: `<${token}@peer.test>`, body: textOf(random) };
    this.#texts = [...this.#texts.slice(-3), { id, body }];
    const text = [
      `From: <${sender}>`,
      `To: ${recipients.map((index) => `<${this.accounts[index]?.address}>`).join(', ')}`,
      `Subject: message ${token}`,
      'Date: Thu, 01 Oct 2026 10:00:00 +0000',
      `Message-ID: ${id}`,
      `${TOKEN_HEADER}: ${token}`,
      'MIME-Version: 1.0',
      'Content-Type: text/plain; charset=us-ascii',
      '',
      body,
      '',
    ].join('\r\n');
    const bytes = Buffer.from(text, 'latin1');
    this.ledger.content(token, bytes);
    return { token, bytes, sender, recipients };
  }

  /** Around a command: counts it as under way and passes its stages on. */
  stage(stage: Stage): Disposable {
    this.#underway.set(stage, (this.#underway.get(stage) ?? 0) + 1);
    this.#options.at?.(stage);
    return { [Symbol.dispose]: () => this.#underway.set(stage, (this.#underway.get(stage) ?? 0) - 1) };
  }

  acknowledge(attempt: Attempt, at: Moment): void {
    attempt.acknowledged = at;
    this.acknowledged += 1;
  }

  place(account: number, mailbox: string): Place {
    return `${this.accounts[account]?.name}/${mailbox}`;
  }
}

/** A body; half of it can be compressed, half cannot. */
function textOf(random: Random): string {
  const large = random() < 0.1;
  const length = large ? between(random, 70_000, 300_000) : between(random, 200, 14_000);
  const noise = randomBytes(Math.ceil(length / 2))
    .toString('base64')
    .replace(/(.{70})/g, '$1\r\n.');
  const words = 'the quick brown fox jumps over the lazy dog and the mail goes on\r\n'.repeat(Math.ceil(length / 130));
  return words + noise;
}

/** The connection ended, as it does when the server is killed. */
function isDisconnect(error: unknown): boolean {
  if (error instanceof WireClosed) return true;
  return error instanceof Error && 'code' in error && /^(ECONN|EPIPE)/.test(String(error.code));
}

/** So far on this connection; the two ports name it. */
function moment(wire: Wire): Moment {
  const { remotePort, localPort } = wire.socket;
  return { connection: `${remotePort}-${localPort}`, bytes: wire.taken };
}

/** Delivers, on the MX port or, with an account, on the submission port. Repeats what got no reply. */
class Sender implements Client {
  readonly #work: Workload;
  readonly #random: Random;
  readonly #account: number | null;
  #unanswered: Message | null = null;

  constructor(work: Workload, random: Random, account: number | null) {
    this.#work = work;
    this.#random = random;
    this.#account = account;
  }

  async run(ports: Ports, stopped: () => boolean): Promise<void> {
    while (!stopped()) {
      const client = await SmtpWire.open(this.#account === null ? ports.smtp : ports.submission);
      try {
        await this.#session(client, stopped);
      } finally {
        client.wire.destroy();
      }
    }
  }

  async #session(client: SmtpWire, stopped: () => boolean): Promise<void> {
    client.wire.send('EHLO peer.test\r\n');
    await client.expect(250);
    const account = this.#account === null ? undefined : this.#work.accounts[this.#account];
    if (account !== undefined) await client.login(account.address, account.password);
    const many = between(this.#random, 5, 40);
    for (let sent = 0; sent < many && !stopped(); sent += 1) {
      this.#unanswered ??= this.#next(account?.address ?? 'sender@peer.test');
      await this.#deliver(client, this.#unanswered);
      this.#unanswered = null;
    }
    client.wire.send('QUIT\r\n');
    await client.expect(221);
  }

  #next(sender: string): Message {
    const recipients = new Set<number>();
    const many = pick(this.#random, [1, 1, 1, 2, 3]);
    while (recipients.size < Math.min(many, this.#work.accounts.length)) {
      recipients.add(between(this.#random, 0, this.#work.accounts.length - 1));
    }
    return this.#work.message(this.#random, sender, [...recipients]);
  }

  async #deliver(client: SmtpWire, message: Message): Promise<void> {
    const commands = [
      `MAIL FROM:<${message.sender}> SIZE=${message.bytes.length}`,
      ...message.recipients.map((index) => `RCPT TO:<${this.#work.accounts[index]?.address}>`),
    ];
    client.wire.send(`${commands.join('\r\n')}\r\n`);
    for (const _ of commands) await client.expect(250);
    client.wire.send('DATA\r\n');
    await client.expect(354);
    const attempt = this.#work.ledger.begin(moment(client.wire), {
      kind: 'add',
      token: message.token,
      places: message.recipients.map((index) => this.#work.place(index, 'INBOX')),
    });
    const stuffed = Buffer.from(message.bytes.toString('latin1').replace(/^\./gm, '..'), 'latin1');
    const half = Math.floor(stuffed.length / 2);
    {
      using _ = this.#work.stage('DATA');
      client.wire.send(stuffed.subarray(0, half));
      await new Promise<void>((resolve) => setImmediate(resolve));
      client.wire.send(stuffed.subarray(half));
    }
    using _ = this.#work.stage('DATA.');
    client.wire.send('.\r\n');
    await client.expect(250);
    this.#work.acknowledge(attempt, moment(client.wire));
  }
}

/** What an IMAP client knows of the mailbox it has selected: UIDs and their contents. */
class Selected {
  readonly place: Place;
  readonly validity: number;
  readonly known = new Map<number, string>();

  constructor(place: Place, validity: number) {
    this.place = place;
    this.validity = validity;
  }

  some(random: Random, most: number): number[] {
    const uids = [...this.known.keys()];
    const from = between(random, 0, Math.max(0, uids.length - 1));
    return uids.slice(from, from + between(random, 1, most));
  }
}

/** What the two kinds of IMAP clients share. */
abstract class ImapClient implements Client {
  protected readonly work: Workload;
  protected readonly random: Random;
  protected readonly account: number;

  constructor(work: Workload, random: Random, account: number) {
    this.work = work;
    this.random = random;
    this.account = account;
  }

  abstract session(client: ImapWire, stopped: () => boolean): Promise<void>;

  async run(ports: Ports, stopped: () => boolean): Promise<void> {
    const client = await ImapWire.open(ports.imap);
    try {
      const { address = '', password = '' } = this.work.accounts[this.account] ?? {};
      await client.login(address, password);
      await this.session(client, stopped);
      await client.ok('LOGOUT');
    } finally {
      client.wire.destroy();
    }
  }

  protected async create(client: ImapWire, mailbox: string): Promise<void> {
    const result = await client.command(`CREATE ${mailbox}`);
    if (result.status !== 'OK' && !/exist/i.test(result.text)) throw new Error(`CREATE ${mailbox}: ${result.text}`);
  }

  protected async select(client: ImapWire, mailbox: string): Promise<Selected> {
    const result = await client.ok(`SELECT ${mailbox}`);
    const validity = result.untagged.map(({ text }) => /UIDVALIDITY (\d+)/.exec(text)?.[1]).find(Boolean);
    const selected = new Selected(this.work.place(this.account, mailbox), Number(validity));
    await this.learn(client, selected, 1);
    return selected;
  }

  /** Takes note of the contents from a UID on. */
  protected async learn(client: ImapWire, selected: Selected, from: number): Promise<void> {
    const result = await client.ok(`UID FETCH ${from}:* (UID BODY.PEEK[HEADER.FIELDS (${TOKEN_HEADER})])`);
    for (const { text, literals } of result.untagged) {
      const uid = Number(/UID (\d+)/.exec(text)?.[1] ?? 0);
      const token = /: (\S+)/.exec(literals[0]?.toString('latin1') ?? '')?.[1];
      if (uid < from || token === undefined) continue;
      this.sight(client, selected.place, selected.validity, uid, token);
      selected.known.set(uid, token);
    }
  }

  protected sight(client: ImapWire, place: Place, validity: number, uid: number, token: string): void {
    this.work.ledger.sightings.push({ at: moment(client.wire), place, validity, uid, token });
  }

  /** Sends one changing command and takes note of it and of its outcome. */
  protected async change(client: ImapWire, stage: Stage, change: Change, command: string): Promise<string> {
    const attempt = this.work.ledger.begin(moment(client.wire), change);
    using _ = this.work.stage(stage);
    const result = await client.ok(command);
    this.work.acknowledge(attempt, moment(client.wire));
    return [...result.untagged.map(({ text }) => text), result.text].find((text) => text.includes('[COPYUID')) ?? '';
  }

  protected async flag(client: ImapWire, selected: Selected, flag: string): Promise<void> {
    const uids = selected.some(this.random, 5);
    if (uids.length === 0) return;
    const { place, validity } = selected;
    const change = { kind: 'flag', place, validity, uids, flag } as const;
    await this.change(client, 'STORE', change, `UID STORE ${uids.join(',')} +FLAGS (${flag})`);
  }

  /** COPY or MOVE of some messages. */
  protected async transfer(client: ImapWire, kind: 'copy' | 'move', selected: Selected, to: string): Promise<void> {
    const uids = selected.some(this.random, 4);
    if (uids.length === 0) return;
    const tokens = uids.map((uid) => selected.known.get(uid) as string);
    const target = this.work.place(this.account, to);
    const change = { kind, tokens, from: selected.place, to: target };
    const verb = kind === 'copy' ? 'COPY' : 'MOVE';
    const told = await this.change(client, verb, change, `UID ${verb} ${uids.join(',')} ${to}`);
    const code = /\[COPYUID (\d+) (\S+) (\S+)\]/.exec(told);
    if (code === null) throw new Error(`UID ${verb} of ${uids.join(',')} was answered without COPYUID`);
    const [sources, targets] = [expand(code[2] as string), expand(code[3] as string)];
    if (sources.length !== uids.length || targets.length !== uids.length) throw new Error(`${verb}: ${told}`);
    for (const [index, uid] of sources.entries()) {
      this.sight(client, target, Number(code[1]), targets[index] as number, selected.known.get(uid) as string);
    }
    if (kind === 'move') for (const uid of uids) selected.known.delete(uid);
  }

  protected async expunge(client: ImapWire, selected: Selected): Promise<void> {
    const uids = selected.some(this.random, 3);
    if (uids.length === 0) return;
    const tokens = uids.map((uid) => selected.known.get(uid) as string);
    await client.ok(`UID STORE ${uids.join(',')} +FLAGS.SILENT (\\Deleted)`);
    await this.change(
      client,
      'EXPUNGE',
      { kind: 'expunge', tokens, from: selected.place },
      `UID EXPUNGE ${uids.join(',')}`,
    );
    for (const uid of uids) selected.known.delete(uid);
  }
}

/** `1:3,7` as single numbers, in the order given. */
function expand(set: string): number[] {
  return set.split(',').flatMap((range) => {
    const [first = 0, last = first] = range.split(':').map(Number);
    return Array.from({ length: last - first + 1 }, (_, index) => first + index);
  });
}

/** Appends to a mailbox of its own and changes what is there. */
class Editor extends ImapClient {
  readonly #number: number;

  constructor(work: Workload, random: Random, account: number, number: number) {
    super(work, random, account);
    this.#number = number;
  }

  async session(client: ImapWire, stopped: () => boolean): Promise<void> {
    const [mine, done] = [`work${this.#number}`, `done${this.#number}`];
    await this.create(client, mine);
    await this.create(client, done);
    const selected = await this.select(client, mine);
    while (!stopped()) {
      const roll = this.random();
      if (roll < 0.5 || selected.known.size < 3) await this.#append(client, selected, mine);
      else if (roll < 0.65) await this.flag(client, selected, pick(this.random, ['\\Flagged', '\\Seen', 'work']));
      else if (roll < 0.75) await this.transfer(client, 'copy', selected, done);
      else if (roll < 0.9) await this.transfer(client, 'move', selected, done);
      else await this.expunge(client, selected);
    }
  }

  async #append(client: ImapWire, selected: Selected, mailbox: string): Promise<void> {
    const address = this.work.accounts[this.account]?.address ?? '';
    const message = this.work.message(this.random, address, [this.account]);
    const attempt = this.work.ledger.begin(moment(client.wire), {
      kind: 'add',
      token: message.token,
      places: [selected.place],
    });
    const tag = client.nextTag();
    client.wire.send(`${tag} APPEND ${mailbox} (\\Seen) {${message.bytes.length}}\r\n`);
    for (;;) {
      const response = await client.response();
      if (response.text.startsWith('+')) break;
      if (response.text.startsWith(`${tag} `)) throw new Error(`APPEND: ${response.text}`);
    }
    const half = Math.floor(message.bytes.length / 2);
    {
      using _ = this.work.stage('APPEND');
      client.wire.send(message.bytes.subarray(0, half));
      await new Promise<void>((resolve) => setImmediate(resolve));
      client.wire.send(message.bytes.subarray(half));
    }
    using _ = this.work.stage('APPEND.');
    client.wire.send('\r\n');
    const result = await client.result(tag);
    if (result.status !== 'OK') throw new Error(`APPEND: ${result.status} ${result.text}`);
    this.work.acknowledge(attempt, moment(client.wire));
    const uid = /\[APPENDUID (\d+) (\d+)\]/.exec(result.text);
    if (uid === null) throw new Error(`APPEND was answered without APPENDUID: ${result.text}`);
    this.sight(client, selected.place, Number(uid[1]), Number(uid[2]), message.token);
    selected.known.set(Number(uid[2]), message.token);
  }
}

/** Looks into an INBOX as mail arrives, moves most of it to the archive and deletes some. */
class Sorter extends ImapClient {
  async session(client: ImapWire, stopped: () => boolean): Promise<void> {
    const selected = await this.select(client, 'INBOX');
    let next = Math.max(0, ...selected.known.keys()) + 1;
    while (!stopped()) {
      await client.ok('NOOP');
      await this.learn(client, selected, next);
      next = Math.max(next - 1, ...selected.known.keys()) + 1;
      const roll = this.random();
      if (roll < 0.3) await this.flag(client, selected, '\\Seen');
      else if (roll < 0.6 && selected.known.size > 10) await this.transfer(client, 'move', selected, 'Archive');
      else if (roll < 0.7 && selected.known.size > 10) await this.expunge(client, selected);
      else await new Promise((resolve) => setTimeout(resolve, between(this.random, 1, 20)));
    }
  }
}
