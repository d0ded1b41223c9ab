// What others publish and write about their mail, made up: no policy, key or signature makes a reader throw, hang or grow.
import { expect, test } from 'vitest';
import { readKey } from '#protocols/authenticity/dkim-key.ts';
import { expand } from '#protocols/authenticity/spf-macro.ts';
import { readPolicy } from '#protocols/authenticity/spf-record.ts';
import { readTags } from '#protocols/authenticity/tags.ts';
import { between, pick, seeded } from '#test/support/random.ts';

const WORDS =
  'v=spf1 all a mx ptr ip4 ip6 include exists redirect= exp= : / // 24 128 %{ d l i p ir } % %% - + ~ ? . = ; p= k=rsa v=DKIM1 b.test 192.0.2.1 ::1';
const PIECES = [...WORDS.split(' '), ' ', '\t', '\r\n', '\0', 'é', 'A'.repeat(300)];

test('policies, macros, keys and tags of any text', () => {
  const random = seeded(6_652);
  const values = { sender: 'a+b@c.test', ip: '2001:db8::1', helo: 'h', domain: 'c.test', name: 'unknown' };
  let read = 0;
  for (let n = 0; n < 20_000; n++) {
    const text = Array.from({ length: between(random, 0, 12) }, () => pick(random, PIECES)).join('');
    const policy = readPolicy(`v=spf1 ${text}`);
    if (policy !== null) read++;
    for (const { bits4, bits6 } of policy?.directives ?? []) expect(bits4 <= 32 && bits6 <= 128).toBe(true);
    expect(expand(text, values).length).toBeLessThan(8_192);
    readTags(text);
    readKey(text);
  }
  expect(read).toBeGreaterThan(100);
});

test('long texts of one kind are read in a time that grows with their length alone', () => {
  for (const piece of [' ', '\t', 'a', ';', '=', ':', '/', '%{d}', '-', '.a', 'a:b.c ', 'p=A']) {
    const text = piece.repeat(250_000 / piece.length);
    readTags(`b=${text}x`);
    readKey(text);
    readPolicy(`v=spf1 ${text.slice(0, 16_000)}`);
  }
});
