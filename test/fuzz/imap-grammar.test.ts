// 400,000 damaged arguments through every grammar of IMAP and through the tokenizer's own steps: what is damaged is taken
// or refused as BAD or NO, and nothing else is thrown. With test/fuzz/imap.test.ts, which
// compares what is taken with what it means, a million.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { aclIdentifier, modifiedRights } from '#protocols/imap/grammar/acl.ts';
import { annotationChanges, annotationRequest, annotationToFind } from '#protocols/imap/grammar/annotation.ts';
import { announcesMessage, catenatePart, messageHead } from '#protocols/imap/grammar/append-message.ts';
import { searchDate } from '#protocols/imap/grammar/date-time.ts';
import { BadCommand, Refusal } from '#protocols/imap/grammar/errors.ts';
import { storeFlags } from '#protocols/imap/grammar/flags.ts';
import { idParameters } from '#protocols/imap/grammar/id.ts';
import { metadataNames, metadataOptions, metadataValues } from '#protocols/imap/grammar/metadata.ts';
import { unchangedSince } from '#protocols/imap/grammar/mod-sequence.ts';
import { Scanner } from '#protocols/imap/grammar/scanner.ts';
import { partialRange } from '#protocols/imap/grammar/search-return.ts';
import { threadAlgorithm } from '#protocols/imap/grammar/sort-criteria.ts';
import { batchRequest } from '#protocols/imap/grammar/uid-batches.ts';
import { urlsToAuthorize, urlsToFetch } from '#protocols/imap/grammar/url-fetch.ts';
import { statusItems } from '#protocols/imap/status-items.ts';
import { parseImapUrl } from '#protocols/imap/url/imap-url.ts';
import { damaged } from '#test/support/imap-inputs.ts';
import { pick, type Random, seeded } from '#test/support/random.ts';

const ARGUMENTS = 400_000;
const WHOLE = { text: '', literal: null };
const URLS = [
  '/INBOX/;UID=1',
  'imap://anna@mail.example.test/a%20b;UIDVALIDITY=7/;UID=2/;SECTION=1.MIME/;PARTIAL=3.4',
  'imap://a@b/c/;uid=1;EXPIRE=2026-11-22T00:00:00Z;urlauth=user+anna:internal:91354a473744909de610943775f92038',
  'imap://a@b/c/;uid=1;urlauth=anonymous',
];

type Parser = (scanner: Scanner) => unknown;

/** The grammars that test/fuzz/imap.test.ts does not have: a parser, and arguments that it takes. */
const GRAMMARS: readonly [name: string, parse: Parser, samples: readonly string[]][] = [
  ['identifier', aclIdentifier, ['anna', '"b c"', '-x', '$group', '{4}', 'anyone']],
  ['rights', modifiedRights, ['lrswipkxtea', '+lr', '-x', '""', 'lrq']],
  ['annotation request', annotationRequest, ['(/comment value)', '(("/a/*" /b%) (value.priv size.shared))']],
  ['annotations', annotationChanges, ['(/comment (value.priv "x" value.shared NIL) /b (value.priv ""))']],
  ['annotation to find', annotationToFind, ['/comment value', '"/a*" value.shared']],
  [
    'message head',
    messageHead,
    [' (\\Seen k) "17-Jul-1996 02:44:25 -0700" {3}', ' CATENATE (', ' ANNOTATION (/c (value.priv "x")) {1}'],
  ],
  ['announced', announcesMessage, [' (\\Seen) {3}', ' CATENATE (URL "/;UID=1" TEXT {3}', ' {4+}']],
  ['CATENATE', catenatePart, ['TEXT {3}', 'URL "/INBOX/;UID=1"', 'URL x']],
  ['date', searchDate, ['1-Jan-2026', '"28-Feb-2024"', '01-Dec-1999']],
  ['STORE flags', storeFlags, ['(\\Seen k)', '\\Seen \\Deleted', 'k', '()']],
  ['ID', idParameters, ['NIL', '("name" "x" "version" NIL)', '("a" {1})']],
  ['METADATA names', metadataNames, ['/private/comment', '(/shared/a "/private/b c")']],
  ['METADATA options', metadataOptions, ['(MAXSIZE 5 DEPTH infinity) ', '(DEPTH 1) ', '']],
  ['METADATA values', metadataValues, ['(/private/comment "x" /shared/y NIL)', '(/private/b ~{3})']],
  ['UNCHANGEDSINCE', unchangedSince, [' (UNCHANGEDSINCE 12)', '']],
  ['PARTIAL', partialRange, ['1:2', '-1:-100', '7:7']],
  ['THREAD', threadAlgorithm, ['REFERENCES', 'orderedsubject']],
  ['UIDBATCHES', batchRequest, ['500', '500 1:10', '1 4294967295:1 ']],
  ['GENURLAUTH', urlsToAuthorize, URLS.map((url) => ` "${url}" INTERNAL`)],
  ['URLFETCH', urlsToFetch, [...URLS.map((url) => ` "${url}"`), ` ("${URLS[0]}" BODYPARTSTRUCTURE BINARY) x`]],
  ['STATUS', statusItems, ['(MESSAGES UNSEEN)', '(UIDNEXT SIZE HIGHESTMODSEQ)', '(DELETED)']],
  ['tokens', tokens, ['atom "quoted" {3} NIL 17 (a b) ~{2} 5:* \\Seen', '"a\\"b" x]y %*']],
];

