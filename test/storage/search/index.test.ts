// The search index against a plain look into the texts: what it says for certain must be so, and what it leaves out must
// not be there.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { fold } from '#storage/message/fold.ts';
import { bestForm, foldFuzzy, fuzzyWords, strengthOf } from '#storage/message/fuzzy.ts';
import { AccountIndex } from '#storage/search/account-index.ts';
import { IndexFile } from '#storage/search/index-file.ts';
import { noFields } from '#storage/search/message-terms.ts';
import type { TextQuery } from '#storage/search/port.ts';
import { Terms, wantedTerms } from '#storage/search/terms.ts';
import { temporaryFolder } from '#test/support/folder.ts';
import { between, pick, type Random, seeded } from '#test/support/random.ts';

const MESSAGES = 400;
const SEARCHES = 3_000;
const WORDS = [
  ...['hello', 'Hello', 'HELLO', 'help', 'yellow', 'low', 'x', 'of', 'e-mail', 'foo_bar', "don't", '2026-11-22'],
  ...['café', 'cafe\u0301', 'CAFÉ', 'Straße', 'STRASSE', 'ﬁnal', '℃', '½', 'Ὀδυσσεύς', 'ΣΑΣ', 'İstanbul', 'naïve'],
  ...['日本語のメール', '。', '会議', '👍', '𝔘𝔫𝔦', 'عربي', 'ไทย', 'пРивет', 'a\u0308', 'x'.repeat(70)],
  ...['0123456789abcdef'.repeat(20), 'é'.repeat(90), 'anna@example.test', '<b>', '\t', '\r\n', '--', '\u00a0', '…'],
];

/** A text of random words, now and then longer than what is held back. */
function randomText(random: Random): string {
  const words = Array.from({ length: between(random, 0, 12) }, () => pick(random, WORDS));
  const text = words.join(pick(random, [' ', '', '\r\n', '-', ' ']));
  return random() < 0.02 ? text + '日本語'.repeat(between(random, 2_700, 3_000)) + pick(random, WORDS) : text;
}

/** In pieces, as it comes from a reader: never through a character. */
function pieces(random: Random, text: string): string[] {
  const characters = [...text];
  const found: string[] = [];
  for (let at = 0; at < characters.length; ) {
    const size = between(random, 1, pick(random, [3, 10_000]));
    found.push(characters.slice(at, at + size).join(''));
    at += size;
  }
  return found;
}

function terms(random: Random, text: string): ReadonlySet<string> {
  const found = new Terms();
  for (const piece of pieces(random, text)) found.add(piece);
  found.end();
  expect(found.complete).toBe(true);
  return found.all;
}

/** Something that stands in one of the texts, or nearly does. */
function needle(random: Random, texts: readonly string[]): string {
  const characters = [...fold(pick(random, texts))];
  const start = between(random, 0, Math.max(0, characters.length - 1));
  const found = characters.slice(start, start + between(random, 1, pick(random, [4, 12, 80]))).join('');
  return random() < 0.1 ? fold(`${found}${pick(random, WORDS)}`) : found;
}

test(`${SEARCHES} searches find in the index what a look into ${MESSAGES} texts finds`, async () => {
  await using folder = await temporaryFolder();
  const random = seeded(7);
  const index = new AccountIndex(IndexFile.open(join(folder.path, 'search.db'), (error) => expect(error).toBeNull()));
  const messages = Array.from({ length: MESSAGES }, (_, position) => ({
    message: position * 3 + 1,
    header: randomText(random),
    body: randomText(random),
    subject: randomText(random),
    from: randomText(random),
  }));
  const folded = messages.map(({ message, header, body, subject, from }) => ({
    ...{ message, header: fold(header), body: fold(body), subject: fold(subject), from: fold(from) },
  }));
  const add = (from: number, to: number) =>
    index.add(
      messages.slice(from, to).map(({ message, header, body, subject, from }) => ({
        ...{ message, header: terms(random, header), body: terms(random, body) },
        fields: { ...noFields(), subject: terms(random, subject), from: terms(random, from) },
        unsure: message % 50 === 1,
      })),
      messages[to - 1]?.message ?? 0,
      1,
    );
  add(0, 300);
  const counts = { sure: 0, maybe: 0, none: 0, unknown: 0 };
  for (let search = 0; search < SEARCHES; search++) {
    // The rest comes while the vocabularies are in memory.
    if (search === SEARCHES / 2) add(300, MESSAGES);
    // And some are asked before a vocabulary is read again.
    if (search % 10 === 0) index.forgetVocabularies();
    const text = needle(random, [
      messages[between(random, 0, MESSAGES - 1)]?.header ?? '',
      pick(random, messages).body,
      pick(random, messages).subject,
      pick(random, messages).from,
    ]);
    const where = pick(random, ['text', 'body', 'header', 'subject', 'from'] as const);
    const { upTo, findings } = await index.find([{ where, text } satisfies TextQuery], async () => {});
    const [finding = null] = findings;
    if (text === '' || finding === null) {
      expect(wantedTerms(text)).toBeNull();
      counts.unknown++;
      continue;
    }
    const sure = new Set(finding.sure);
    const maybe = new Set(finding.maybe);
    for (const { message, header, body, ...fields } of folded) {
      if (message > upTo) continue;
      const there =
        where === 'subject' || where === 'from'
          ? fields[where].includes(text)
          : (where !== 'body' && header.includes(text)) || (where !== 'header' && body.includes(text));
      const said = sure.has(message) ? 'sure' : maybe.has(message) ? 'maybe' : 'none';
      counts[said]++;
      if (said === 'sure' ? !there : said === 'none' && there) {
        expect.fail(`${JSON.stringify(text)} (${where}) in message ${message}: ${said}, and it is ${there}`);
      }
    }
  }
  index.close();
  // All kinds of answers came, and the index decides about nearly everything.
  expect(counts.sure).toBeGreaterThan(10_000);
  expect(counts.unknown).toBeGreaterThan(20);
  expect(counts.maybe).toBeGreaterThan(1_000);
  expect(counts.none).toBeGreaterThan(counts.maybe * 5);
});

