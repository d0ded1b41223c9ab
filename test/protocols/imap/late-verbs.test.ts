// Verbs that are loaded by the first session that gives them.
import { expect, test } from 'vitest';
import { VERBS } from '#protocols/imap/commands/table.ts';

const late = [...VERBS].filter(([, verb]) => typeof verb === 'function');

test.each(late)('%s is in the file that the table names, and takes no literals itself', async (_name, load) => {
  const verb = typeof load === 'function' ? await load() : load;
  expect(verb.run).toBeInstanceOf(Function);
  expect(verb.streams).toBeUndefined();
});

test('what every session gives is loaded with the server', () => {
  for (const name of ['LOGIN', 'AUTHENTICATE', 'SELECT', 'FETCH', 'UID FETCH', 'STORE', 'SEARCH', 'APPEND', 'IDLE']) {
    expect(VERBS.get(name), name).toBeInstanceOf(Object);
    expect(VERBS.get(name), name).not.toBeInstanceOf(Function);
  }
});
