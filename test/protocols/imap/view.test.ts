// The shared index and the views over it, against a plain model: whatever happens to a mailbox, each view's sequence
// numbers stand for the same messages until it is told, and what it is told makes it right.
import { expect, test, vi } from 'vitest';
import { countBelow } from '#protocols/imap/count-below.ts';
import { ImapAccount } from '#protocols/imap/index/account.ts';
import { ChangedSlots } from '#protocols/imap/index/changed-slots.ts';
import { KeywordSets } from '#protocols/imap/index/keyword-sets.ts';
import { MailboxIndex } from '#protocols/imap/index/mailbox-index.ts';
import { Rows } from '#protocols/imap/index/rows.ts';
import { createRecentShared, RecentLedger } from '#protocols/imap/recent.ts';
import { rangesOfSpans, spanRanges, uidRanges } from '#protocols/imap/view/uid-ranges.ts';
import { expungedBetween, View } from '#protocols/imap/view/view.ts';
import { SLICE_MS } from '#protocols/net/limits.ts';
import { flagRun } from '#storage/changes/flag-run.ts';
import type { MailAccount, Placement } from '#storage/ports.ts';
import { between, pick, type Random, seeded } from '#test/support/random.ts';

function placement(uid: number, modseq: number, flags = 0): Placement {
  return { uid, message: uid + 1_000, item: uid + 1_000, size: uid + 2_000, flags, keywords: '', modseq };
}

/** The mailbox as it is: UID to modseq and flags. */
class Model {
  readonly live = new Map<number, Placement>();
  modseq = 0;
  nextUid = 1;
}

/** What a client has been told. */
interface Client {
  view: View;
  tick: number;
  modseq: number;
  /** By sequence number. */
  uids: number[];
  /** By UID, as it was told last. */
  flags: Map<number, number>;
}

function step(random: Random, model: Model, index: MailboxIndex): void {
  const kind = between(random, 0, 9);
  const uids = [...model.live.keys()];
  model.modseq++;
  if (kind < 5) {
    const added: Placement[] = [];
    for (let count = between(random, 1, 30); count > 0; count--) {
      added.push(placement(model.nextUid, model.modseq));
      model.nextUid += between(random, 1, 3);
    }
    for (const one of added) model.live.set(one.uid, one);
    index.apply(added);
  } else if (kind < 7 && uids.length > 0) {
    const first = pick(random, uids);
    const last = first + between(random, 0, 40);
    const changed = uids
      .filter((uid) => uid >= first && uid <= last)
      .map((uid) => placement(uid, model.modseq, between(random, 0, 31)));
    for (const one of changed) model.live.set(one.uid, one);
    index.apply(changed);
  } else if (kind === 7 && uids.length > 0) {
    const first = pick(random, uids);
    const last = first + between(random, 0, 400);
    const run = flagRun({ action: pick(random, ['add', 'remove'] as const), flags: between(random, 0, 31) });
    for (const one of model.live.values()) {
      const flags = (one.flags & run.keep) | run.set;
      if (one.uid < first || one.uid > last || flags === one.flags) continue;
      model.live.set(one.uid, placement(one.uid, model.modseq, flags));
    }
    index.applyFlags([first, last], run, model.modseq);
  } else if (uids.length > 0) {
    const first = pick(random, uids);
    const last = first + between(random, 0, 60);
    for (const uid of uids) if (uid >= first && uid <= last) model.live.delete(uid);
    index.remove([[first, last]]);
  }
  if (between(random, 0, 200) === 0) {
    const rows = new Rows(0);
    index.load(
      rows,
      [...model.live.values()].sort((a, b) => a.uid - b.uid),
    );
    index.replace(rows);
  }
}

/** Tells a client everything, as a session does, and checks that what it knows now is what is. */
function tell(client: Client, index: MailboxIndex, model: Model): void {
  const after = index.view;
  for (const seq of expungedBetween(client.view, after)) client.uids.splice(seq - 1, 1);
  const changed = index.changedSince(after, client.tick, client.modseq);
  for (let seq = client.uids.length + 1; seq <= after.exists; seq++) {
    const slot = after.slotOf(seq);
    client.uids.push(after.rows.uid(slot));
    client.flags.set(after.rows.uid(slot), after.rows.flags(slot));
  }
  for (const slot of changed.except([])) client.flags.set(after.rows.uid(slot), after.rows.flags(slot));
  client.view = after;
  client.tick = index.tick;
  client.modseq = index.modseq;
  expect(client.uids).toEqual([...model.live.keys()].sort((a, b) => a - b));
  for (const [uid, { flags }] of model.live) expect(client.flags.get(uid)).toBe(flags);
}