/** The tokenizer, step by step: whatever it is asked for, it takes something or refuses. */
function tokens(scanner: Scanner): void {
  const steps: Parser[] = [
    (at) => at.astring(),
    (at) => at.nstring(),
    (at) => at.atom(),
    (at) => at.number(),
    (at) => at.list(5, () => at.astring()),
    (at) => at.nstring8(),
  ];
  for (let step = 0; !scanner.atEnd && step < 40; step++) {
    try {
      steps[step % steps.length]?.(scanner);
    } catch (error) {
      if (!(error instanceof BadCommand)) throw error;
    }
    scanner.take(' ');
  }
}

/** Literals as the reader would hand them on; one at the end is still on its way. */
function scannerOf(random: Random, text: string): Scanner {
  const pieces = text.split(/(?<=\{\d{1,3}\}) /);
  const segments = pieces.map((piece, index) => {
    if (index === pieces.length - 1) return { ...WHOLE, text: piece };
    const literal = Buffer.from(pick(random, ['', 'abc', '/private/x', '\0', '\xff\xfe']), 'latin1');
    return { text: piece.replace(/~?\{\d+\}$/, ''), literal };
  });
  return new Scanner(segments, random() < 0.3, random() < 0.05 ? new Set(['CATENATE']) : undefined);
}

function fuzz(seed: number, rounds: number, grammars: typeof GRAMMARS): { taken: number; refused: number } {
  const random = seeded(seed);
  const counts = { taken: 0, refused: 0 };
  for (let round = 0; round < rounds; round++) {
    const [name, parse, samples] = grammars[round % grammars.length] as (typeof GRAMMARS)[number];
    const text = damaged(random, pick(random, samples));
    try {
      parse(scannerOf(random, text));
      counts.taken++;
    } catch (error) {
      if (!(error instanceof BadCommand) && !(error instanceof Refusal))
        throw new Error(`${name}: ${JSON.stringify(text)}`, { cause: error });
      counts.refused++;
    }
    const url = round % 5 === 0 ? parseImapUrl(damaged(random, pick(random, URLS))) : null;
    if (url !== null && !(url.uid > 0 && url.uid < 1e10)) throw new Error(`a UID of ${url.uid}`);
  }
  return counts;
}

test('every damaged argument of every other grammar is taken or refused', () => {
  const { taken, refused } = fuzz(20_261_125, ARGUMENTS, GRAMMARS);
  console.log(`imap grammars: ${ARGUMENTS} inputs, ${taken} taken, ${refused} refused`);
  expect(taken).toBeGreaterThan(ARGUMENTS / 5);
  expect(refused).toBeGreaterThan(ARGUMENTS / 5);
});

test('a planted fault is found, with the input that shows it', () => {
  const careless: Parser = (scanner) => {
    const name = scanner.astring();
    if (name.includes('(')) throw new TypeError('planted');
  };
  expect(() => fuzz(1, ARGUMENTS / 20, [['careless', careless, ['"a b"', 'c']]])).toThrow(/^careless: ".*\(/);
});

test('no grammar is left out', () => {
  const folder = join(import.meta.dirname, '../../protocols/imap/grammar');
  const fuzzed = ['imap.test.ts', 'imap-grammar.test.ts'].map((file) => {
    return readFileSync(join(import.meta.dirname, file), 'utf8');
  });
  // The reader of commands has connections, in imap.test.ts.
  const files = readdirSync(folder).filter((file) => file !== 'command-reader.ts' && file !== 'errors.ts');
  for (const file of files)
    expect([file, fuzzed.some((text) => text.includes(`grammar/${file}'`))]).toEqual([file, true]);
});
