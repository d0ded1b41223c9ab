// The index of one account: search.db beside its mail.db. It is made from the messages alone, so it is neither backed up
// nor repaired: what is damaged or of another version is thrown away and made again.
//
// FTS5 without content, positions or column sizes: which messages have a term, and nothing else. Terms come ready made
// (terms.ts), separated by spaces, so that the tokenizer has nothing to decide.

import { rmSync } from 'node:fs';
import Sqlite from 'better-sqlite3';
import type { MessageId } from '../ports.ts';
import { INDEXED_FIELDS, type IndexedField } from './port.ts';

const VERSION = 3;

const SCHEMA = `
CREATE VIRTUAL TABLE header USING fts5(terms, content='', detail=none, columnsize=0, tokenize='ascii');
CREATE VIRTUAL TABLE body USING fts5(terms, content='', detail=none, columnsize=0, tokenize='ascii');
-- Terms of the fields that are searched most, each behind the letter of its field.
CREATE VIRTUAL TABLE field USING fts5(terms, content='', detail=none, columnsize=0, tokenize='ascii');
-- Messages that have more than is indexed, or whose header is indexed in more than one reading.
CREATE TABLE unsure (message INTEGER PRIMARY KEY) STRICT;
-- epoch: that of the account when it was last read. A restore may bring back what is no longer indexed.
CREATE TABLE state (up_to INTEGER NOT NULL, messages INTEGER NOT NULL, epoch INTEGER NOT NULL) STRICT;
INSERT INTO state VALUES (0, 0, 0);
PRAGMA user_version = ${VERSION};`;

const TABLES = ['header', 'body', 'field'] as const;
type Table = (typeof TABLES)[number];

/** The letter that stands before the terms of a field: it makes terms of their own of them, and a range. */
const LETTERS: Readonly<Record<IndexedField, string>> = { cc: 'c', from: 'f', subject: 's', to: 't' };

/** Where a term stands: anywhere in the headers, in the bodies, or in one field. */
export type Place = 'header' | 'body' | IndexedField;

/** What is indexed of one message. */
export interface IndexedMessage {
  readonly message: MessageId;
  readonly header: ReadonlySet<string>;
  readonly body: ReadonlySet<string>;
  readonly fields: Readonly<Record<IndexedField, ReadonlySet<string>>>;
  readonly unsure: boolean;
}

/** How far an index is. */
export interface IndexState {
  /** The last message that is indexed; 0 at first. */
  readonly upTo: MessageId;
  /** How many have been. */
  readonly messages: number;
  /** The account's epoch; what is indexed under one says nothing of another. */
  readonly epoch: number;
}

/** An open index. */
export class IndexFile {
  readonly #sqlite: Sqlite.Database;
  readonly #insert: Readonly<Record<Table, Sqlite.Statement>>;

  private constructor(path: string) {
    this.#sqlite = new Sqlite(path);
    try {
      // What a killed process had not synced is indexed again; a cut of power can't leave it damaged either.
      this.#sqlite.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA cache_size = -4096');
      const version = this.#sqlite.pragma('user_version', { simple: true });
      if (version === 0) this.#sqlite.transaction(() => this.#sqlite.exec(SCHEMA))();
      else if (version !== VERSION) throw new Error(`search index of version ${version}`);
      const insert = (table: Table) => this.#sqlite.prepare(`INSERT INTO ${table} (rowid, terms) VALUES (?, ?)`);
      this.#insert = { header: insert('header'), body: insert('body'), field: insert('field') };
    } catch (error) {
      this.#sqlite.close();
      throw error;
    }
  }

  /** Opens an index; one that can't be used is made anew, and `damaged` hears why. */
  static open(path: string, damaged: (error: unknown) => void): IndexFile {
    try {
      return new IndexFile(path);
    } catch (error) {
      damaged(error);
      IndexFile.remove(path);
      return new IndexFile(path);
    }
  }

  /** Deletes an index that is not open. */
  static remove(path: string): void {
    for (const suffix of ['', '-wal', '-shm']) rmSync(`${path}${suffix}`, { force: true });
  }

  state(): IndexState {
    return this.#sqlite.prepare('SELECT up_to AS upTo, messages, epoch FROM state').get() as IndexState;
  }

  /** Adds messages, all with greater ids than those before, and says up to which one all are indexed now. */
  add(messages: readonly IndexedMessage[], upTo: MessageId, epoch: number): void {
    this.#sqlite.transaction(() => {
      for (const one of messages) {
        for (const table of TABLES) this.#insert[table].run(one.message, termsIn(one, table).join(' '));
        if (one.unsure) this.#sqlite.prepare('INSERT INTO unsure VALUES (?)').run(one.message);
      }
      const update = this.#sqlite.prepare('UPDATE state SET up_to = ?, messages = messages + ?, epoch = ?');
      update.run(upTo, messages.length, epoch);
    })();
  }

  /** The messages that have at least one of these terms there, in no order, some perhaps twice. */
  having(place: Place, terms: readonly string[]): MessageId[] {
    const { table, letter } = locate(place);
    const sql = `SELECT rowid FROM ${table} WHERE ${table} MATCH ?`;
    const question = terms.map((term) => `"${letter}${term}"`).join(' OR ');
    return this.#sqlite.prepare<[string], MessageId>(sql).pluck().all(question);
  }

  /** The messages that have a term there that begins so, in no order, some perhaps twice. */
  beginning(place: Place, start: string): MessageId[] {
    const { table, letter } = locate(place);
    const sql = `SELECT rowid FROM ${table} WHERE ${table} MATCH ?`;
    return this.#sqlite.prepare<[string], MessageId>(sql).pluck().all(`"${letter}${start}" *`);
  }

  unsure(): MessageId[] {
    return this.#sqlite.prepare<[], MessageId>('SELECT message FROM unsure').pluck().all();
  }

  /** Every term that stands there. */
  *terms(place: Place): Generator<string> {
    const { table, letter } = locate(place);
    const vocabulary = `temp.${table}_terms`;
    this.#sqlite.exec(`CREATE VIRTUAL TABLE IF NOT EXISTS ${vocabulary} USING fts5vocab('main', '${table}', 'row')`);
    const all = `SELECT term FROM ${vocabulary}`;
    if (letter === '') return yield* this.#sqlite.prepare<[], string>(all).pluck().iterate();
    const after = String.fromCharCode(letter.charCodeAt(0) + 1);
    const some = this.#sqlite.prepare<[string, string], string>(`${all} WHERE term >= ? AND term < ?`).pluck();
    for (const term of some.iterate(letter, after)) yield term.slice(1);
  }

  close(): void {
    this.#sqlite.close();
  }
}

function locate(place: Place): { readonly table: Table; readonly letter: string } {
  return place === 'header' || place === 'body'
    ? { table: place, letter: '' }
    : { table: 'field', letter: LETTERS[place] };
}

function termsIn({ header, body, fields }: IndexedMessage, table: Table): string[] {
  if (table !== 'field') return [...(table === 'header' ? header : body)];
  return INDEXED_FIELDS.flatMap((field) => Array.from(fields[field], (term) => `${LETTERS[field]}${term}`));
}