test('views stay right through 6,000 random changes, expunges and new rows', () => {
  const random = seeded(20_261_122);
  const model = new Model();
  const index = new MailboxIndex(1, new KeywordSets());
  const clients: Client[] = Array.from({ length: 4 }, () => ({
    view: index.view,
    tick: index.tick,
    modseq: 0,
    uids: [],
    flags: new Map(),
  }));
  let checks = 0;
  for (let round = 0; round < 6_000; round++) {
    step(random, model, index);
    const client = pick(random, clients);
    // Until it is told, its numbers are what they were.
    if (client.uids.length > 0 && round % 10 === 0) {
      const seq = between(random, 1, client.uids.length);
      const slot = client.view.slotOf(seq);
      expect(client.view.rows.uid(slot)).toBe(client.uids[seq - 1]);
      expect(client.view.seqOf(slot)).toBe(seq);
      expect(client.view.exists).toBe(client.uids.length);
      checks++;
    }
    if (between(random, 0, 30) === 0) {
      tell(client, index, model);
      checks++;
    }
    if (model.live.size > 3_000) {
      const half = [...model.live.keys()].slice(0, 2_000);
      for (const uid of half) model.live.delete(uid);
      index.remove([[half[0] ?? 0, half.at(-1) ?? 0]]);
    }
  }
  expect(checks).toBeGreaterThan(600);
});

test('runs of changed slots: the newest change of each counts, and what was told since is left out', () => {
  const changed = new ChangedSlots([
    { first: 10, last: 19, tick: 3 },
    { first: 5, last: 12, tick: 4 },
    { first: 15, last: 15, tick: 1 },
  ]);
  expect([4, 5, 12, 13, 19, 20].map((slot) => changed.has(slot))).toEqual([false, true, true, true, true, false]);
  const told = [
    { first: 13, last: 30, tick: 3 },
    { first: 0, last: 9, tick: 4 },
    { first: 10, last: 12, tick: 3 },
  ];
  expect([...changed.except(told)]).toEqual([10, 11, 12]);
  expect(changed.areTold(told)).toBe(false);
  const few = new ChangedSlots([{ first: 3, last: 3, tick: 5 }]);
  expect(few.areTold([])).toBe(false);
  expect(few.areTold([{ first: 3, last: 3, tick: 4 }])).toBe(false);
  expect(few.areTold([{ first: 4, last: 9, tick: 6 }])).toBe(false);
  expect(few.areTold([{ first: 1, last: 4, tick: 5 }])).toBe(true);
  expect([...changed.except([])]).toEqual([5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19]);
});

test('spans name the same messages in fewer ranges where some are gone', () => {
  const rows = new Rows(0);
  for (let uid = 10; uid <= 100; uid += 10) rows.append(placement(uid, 1), 0);
  const view = new View(rows, rows.count, Uint32Array.from([1, 4]));
  const members = [
    ...view.bySequence([
      [1, 3],
      [5, 6],
    ]),
  ];
  expect(spanRanges(view, members)).toEqual([
    [10, 40],
    [70, 80],
  ]);
  expect(uidRanges(view, members)).toHaveLength(5);
});

test('spans of a view are its messages, and name the same UIDs', () => {
  const random = seeded(7);
  for (let round = 0; round < 500; round++) {
    const rows = new Rows(0);
    for (let uid = 1; uid < 60; uid += between(random, 1, 3)) rows.append(placement(uid, 1, uid % 32), 0);
    const dead = Array.from({ length: rows.count }, (_, slot) => slot).filter(() => between(random, 0, 3) === 0);
    // Some slots are newer than the view.
    const slots = rows.count - between(random, 0, 3);
    const gone = dead.filter((slot) => slot < slots);
    const view = new View(rows, slots, Uint32Array.from(gone));
    const alive = Array.from({ length: slots }, (_, slot) => slot).filter((slot) => !gone.includes(slot));
    const first = between(random, 1, 60);
    const set: [number, number][] = [
      [first, first + between(random, 0, 20)],
      [first + 25, between(random, 0, 1) === 0 ? first + 30 : 0xffff_ffff],
    ];
    const inside = (number: number) => set.some(([from, to]) => number >= from && number <= to);
    const members = alive.map((slot, at) => ({ slot, seq: at + 1 }));
    expect(view.countByUid(set)).toBe(members.filter(({ slot }) => inside(rows.uid(slot))).length);
    for (const [spans, listed, expected] of [
      [view.spansBySequence(set), view.bySequence(set), members.filter(({ seq }) => inside(seq))],
      [view.spansByUid(set), view.byUid(set), members.filter(({ slot }) => inside(rows.uid(slot)))],
    ] as const) {
      expect([...listed]).toEqual(expected);
      const kept = [...spans];
      const each = kept.flatMap(({ slot, seq, count }) =>
        Array.from({ length: count }, (_, at) => ({ slot: slot + at, seq: seq + at })),
      );
      expect(each).toEqual(expected);
      expect(rangesOfSpans(view, kept)).toEqual(spanRanges(view, expected));
      for (const { slot, count } of kept) {
        const { flags } = rows.state(slot, count);
        expect([...flags]).toEqual(Array.from({ length: count }, (_, at) => rows.flags(slot + at)));
      }
    }
  }
});

