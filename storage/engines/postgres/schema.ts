// The schema's steps, written for SQLite, as PostgreSQL takes them (storage/schema/account/001-mail.sql says how).

import { type SchemaKind, STEPS, stepScript } from '../../schema/steps.ts';

/** The script that makes the tables of a kind in a schema of their own: one database holds all accounts. */
export function postgresScript(kind: SchemaKind): string {
  const steps = STEPS[kind].map((files) => stepScript(files.filter((file) => !file.endsWith('.sqlite.sql'))));
  return [`CREATE SCHEMA ${kind};`, `SET LOCAL search_path TO ${kind};`, ...steps.map(translate)].join('\n');
}

function translate(script: string): string {
  return script
    .replace(/--[^\n]*/g, '')
    .replace(/CREATE TABLE[^;]*;/g, (table) => accountInKey(table))
    .replace(/\bINTEGER\b/g, 'BIGINT')
    .replace(/\bBLOB\b/g, 'BYTEA')
    .replace(/\bTEXT\b/g, 'TEXT COLLATE "C"')
    .replace(/\)\s*STRICT(, WITHOUT ROWID)?;/g, ');');
}

/** An id is unique in an account, and a table here holds all of them. */
function accountInKey(table: string): string {
  const key = /^\s*(\w+) INTEGER PRIMARY KEY,/m.exec(table)?.[1];
  if (key === undefined || !/^\s*account TEXT/m.test(table)) return table;
  return table
    .replace(`${key} INTEGER PRIMARY KEY,`, `${key} INTEGER NOT NULL,`)
    .replace(/\n\)/, `,\n  PRIMARY KEY (account, ${key})\n)`);
}