test('fuzzy searches find in the index what a look into the texts finds, and as strongly', async () => {
  await using folder = await temporaryFolder();
  const random = seeded(11);
  const index = new AccountIndex(IndexFile.open(join(folder.path, 'search.db'), (error) => expect(error).toBeNull()));
  // Words that are not cut into pieces: of a fuzzy search that is not promised.
  const words = WORDS.filter((word) => word.length < 30);
  const text = () =>
    Array.from({ length: between(random, 0, 12) }, () => pick(random, words)).join(pick(random, [' ', '-']));
  const messages = Array.from({ length: MESSAGES }, (_, position) => ({
    message: position + 1,
    header: text(),
    body: text(),
  }));
  const batch = messages.map(({ message, header, body }) => ({
    ...{ message, header: terms(random, header), body: terms(random, body), unsure: message % 50 === 1 },
    fields: noFields(),
  }));
  index.add(batch, MESSAGES, 1);
  let [sure, strengths] = [0, 0];
  for (let search = 0; search < 600; search++) {
    const [word = ''] = fuzzyWords(needle(random, [pick(random, messages).body]));
    const where = pick(random, ['text', 'body', 'header'] as const);
    const [finding = null] = (await index.find([{ where, text: word, fuzzy: true }], async () => {})).findings;
    if (finding === null) {
      expect(word).not.toMatch(/^[\p{L}\p{N}]+$/u);
      continue;
    }
    const [certain, perhaps] = [new Set(finding.sure), new Set(finding.maybe)];
    for (const [at, { message, header, body }] of messages.entries()) {
      const inHeader = where === 'body' ? 0 : bestForm(foldFuzzy(header), word);
      const inBody = where === 'header' ? 0 : bestForm(foldFuzzy(body), word);
      const there = inHeader + inBody > 0;
      const what = `${JSON.stringify(word)} (${where}) in message ${at}: ${header} / ${body}`;
      if (certain.has(message) && !there) expect.fail(what);
      if (there && !certain.has(message) && !perhaps.has(message)) expect.fail(`nothing of ${what}`);
      if (!certain.has(message)) continue;
      sure++;
      if (finding.fuzzy?.strengths[finding.sure.indexOf(message)] === strengthOf(inHeader, inBody)) strengths++;
    }
  }
  index.close();
  expect(sure).toBeGreaterThan(5_000);
  expect(strengths / sure).toBeGreaterThan(0.95);
});

test('a search that nobody waits for any more ends at its next turn, and the index answers the next one', async () => {
  await using folder = await temporaryFolder();
  const index = new AccountIndex(IndexFile.open(join(folder.path, 'search.db'), (error) => expect(error).toBeNull()));
  const body = new Set(['hello', 'yellow']);
  index.add([{ message: 1, header: new Set(), body, fields: noFields(), unsure: false }], 1, 1);
  let turns = 0;
  const gone = async () => {
    if (++turns === 2) throw new Error('gone');
  };
  const queries = [{ where: 'body', text: 'ello' } satisfies TextQuery];
  await expect(index.find(queries, gone)).rejects.toThrow('gone');
  expect(turns).toBe(2);
  const { findings } = await index.find(queries, async () => {});
  expect(Array.from(findings[0]?.sure ?? [])).toEqual([1]);
  index.close();
});

test('a text with more words than are indexed is said to be incomplete', () => {
  const found = new Terms();
  for (let word = 0; word < 30_000 && found.complete; word++) found.add(`word${word} `);
  found.end();
  expect(found.complete).toBe(false);
  expect(found.all.size).toBeLessThan(20_100);
});

test('an index that is damaged, or of another version, is made anew', async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, 'search.db');
  await writeFile(path, 'this is no database'.repeat(1_000));
  const faults: unknown[] = [];
  const file = IndexFile.open(path, (error) => faults.push(error));
  expect(faults).toHaveLength(1);
  expect(file.state()).toEqual({ upTo: 0, messages: 0, epoch: 0 });
  const fields = { ...noFields(), from: new Set(['d', 'e']), subject: new Set(['e']) };
  file.add([{ message: 5, header: new Set(['a']), body: new Set(['b', 'c']), fields, unsure: false }], 6, 3);
  expect(file.having('body', ['c', 'x'])).toEqual([5]);
  expect([...file.terms('body')]).toEqual(['b', 'c']);
  expect([...file.terms('from')]).toEqual(['d', 'e']);
  expect([...file.terms('subject')]).toEqual(['e']);
  expect(file.having('from', ['e'])).toEqual([5]);
  expect(file.having('to', ['e'])).toEqual([]);
  file.close();
  const again = IndexFile.open(path, (error) => faults.push(error));
  expect(again.state()).toEqual({ upTo: 6, messages: 1, epoch: 3 });
  expect(faults).toHaveLength(1);
  again.close();
});