test('ranges of a view give its messages in order, by number and by UID', () => {
  const rows = new Rows(0);
  for (let uid = 10; uid <= 100; uid += 10) rows.append(placement(uid, 1), 0);
  const view = new View(rows, rows.count, Uint32Array.from([1, 4]));
  const uids = (members: Iterable<{ slot: number; seq: number }>) =>
    [...members].map(({ slot, seq }) => [seq, rows.uid(slot)]);
  expect(view.exists).toBe(8);
  expect(uids(view.all())).toEqual([
    [1, 10],
    [2, 30],
    [3, 40],
    [4, 60],
    [5, 70],
    [6, 80],
    [7, 90],
    [8, 100],
  ]);
  expect(
    uids(
      view.bySequence([
        [2, 4],
        [8, 20],
      ]),
    ),
  ).toEqual([
    [2, 30],
    [3, 40],
    [4, 60],
    [8, 100],
  ]);
  expect(
    uids(
      view.byUid([
        [20, 50],
        [95, 4_000_000_000],
      ]),
    ),
  ).toEqual([
    [2, 30],
    [3, 40],
    [8, 100],
  ]);
  expect(uids(view.byUid([[20, 20]]))).toEqual([]);
  expect(view.slotOfUid(20)).toBe(-1);
  expect(view.slotOfUid(30)).toBe(2);
  expect(view.slotOf(0)).toBe(-1);
  expect(view.slotOf(9)).toBe(-1);
  expect(view.lastUid).toBe(100);
  expect(new View(new Rows(0), 0, new Uint32Array(0)).lastUid).toBe(0);
  expect(countBelow(Uint32Array.from([1, 4]), 4)).toBe(1);
});

test('a large mailbox is loaded with turns for everybody else', async () => {
  const clock = vi.spyOn(performance, 'now');
  let now = 0;
  let turns = 0;
  let loaded = false;
  const turn = () => {
    turns++;
    if (!loaded) setImmediate(turn);
  };
  async function* placements(): AsyncGenerator<Placement[]> {
    for (let page = 0; page < 50; page++) {
      now += SLICE_MS;
      yield [placement(page + 1, 1)];
    }
  }
  const mail: Partial<MailAccount> = {
    placements,
    generation: () => 1,
    cursor: async () => '',
    mailbox: async () => undefined,
    changes: async () => ({ rows: [], cursor: '', more: false }),
  };
  try {
    clock.mockImplementation(() => now);
    setImmediate(turn);
    const index = await new ImapAccount(mail as MailAccount).open(1);
    expect(index.view.exists).toBe(50);
    expect(turns).toBeGreaterThan(20);
  } finally {
    loaded = true;
    clock.mockRestore();
  }
});

test('an old view sees flags as they are now, also after the rows were made anew', () => {
  const index = new MailboxIndex(1, new KeywordSets());
  index.apply(Array.from({ length: 4_000 }, (_, at) => placement(at + 1, 1)));
  const old = index.view;
  index.remove([[1, 3_000]]);
  index.apply([placement(3_500, 2, 4)]);
  expect(index.view.rows).not.toBe(old.rows);
  expect(old.exists).toBe(4_000);
  expect(old.rows.flags(old.slotOf(3_500))).toBe(4);
  expect(old.rows.uid(old.slotOf(3_500))).toBe(3_500);
  const { flags, keywords, modseqs } = old.rows.state(old.slotOf(3_499), 3);
  expect([[...flags], [...keywords], [...modseqs]]).toEqual([
    [0, 4, 0],
    [0, 0, 0],
    [1, 2, 1],
  ]);
  // What is gone keeps the flags it had.
  expect(old.rows.flags(old.slotOf(5))).toBe(0);
});

test('keyword sets have the text and the spelling of the store', () => {
  const sets = new KeywordSets();
  expect(sets.knows('1 2')).toBe(false);
  sets.learn(
    new Map([
      [1, '$Forwarded'],
      [2, 'Work'],
    ]),
  );
  expect(sets.knows('1 2')).toBe(true);
  const both = sets.intern('1 2');
  expect(sets.intern('1 2')).toBe(both);
  expect(sets.text(1, both, false)).toBe('\\Seen $Forwarded Work');
  expect(sets.text(0, 0, true)).toBe('\\Recent');
  expect(sets.holds(both, 'work')).toBe(true);
  expect(sets.holds(both, 'play')).toBe(false);
  expect(sets.changed(both, 'remove', ['WORK'])).toBe(sets.intern('1'));
  expect(sets.changed(sets.intern('2'), 'add', ['$forwarded'])).toBe(both);
  expect(sets.changed(both, 'replace', [])).toBe(0);
});

