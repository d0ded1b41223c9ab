// A bare server for the mixed stress (bench/mix.ts): reads command lines and literals, knows of a client's messages only
// their UIDs, and answers with replies made beforehand, as long as ours. What it does with a change before it answers is
// what its kind says. Two threads on one port, as the server has; started by bench/imap-floor.ts.
import '#config/early.js';
import { once } from 'node:events';
import { fdatasync, openSync } from 'node:fs';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import pino from 'pino';
import { THREAD_YOUNG_MB } from '#src/limits.ts';
import { append } from '#storage/account/append.ts';
import { expunge } from '#storage/account/expunge.ts';
import { changeFlags } from '#storage/account/flags.ts';
import type { Incoming } from '#storage/account/incoming.ts';
import { contentRow, placementsPage } from '#storage/account/listing.ts';
import { messageIdHash } from '#storage/account/threads.ts';
import { runsOf } from '#storage/account/uid-sets.ts';
import { createPackers, type Packers } from '#storage/blobs/packer.ts';
import { openDataDirectory } from '#storage/data-directory.ts';
import type { Engine } from '#storage/engines/port.ts';
import { Database } from '#storage/engines/sqlite/database.ts';
import { databaseFile, layoutOf } from '#storage/engines/sqlite/layout.ts';
import { createStoreShared, type StoreShared } from '#storage/engines/sqlite/shared.ts';
import { FieldFilter } from '#storage/message/field-filter.ts';
import { MessageScanner } from '#storage/message/scanner.ts';
import type { Op } from '#storage/operation.ts';
import { type AccountId, Flag, type FlagChange, type MailboxId } from '#storage/ports.ts';
import { Installation } from '#test/support/installation.ts';
import { openQuietStore } from '#test/support/store.ts';
import { HEADER_FIELDS, messagesOf } from './mix.ts';

/**
 * What is done with a change before it is answered: nothing; our own transaction; a sync of its log too; with the message
 * read and packed, and bodies unpacked; the same by the engine, whose journal lets many share a sync.
 */
export const KINDS = ['nothing', 'transactions', 'synced', 'packed', 'engine'] as const;
export type Kind = (typeof KINDS)[number];

/** Writes after which a log is 3 MB long. */
const MOVED_AFTER = 100;
const RETENTION_MS = 14 * 86_400_000;
/** Of a message. All lie in the database, also the one in a hundred that ours keeps in a file. */
const LONGEST = 1 << 20;
const NO_LIST_END = Number.MAX_SAFE_INTEGER;

interface ThreadData {
  readonly kind: Kind;
  /** The mbox file of the messages that clients send. */
  readonly sample: string;
  readonly port: number;
  readonly data: string;
  readonly shared: StoreShared;
  /** By login; empty where nothing is kept. */
  readonly inboxes: ReadonlyMap<string, Inbox>;
}

interface Inbox {
  readonly account: AccountId;
  readonly mailbox: MailboxId;
}

/** What becomes of one account's changes and bodies. */
interface Keeper {
  /** Runs it, or does not; the client is answered when `done` is called. */
  write<T>(op: () => Op<T>, done: (value?: T) => void): void;
  read<T>(op: () => Op<T>, done: (value?: T) => void): void;
  /** A message that came, ready to be appended. */
  entry(content: Buffer): Incoming;
  body(message: number, done: (content: Uint8Array) => void): void;
}

/** The messages of the sample, made ready before any is asked for. */
class Prepared {
  readonly texts: readonly Buffer[];
  readonly #entries: readonly Incoming[];

  constructor(sample: string, packers: Packers) {
    this.texts = messagesOf(sample);
    this.#entries = this.texts.map((text) => readMessage(text, packers));
  }

  /** Any of them: as often one that the account has already as with those that clients send. */
  readonly entry = (): Incoming => this.#entries[Math.floor(Math.random() * this.#entries.length)] as Incoming;

