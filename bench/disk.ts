// Where the bytes of an account lie: `node bench/disk.ts [messages]` fills one with as many messages as the sample mailbox
// has, none twice, and says what each table and index takes, a message, the search index too, beside what a Maildir of the
// same messages takes in blocks of 4 KB.
import { globSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import Sqlite from 'better-sqlite3';
import { Installation } from '#test/support/installation.ts';
import { openFolder, sampleMailbox } from './side.ts';

const MESSAGES = Number(process.argv[2] ?? 6_000);
const BLOCK = 4_096;
/** The search index is there when nothing was added to it for so long, ms. */
const INDEXED = 10_000;

interface Used {
  readonly name: string;
  readonly size: number;
  readonly payload: number;
  readonly unused: number;
}

function print(name: string, bytes: number, more = ''): void {
  console.log(`${name.padEnd(28)} ${(bytes / MESSAGES).toFixed(0).padStart(7)} bytes a message${more}`);
}

const perMessage = (bytes: number) => (bytes / MESSAGES).toFixed(0);

/** The tables and indexes of a database, the largest first. */
function printTables(file: string): void {
  const database = new Sqlite(file, { readonly: true });
  const sql = `SELECT name, sum(pgsize) AS size, sum(payload) AS payload, sum(unused) AS unused FROM dbstat
    GROUP BY name HAVING sum(pgsize) > 32768 ORDER BY 2 DESC`;
  for (const { name, size, payload, unused } of database.prepare(sql).all() as Used[]) {
    print(`  ${name}`, size, `, ${perMessage(payload)} of content, ${perMessage(unused)} unused`);
  }
  database.close();
}

/** What the messages of an mbox take as files of their own. */
function maildirBytes(mbox: string): number {
  const bytes = readFileSync(mbox);
  let total = 0;
  for (let at = 0; at < bytes.length; ) {
    const next = bytes.indexOf('\n\nFrom ', at);
    const end = next < 0 ? bytes.length : next + 1;
    total += Math.ceil((end - bytes.indexOf(10, at)) / BLOCK) * BLOCK;
    at = end + 1;
  }
  return total;
}

/** Lets a server make the search index, and stops it: that moves everything from the logs into the databases. */
async function makeIndex(program: Installation): Promise<void> {
  const server = await program.serve();
  const files = join(program.data, 'accounts/*/*/search.db*');
  const written = () => Math.max(0, ...globSync(files).map((file) => statSync(file).mtimeMs));
  while (written() === 0 || Date.now() - written() < INDEXED) await sleep(1_000);
  await server.stop();
}

const folder = openFolder();
try {
  const sample = sampleMailbox(folder, MESSAGES);
  const program = new Installation({ folder, threads: 1, listen: {}, settings: '[search]\nindex_after = 0' });
  await program.populate(['anna'], 'pass-word');
  await program.ok(['import', 'anna@example.test', sample]);
  await makeIndex(program);
  let total = 0;
  for (const file of globSync(join(program.data, 'accounts/*/*/*.db'))) {
    const { size } = statSync(file);
    total += size;
    print(file.slice(file.lastIndexOf('/') + 1), size);
    printTables(file);
  }
  const blobs = globSync(join(program.data, 'accounts/*/*/blobs/*'));
  const blobBytes = blobs.reduce((sum, file) => sum + statSync(file).blocks * 512, 0);
  print(`${blobs.length} blobs`, blobBytes);
  const maildir = maildirBytes(sample);
  print('all', total + blobBytes);
  print('Maildir', maildir, `, ratio ${((total + blobBytes) / maildir).toFixed(3)}`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