test('no message is recent in two sessions', () => {
  const shared = createRecentShared(0);
  const [one, other] = [new RecentLedger(shared), new RecentLedger(shared)];
  expect(one.unclaimed('a', 1)).toBeUndefined();
  expect(one.claim('a', 1, 11, 1)).toBe(1);
  expect(other.unclaimed('a', 1)).toBe(11);
  expect(other.claim('a', 1, 11, 1)).toBe(11);
  expect(other.claim('a', 1, 13, 1)).toBe(11);
  expect(one.claim('a', 1, 12, 1)).toBe(12);
  expect(one.claim('b', 1, 5, 3)).toBe(3);
  one.learn('c', 9, 7);
  one.learn('c', 9, 1);
  expect(other.unclaimed('c', 9)).toBe(7);
  expect(other.claim('d', 1, 5, 5)).toBe(5);
  expect(other.unclaimed('d', 1)).toBe(5);
});

test('a change that is read late, with a lower mod-sequence, is told though the rows were made anew', () => {
  const index = new MailboxIndex(1, new KeywordSets());
  index.apply(Array.from({ length: 3_000 }, (_, at) => placement(at + 1, 1)));
  index.completeTo(1);
  // Rows are read as they are now: this one is ahead of the log, which has not come to the other one.
  index.apply([placement(2_800, 9, 1)]);
  const [told, tick] = [index.view, index.tick];
  index.apply([placement(2_900, 5, 1)]);
  index.remove([[1, 2_000]]);
  expect(index.view.rows).not.toBe(told.rows);
  const uids = (view: View) => {
    return [...index.changedSince(view, tick, index.complete).except([])].map((slot) => view.rows.uid(slot));
  };
  expect(uids(index.view)).toEqual([2_900]);
  expect(uids(told)).toEqual([2_900]);
});

test('however many changes were missed, those and no others are told', () => {
  const index = new MailboxIndex(1, new KeywordSets());
  const count = 50;
  index.apply(Array.from({ length: count }, (_, at) => placement(at + 1, 1)));
  const random = seeded(11);
  /** What each tick was at, and which messages have changed by now. */
  const seen: { tick: number; modseq: number; changed: Set<number> }[] = [];
  for (let modseq = 2; modseq < 2_700; modseq++) {
    seen.push({ tick: index.tick, modseq: modseq - 1, changed: new Set() });
    const uid = between(random, 1, count);
    if (index.view.rows.flags(index.view.rows.slotOf(uid)) === 0) {
      index.applyFlags([uid, uid], flagRun({ action: 'add', flags: 4 }), modseq);
    } else index.apply([placement(uid, modseq, 0)]);
    for (const one of seen) one.changed.add(uid);
    if (modseq % 307 !== 0) continue;
    for (const { tick, modseq: told, changed } of seen) {
      const uids = [...index.changedSince(index.view, tick, told).except([])].map((slot) => index.view.rows.uid(slot));
      expect(uids).toEqual([...changed].sort((a, b) => a - b));
    }
  }
});

test('what is expunged in any order is gone for each view that has been told of some of it', () => {
  const random = seeded(12);
  for (let round = 0; round < 200; round++) {
    const index = new MailboxIndex(1, new KeywordSets());
    index.apply(Array.from({ length: 40 }, (_, at) => placement(at + 1, 1)));
    const views: { view: View; uids: number[] }[] = [];
    let uids = Array.from({ length: 40 }, (_, at) => at + 1);
    let next = 41;
    for (let step = 0; step < 12; step++) {
      views.push({ view: index.view, uids });
      const [one, other] = [between(random, 1, next - 1), between(random, 1, next - 1)];
      const [low, high] = [Math.min(one, other), Math.max(one, other)];
      const ranges: [number, number][] = [[low, low + between(random, 0, 2)]];
      if (high > low + 3) ranges.push([high, high + between(random, 0, 2)]);
      index.remove(ranges);
      uids = uids.filter((uid) => !ranges.some(([first, last]) => uid >= first && uid <= last));
      if (between(random, 0, 1) === 0) {
        index.apply([placement(next, step + 2)]);
        uids = [...uids, next++];
      }
      expect(index.view.exists).toBe(uids.length);
      expect([...index.view.all()].map(({ slot }) => index.view.rows.uid(slot))).toEqual(uids);
      for (const known of views) {
        const gone = known.uids.flatMap((uid, at) => (uids.includes(uid) ? [] : [at + 1]));
        expect(expungedBetween(known.view, index.view)).toEqual(gone.reverse());
      }
    }
  }
});