  readonly body = (_: number, done: (content: Uint8Array) => void): void =>
    done(this.texts[Math.floor(Math.random() * this.texts.length)] as Buffer);
}

/** Reads a message and packs it, as it is staged and made ready for the transaction that appends it. */
function readMessage(content: Buffer, packers: Packers): Incoming {
  const scanner = new MessageScanner();
  scanner.write(content);
  const scanned = scanner.end();
  const ids = [scanned.messageId, ...scanned.references].filter((id) => id !== '');
  const { ancestors, headerLength } = scanned;
  return {
    ...{ size: content.length, received: Math.floor(Date.now() / 1000), receivedOffset: 0, sent: scanned.sent },
    ...{ messageId: scanned.messageId === '' ? 0 : messageIdHash(scanned.messageId) },
    references: [...new Set(ids.map(messageIdHash))],
    ancestors: ancestors.length === 0 ? null : new Uint8Array(Float64Array.from(ancestors, messageIdHash).buffer),
    ...{ deliveredTo: '', traits: scanned.traits, envelope: scanned.envelope, structure: scanned.structure },
    ...{ preview: scanned.preview, deliveryId: 0, prefix: new Uint8Array(0), blob: '', flags: 0, keywords: [] },
    header: packers.header.pack(content.subarray(0, headerLength)),
    body: packers.body.pack(content.subarray(headerLength)),
    annotations: undefined,
  };
}

type Content = Pick<Keeper, 'entry' | 'body'>;

/** Messages that come are read and packed, and bodies unpacked. */
function packing(id: AccountId, packers: Packers, read: Keeper['read']): Content {
  return {
    entry: (content) => readMessage(content, packers),
    body: (message, done) =>
      read(
        () => contentRow(id, message),
        (row) => {
          const { header, body } = row ?? {};
          if (!header || !body) throw new Error(`message ${message} is not there`);
          packers.header.look(header, LONGEST, (start) =>
            packers.body.look(body, LONGEST, (rest) => done(Buffer.concat([start, rest]))),
          );
        },
      ),
  };
}

/** Each account's database by itself, in this thread; its log is moved now and then, and synced by nobody but us. */
function alone(file: string, synced: boolean): Pick<Keeper, 'write' | 'read'> {
  const database = new Database({ file, busyTimeout: 1_000 });
  const log = openSync(`${file}-wal`, 'r');
  let writes = 0;
  return {
    write(op, done) {
      const { value, rows } = database.write(op);
      writes += 1;
      if (writes % MOVED_AFTER === 0) database.withoutSyncs(() => beginLog(database));
      if (synced && rows > 0) fdatasync(log, () => done(value));
      else done(value);
    },
    read: (op, done) => done(database.read(op)),
  };
}

/** As the background thread does; the next write would sync the header of the log. */
function beginLog(database: Database): void {
  database.checkpoint('RESTART');
  database.writePage();
}

/** By the engine, its journal and its background thread. */
function byEngine(engine: Engine, id: AccountId): Pick<Keeper, 'write' | 'read'> {
  const key = { kind: 'account', id } as const;
  return {
    write: (op, done) => void engine.write(key, op).then(done),
    read: (op, done) => void engine.read(key, op).then(done),
  };
}

/** Those of a thread, by login: made when first somebody logs in with it. */
async function keepers(data: ThreadData, prepared: Prepared, packers: Packers): Promise<(login: string) => Keeper> {
  const { kind, shared } = data;
  const { entry, body } = prepared;
  const nothing: Keeper = { write: (_, done) => done(), read: (_, done) => done(), entry, body };
  if (kind === 'nothing') return () => nothing;
  const options = { data: data.data, shared, main: isMainThread, handles: 2 * data.inboxes.size, fatal };
  const opened = kind === 'engine' ? await openDataDirectory({ ...options, log: pino({ level: 'silent' }) }) : null;
  const made = new Map<string, Keeper>();
  return (login) => {
    const known = made.get(login);
    if (known !== undefined) return known;
    const { account: id } = inboxOf(data, login);
    const file = databaseFile(layoutOf(data.data), { kind: 'account', id });
    const access = opened === null ? alone(file, kind !== 'transactions') : byEngine(opened.engine, id);
    const isPacked = kind === 'packed' || kind === 'engine';
    const keeper = { ...access, ...(isPacked ? packing(id, packers, access.read) : { entry, body }) };
    made.set(login, keeper);
    return keeper;
  };
}

