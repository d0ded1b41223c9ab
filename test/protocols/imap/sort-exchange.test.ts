// What one thread tells the others of the texts that a mailbox is sorted by.
import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { Rows } from '#protocols/imap/index/rows.ts';
import { OFFERED_CHARACTERS, OFFERED_ROWS, OFFERED_TEXTS, OFFERS } from '#protocols/imap/limits.ts';
import { TextColumn } from '#protocols/imap/sort/columns.ts';
import { type OfferedPlace, type OfferedTexts, TextExchange } from '#protocols/imap/sort/exchange.ts';
import type { Selected } from '#protocols/imap/view/selected.ts';
import { View } from '#protocols/imap/view/view.ts';
import { Pace } from '#protocols/net/pace.ts';
import type { UidRange } from '#storage/ports.ts';

const PLACE: OfferedPlace = { account: 'a000000000000001', mailbox: 7, name: 'subject' };
const NONE = new Uint32Array(0);
const NO_FACTS = { message: 0, size: 0, flags: 0, modseq: 0 };

/** A mailbox of messages with these subjects, by UID, and how many of them were read. */
function mailbox(subjects: ReadonlyMap<number, string>) {
  const rows = new Rows(0);
  for (const uid of subjects.keys()) rows.append({ ...NO_FACTS, uid }, 0);
  const mailbox = { rows, read: 0, view: (dead = NONE) => new View(rows, rows.count, dead) };
  const listing = async function* (_id: number, uids: readonly UidRange[]) {
    for (const [first, last] of uids) {
      const page = [...subjects].filter(([uid]) => uid >= first && uid <= last);
      mailbox.read += page.length;
      yield page.map(([uid, subject]) => ({ uid, envelope: `(NIL "${subject}" NIL NIL NIL NIL NIL NIL NIL NIL)` }));
    }
  };
  const selected = { account: { mail: { listing } }, mailbox: { id: PLACE.mailbox } } as unknown as Selected;
  return Object.assign(mailbox, { selected });
}

/** UIDs 2, 4, ... with subjects that come again, some of them replies. */
function subjectsOf(count: number): Map<number, string> {
  return new Map(
    Array.from({ length: count }, (_, at) => [at * 2 + 2, `${at % 3 === 0 ? 'Re: ' : ''}subject ${(at * 7919) % 500}`]),
  );
}

/** By UID, the text and mark of each message. */
function told(column: TextColumn, { rows }: { rows: Rows }): string[] {
  return Array.from(
    { length: rows.count },
    (_, slot) => `${rows.uid(slot)} ${column.texts[column.values[slot] ?? -1]} ${column.marks[slot]}`,
  );
}

async function made(box: ReturnType<typeof mailbox>): Promise<TextColumn> {
  const column = new TextColumn(box.rows, 'subject');
  await column.upTo(box.rows.count, box.selected, new Pace());
  return column;
}

/** What comes to the other thread. */
async function taken(exchange: TextExchange): Promise<OfferedTexts> {
  for (;;) {
    const offered = exchange.take(PLACE);
    if (offered !== undefined) return offered;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

function exchanges(): { one: TextExchange; other: TextExchange } & Disposable {
  const name = randomUUID();
  const [one, other] = [new TextExchange(name), new TextExchange(name)];
  return {
    one,
    other,
    [Symbol.dispose]() {
      one.close();
      other.close();
    },
  };
}

test('what one thread has made another takes, and reads only what came since', async () => {
  using channel = exchanges();
  const first = mailbox(subjectsOf(OFFERED_ROWS));
  const own = await made(first);
  channel.one.offer(PLACE, first.rows.count, own.texts, () => own.offered());
  const later = subjectsOf(OFFERED_ROWS);
  later.set(50_000, 'a new one').set(50_001, 'Re: subject 4');
  // Of a message that the other thread still counts and that was gone for the first one nothing is told.
  const second = mailbox(new Map([[1, 'expunged'], ...later]));
  const column = new TextColumn(second.rows, 'subject');
  column.take(await taken(channel.other), second.view(Uint32Array.of(0)));
  await column.upTo(second.rows.count, second.selected, new Pace());
  expect(second.read).toBe(2);
  const fresh = mailbox(later);
  expect(told(column, second).slice(1).join('\n')).toBe(told(await made(fresh), fresh).join('\n'));
  expect(channel.other.take(PLACE)).toBeUndefined();
});

test('what lacks a message that is there is not taken, nor is anything where something is made', async () => {
  const first = mailbox(subjectsOf(100));
  const offered = (await made(first)).offered();
  const second = mailbox(new Map([...subjectsOf(100), [51, 'between'] as const].sort(([a], [b]) => a - b)));
  const column = new TextColumn(second.rows, 'subject');
  column.take(offered, second.view());
  expect(column.isEmpty).toBe(true);
  const own = await made(first);
  const { values } = own;
  own.take(offered, first.view());
  expect(own.values).toBe(values);
});

test('small mailboxes, and texts that are too many or too long, are not told; what nobody asks for is forgotten', async () => {
  using channel = exchanges();
  const offered = (await made(mailbox(subjectsOf(10)))).offered();
  let asked = 0;
  const make = () => {
    asked++;
    return offered;
  };
  channel.one.offer(PLACE, OFFERED_ROWS - 1, [], make);
  channel.one.offer(PLACE, OFFERED_ROWS, Array(OFFERED_TEXTS + 1).fill(''), make);
  channel.one.offer(PLACE, OFFERED_ROWS, ['x'.repeat(OFFERED_CHARACTERS + 1)], make);
  expect(asked).toBe(0);
  for (let mailbox = 1; mailbox <= OFFERS + 1; mailbox++)
    channel.one.offer({ ...PLACE, mailbox }, OFFERED_ROWS, [], make);
  channel.one.offer(PLACE, OFFERED_ROWS, [], make);
  await taken(channel.other);
  const known = Array.from({ length: OFFERS + 1 }, (_, at) => channel.other.take({ ...PLACE, mailbox: at + 1 }));
  expect(known.map((one) => one !== undefined)).toEqual([false, false, true, true, true]);
});