function fatal(error: Error): never {
  throw error;
}

function inboxOf({ kind, inboxes }: ThreadData, login: string): Inbox {
  const inbox = inboxes.get(login) ?? (kind === 'nothing' ? { account: '', mailbox: 0 } : undefined);
  if (inbox === undefined) throw new Error(`there is no account ${login}`);
  return inbox;
}

/** What is said of anything, made once. */
class Replies {
  readonly list = ['INBOX', 'Archive', 'Drafts', 'Junk', 'Sent', 'Templates', 'Trash']
    .map((name) => `* LIST (\\HasNoChildren \\${name}) "/" "${name}"\r\n`)
    .join('');
  readonly status = '* STATUS "Sent" (MESSAGES 0 UNSEEN 0 RECENT 0)\r\n';
  /** Of so many messages. */
  readonly headers: readonly string[];

  constructor({ texts }: Prepared) {
    const names = HEADER_FIELDS.split(' ');
    const filter = new FieldFilter(new Set(names.map((name) => name.toLowerCase())));
    const lines = texts.slice(0, 10).map((text, at) => {
      const fields = filter.select(text.subarray(0, text.indexOf('\r\n\r\n') + 4));
      const what = `UID ${100 + at} FLAGS (\\Seen \\Recent) BODY[HEADER.FIELDS (${HEADER_FIELDS})]`;
      return `* ${10 + at} FETCH (${what} {${fields.length}}\r\n${Buffer.from(fields).toString('latin1')})\r\n`;
    });
    this.headers = Array.from({ length: lines.length + 1 }, (_, count) => lines.slice(0, count).join(''));
  }
}

interface Parts {
  readonly data: ThreadData;
  readonly keeper: (login: string) => Keeper;
  readonly replies: Replies;
}

interface Message {
  readonly uid: number;
  /** Its id; 0 where nothing is kept. */
  readonly id: number;
}

const FLAGS = new Map([
  ['\\Seen', Flag.seen],
  ['\\Answered', Flag.answered],
  ['\\Flagged', Flag.flagged],
  ['\\Deleted', Flag.deleted],
  ['\\Draft', Flag.draft],
]);

/** One connection. A client sends a command when it has the reply to the one before. */
class Session {
  readonly #socket: Socket;
  readonly #parts: Parts;
  #rest: Buffer | null = null;
  #keeper: Keeper | null = null;
  #inbox: Inbox = { account: '', mailbox: 0 };
  #messages: Message[] = [];
  readonly #deleted = new Set<number>();
  /** By id: bodies that were asked for are kept while the message is there. */
  readonly #bodies = new Map<number, Uint8Array>();
  #uid = 0;

  constructor(socket: Socket, parts: Parts) {
    this.#socket = socket;
    this.#parts = parts;
    socket.on('data', (chunk: Buffer) => this.#take(chunk));
    socket.on('error', () => socket.destroy());
    socket.write('* OK floor.test ready\r\n');
  }

  #take(chunk: Buffer): void {
    const input = this.#rest === null ? chunk : Buffer.concat([this.#rest, chunk]);
    const end = input.indexOf('\r\n');
    const line = end < 0 ? '' : input.toString('latin1', 0, end);
    const literal = line.endsWith('+}') ? Number(line.slice(line.lastIndexOf('{') + 1, -2)) : 0;
    const needed = literal > 0 ? end + 4 + literal : end + 2;
    if (end < 0 || input.length < needed) {
      this.#rest = input;
      return;
    }
    this.#rest = null;
    this.#run(line.split(' '), input.subarray(end + 2, end + 2 + literal));
  }

  #run([tag = '', verb, ...words]: string[], literal: Buffer): void {
    if (verb === 'LIST') this.#end(tag, this.#parts.replies.list);
    else if (verb === 'STATUS') this.#end(tag, this.#parts.replies.status);
    else if (verb === 'FETCH' && words[1] === '(UID' && words[2] === 'FLAGS') this.#headers(tag, words);
    else if (verb === 'FETCH') this.#body(tag, words);
    else if (verb === 'STORE') this.#store(tag, words);
    else if (verb === 'EXPUNGE') this.#expunge(tag);
    else if (verb === 'APPEND') this.#append(tag, literal);
    else if (verb === 'LOGIN') this.#login(tag, words);
    else if (verb === 'SELECT') this.#select(tag);
    else this.#end(tag, '');
  }

  #end(tag: string, before: string): void {
    this.#socket.write(`${before}${tag} OK Command completed\r\n`, 'latin1');
  }

  #login(tag: string, [login = '']: string[]): void {
    this.#inbox = inboxOf(this.#parts.data, login);
    this.#keeper = this.#parts.keeper(login);
    this.#end(tag, '');
  }

  #select(tag: string): void {
    const { account, mailbox } = this.#inbox;
    this.#keeper?.read(
      () => placementsPage(account, mailbox, [[1, NO_LIST_END]]),
      (page) => {
        this.#messages = (page?.rows ?? []).map(({ uid, message }) => ({ uid, id: message }));
        this.#end(tag, `* ${this.#messages.length} EXISTS\r\n`);
      },
    );
  }

  #headers(tag: string, [set = '']: string[]): void {
    const [first = 1, last = first] = set.split(':').map(Number);
    this.#end(tag, this.#parts.replies.headers[last - first + 1] ?? '');
  }

  #body(tag: string, [set = '']: string[]): void {
    const { uid = 0, id = 0 } = this.#messages[Number(set) - 1] ?? {};
    const give = (content: Uint8Array) => {
      if (id > 0) this.#bodies.set(id, content);
      const head = Buffer.from(`* ${set} FETCH (UID ${uid} BODY[] {${content.length}}\r\n`, 'latin1');
      this.#socket.write(Buffer.concat([head, content, Buffer.from(`)\r\n${tag} OK Command completed\r\n`, 'latin1')]));
    };
    const kept = this.#bodies.get(id);
    if (kept === undefined) this.#keeper?.body(id, give);
    else give(kept);
  }

  #store(tag: string, [set = '', action = '', ...names]: string[]): void {
    const all = set === '1:*';
    const numbers = all ? this.#messages.map((_, at) => at + 1) : set.split(',').map(Number);
    const uids = numbers.flatMap((number) => this.#messages[number - 1]?.uid ?? []).sort((a, b) => a - b);
    const flags = names.reduce((sum, name) => sum | (FLAGS.get(name.replace(/[()]/g, '')) ?? 0), 0);
    const change: FlagChange = { action: action.startsWith('+') ? 'add' : 'remove', flags, keywords: [] };
    if ((flags & Flag.deleted) > 0) {
      for (const uid of uids) change.action === 'add' ? this.#deleted.add(uid) : this.#deleted.delete(uid);
    }
    const lines = all ? '' : numbers.map((number) => `* ${number} FETCH (FLAGS (\\Flagged \\Recent))\r\n`).join('');
    this.#keeper?.write(
      () => changeFlags({ ...this.#inbox, uids: runsOf(uids), change, unchangedSince: undefined }),
      () => this.#end(tag, lines),
    );
  }

  #expunge(tag: string): void {
    if (this.#deleted.size === 0) {
      this.#end(tag, '');
      return;
    }
    const uids = runsOf([...this.#deleted].sort((a, b) => a - b));
    const now = Date.now();
    const expunging = { now, retainUntil: now + RETENTION_MS, onlyDeleted: true };
    this.#keeper?.write(
      () => expunge({ ...this.#inbox, uids, ...expunging }),
      () => this.#end(tag, this.#remove()),
    );
  }

  /** Takes out what is deleted; tells it from the last to the first. */
  #remove(): string {
    let lines = '';
    for (let at = this.#messages.length - 1; at >= 0; at--) {
      const { uid, id } = this.#messages[at] as Message;
      if (!this.#deleted.has(uid)) continue;
      this.#messages.splice(at, 1);
      this.#bodies.delete(id);
      lines += `* ${at + 1} EXPUNGE\r\n`;
    }
    this.#deleted.clear();
    return lines;
  }

  #append(tag: string, literal: Buffer): void {
    const keeper = this.#keeper as Keeper;
    const entries = [keeper.entry(literal)];
    keeper.write(
      () => append({ ...this.#inbox, path: undefined, entries, now: Date.now(), quota: null }),
      (placed) => {
        this.#uid += 1;
        const { uid = this.#uid, message: id = 0 } = placed?.[0] ?? {};
        const count = this.#messages.push({ uid, id });
        this.#end(tag, `* ${count} EXISTS\r\n* ${count} RECENT\r\n`);
      },
    );
  }
}

/** Serves in this thread; its port. */
async function serve(data: ThreadData): Promise<number> {
  const packers = createPackers();
  const prepared = new Prepared(data.sample, packers);
  const parts = { data, keeper: await keepers(data, prepared, packers), replies: new Replies(prepared) };
  const server = createServer({ noDelay: true }, (socket) => void new Session(socket, parts));
  await once(server.listen({ host: '127.0.0.1', port: data.port, reusePort: true }), 'listening');
  return (server.address() as AddressInfo).port;
}

/** The INBOX of each user, in a folder with their accounts. */
async function populate(program: Installation, users: number): Promise<Map<string, Inbox>> {
  const names = Array.from({ length: users }, (_, index) => `user${index + 1}`);
  await program.populate(names, 'pass-word', 'floor.test');
  await using store = await openQuietStore(program.data);
  const inboxes = new Map<string, Inbox>();
  for (const name of names) {
    const found = await store.directory.resolve(`${name}@floor.test`);
    if (found.kind !== 'local' || found.accounts[0] === undefined) throw new Error(`there is no account ${name}`);
    const { id: account } = found.accounts[0];
    const inbox = await store.mail(account).mailboxByPath('INBOX');
    inboxes.set(name, { account, mailbox: inbox?.id ?? 0 });
  }
  return inboxes;
}

async function startBoth(kind: Kind, users: number, folder: string, sample: string): Promise<void> {
  const program = new Installation({ folder, listen: {} });
  const inboxes = kind === 'nothing' ? new Map<string, Inbox>() : await populate(program, users);
  const data: ThreadData = { kind, sample, port: 0, data: program.data, shared: createStoreShared(), inboxes };
  const port = await serve(data);
  const resourceLimits = { maxYoungGenerationSizeMb: THREAD_YOUNG_MB };
  const worker = new Worker(import.meta.filename, { workerData: { ...data, port }, resourceLimits });
  await once(worker, 'message');
  process.stdout.write(`${port}\n`);
}

if (!isMainThread) parentPort?.postMessage(await serve(workerData as ThreadData));
else if (import.meta.main) {
  const [wanted, users, folder = '', sample = ''] = process.argv.slice(2);
  const kind = KINDS.find((one) => one === wanted);
  if (kind === undefined) throw new Error(`${wanted} is none of ${KINDS.join(', ')}`);
  await startBoth(kind, Number(users), folder, sample);
}
