// Flags and keywords. A large STORE is a series of transactions, each of a bounded number of rows, changed set-wise; only
// what really changes gets a new modseq (RFC 7162 3.1). A change of all messages of a large mailbox is one row, and the
// rest of it comes later (owed-flags.ts).

import { trustedModseq } from '../changes/feed.ts';
import { ALL_FLAGS, flagRun, flagRunName } from '../changes/flag-run.ts';
import { joinRuns, logFlagRun } from '../changes/log.ts';
import { all, type Op, one, run, type Value } from '../operation.ts';
import { Flag, type FlagChange, KEYWORD_BIT, type UidRange, type UidSet } from '../ports.ts';
import { changeKeywords, formatKeywords, keywordIds, knownKeywordIds } from './keywords.ts';
import { FLAG_ROWS, KEYWORD_SETS, PAGE_ROWS, RANGES, SET_RUNS } from './limits.ts';
import { type MailboxRow, touchMailbox } from './mailbox-row.ts';
import { enterSettled, owe } from './owed-flags.ts';
import { changeSeen, overlapping } from './reader-seen.ts';
import { after, bounded, clip, runsOf } from './uid-sets.ts';
import { finish, type Unit } from './unit.ts';

export interface FlagJob {
  readonly account: string;
  readonly mailbox: number;
  readonly uids: UidSet;
  readonly change: FlagChange;
  /** Rows changed after this are left alone. */
  readonly unchangedSince: number | undefined;
  /** Whose \Seen is meant; absent: the placement's. */
  readonly reader?: string | undefined;
}

export interface FlagStep {
  /** The mailbox's modseq after this step. */
  readonly modseq: number;
  /** Something has changed, so that the modseq is this step's own and nobody else's. */
  readonly changed: boolean;
  /** UIDs left alone because of unchangedSince. */
  readonly modified: readonly number[];
  /** What is still to be done, in further transactions. */
  readonly rest: readonly UidRange[];
  /** The rows do not have it yet: `settle` (owed-flags.ts) is due. */
  readonly owed: boolean;
}

/** One step's work on one mailbox. */
interface Work {
  readonly unit: Unit;
  readonly mailbox: number;
  readonly action: FlagChange['action'];
  readonly keywords: readonly number[];
  /** New flags are (old & keep) | set. */
  readonly keep: number;
  readonly set: number;
  readonly since: number;
  /** Runs of changed UIDs, ascending. */
  readonly runs: [number, number][];
  readonly modified: number[];
  unseen: number;
}

/** Widths up to which a range's rows are read and written one by one: fewer statements than set-wise. */
const NARROW = 64;

/** The first step of a change of flags; the caller goes on with `rest`. Errors: not-found, limit, invalid. */
export function* changeFlags(job: FlagJob): Op<FlagStep> {
  const { unit, mailbox } = yield* enterSettled(job.account, job.mailbox);
  const step = job.reader === undefined ? yield* changeIn(unit, mailbox, job) : yield* asReader(unit, mailbox, job);
  yield* finish(unit);
  return step;
}

/** A change of the flags that placements have, in a running transaction. */
function* changeIn(unit: Unit, mailbox: MailboxRow, job: FlagJob): Op<FlagStep> {
  const withKeywords = ((job.change.only ?? KEYWORD_BIT) & KEYWORD_BIT) !== 0;
  const keywords = withKeywords ? job.change.keywords : [];
  // What leaves keywords as they are adds none.
  const action = job.change.action === 'replace' && !withKeywords ? 'add' : job.change.action;
  const ids = action === 'remove' ? yield* knownKeywordIds(job.account, keywords) : yield* keywordIds(unit, keywords);
  formatKeywords(ids);
  const { keep, set } = flagRun(job.change);
  const { unchangedSince } = job;
  const since =
    unchangedSince === undefined ? Number.MAX_SAFE_INTEGER : yield* trustedModseq(job.account, unchangedSince);
  const work: Work = {
    ...{ unit, mailbox: mailbox.id, action, keywords: ids, keep, set, since },
    ...{ runs: [], modified: [], unseen: 0 },
  };
  const uids = clip(job.uids, mailbox.uidnext);
  const isRun = job.change.action !== 'replace' && ids.length === 0 && unchangedSince === undefined;
  const owed = isRun && (yield* leaveOwed(work, mailbox, uids));
  const rest = owed ? [] : yield* workThrough(work, uids);
  if (work.runs.length === 0) return { modseq: mailbox.modseq, changed: false, modified: work.modified, rest, owed };
  // In one range every row was looked at, those too that lie between the runs which are joined here.
  const name = isRun && uids.length === 1 ? flagRunName(job.change) : '';
  for (const [first, last] of joinRuns(work.runs, SET_RUNS)) {
    yield* logFlagRun(unit, { mailbox: mailbox.id, first, last, name });
  }
  yield* touchMailbox(unit, mailbox.id, { total: 0, unseen: work.unseen, bytes: 0, uids: 0 });
  return { modseq: unit.modseq, changed: true, modified: work.modified, rest, owed };
}

/** Leaves a change of all messages of a large mailbox to be carried out later; false if that can't be. */
function* leaveOwed(work: Work, mailbox: MailboxRow, uids: readonly UidRange[]): Op<boolean> {
  const unseen = yield* owe(work.unit, mailbox, uids, work);
  const [range] = uids;
  if (unseen === undefined || range === undefined) return false;
  work.runs.push([range[0], range[1]]);
  work.unseen = unseen;
  return true;
}

/** A change by a reader of a shared mailbox: of flags that all have in common, and of a \Seen that is his own. */
function* asReader(unit: Unit, mailbox: MailboxRow, job: FlagJob): Op<FlagStep> {
  const { change, reader = '', unchangedSince } = job;
  const only = change.only ?? ALL_FLAGS | KEYWORD_BIT;
  const place = { mailbox: mailbox.id, reader };
  let uids = clip(job.uids, mailbox.uidnext);
  let rest: readonly UidRange[] = uids.slice(RANGES);
  uids = uids.slice(0, RANGES);
  let modified: readonly number[] = [];
  let owed = false;
  if (unchangedSince !== undefined) {
    const known = yield* trustedModseq(job.account, unchangedSince);
    const page = yield* divide(unit.account, place, uids, known);
    ({ modified } = page);
    rest = [...page.rest, ...rest];
    uids = runsOf(page.unchanged);
  }
  const common = { ...change, only: only & ~Flag.seen };
  if (changesAnything(common)) {
    const step = yield* changeIn(unit, mailbox, { ...job, uids, change: common, unchangedSince: undefined });
    rest = [...step.rest, ...rest];
    ({ owed } = step);
    uids = without(uids, step.rest);
  }
  const named = (change.flags & Flag.seen) !== 0;
  if ((only & Flag.seen) !== 0 && (named || change.action === 'replace')) {
    yield* changeSeen(unit, place, uids, named && change.action !== 'remove');
  }
  const changed = unit.changes.size > 0;
  return { modseq: changed ? unit.modseq : mailbox.modseq, changed, modified, rest, owed };
}

function changesAnything({ action, flags, keywords, only = 0 }: FlagChange): boolean {
  if (action === 'replace') return only !== 0;
  return (flags & only) !== 0 || (keywords.length > 0 && (only & KEYWORD_BIT) !== 0);
}

/** Which messages were changed after a modseq, by anybody or for the reader, and which were not. */
function* divide(
  account: string,
  place: { readonly mailbox: number; readonly reader: string },
  uids: readonly UidRange[],
  since: number,
): Op<{ modified: number[]; unchanged: number[]; rest: readonly UidRange[] }> {
  const [modified, unchanged]: [number[], number[]] = [[], []];
  let left = PAGE_ROWS;
  for (const [index, range] of uids.entries()) {
    const rows = yield* all<{ uid: number; modseq: number }>(
      `SELECT uid, modseq FROM placement WHERE account = $1 AND mailbox = $2 AND uid BETWEEN $3 AND $4
       ORDER BY uid LIMIT $5`,
      [account, place.mailbox, range[0], range[1], left],
    );
    const seen = (yield* overlapping(account, place, range)).filter(({ modseq }) => modseq > since);
    let at = 0;
    for (const { uid, modseq } of rows) {
      while ((seen[at]?.last ?? uid) < uid) at++;
      const own = (seen[at]?.first ?? uid + 1) <= uid;
      (own || modseq > since ? modified : unchanged).push(uid);
    }
    left -= rows.length;
    if (left === 0) return { modified, unchanged, rest: after(uids.slice(index), rows.at(-1)?.uid ?? range[1]) };
  }
  return { modified, unchanged, rest: [] };
}

/** Ranges up to where what is left of them begins. */
function without(uids: readonly UidRange[], rest: readonly UidRange[]): UidRange[] {
  const end = rest[0]?.[0] ?? Number.MAX_SAFE_INTEGER;
  return uids.filter(([first]) => first < end).map(([first, last]) => [first, Math.min(last, end - 1)]);
}

/** Works on ranges until this transaction's share is done; what is left. */
function* workThrough(work: Work, uids: readonly UidRange[]): Op<readonly UidRange[]> {
  let rows = FLAG_ROWS;
  const bits = oneWay(work);
  for (const [index, range] of uids.entries()) {
    if (index === RANGES || rows <= 0) return uids.slice(index);
    const [first, wanted] = range;
    if (bits !== null && first === wanted) {
      yield* changeOne(work, first, bits);
      rows -= 1;
      continue;
    }
    let last = yield* bounded(work.unit.account, work.mailbox, range, rows);
    if (work.since < Number.MAX_SAFE_INTEGER) last = yield* collectModified(work, [first, last]);
    last = last - first < NARROW ? yield* changeEach(work, [first, last]) : yield* changeRange(work, [first, last]);
    rows -= last - first + 1;
    if (last < wanted) return after(uids.slice(index), last);
  }
  return [];
}

/**
 * The flags that a change adds to whatever there is, or takes from it, if that is all it does and what it means for the
 * counters follows from the number of rows; else null.
 */
function oneWay({ action, keywords, keep, set, since }: Work): number | null {
  if (action === 'replace' || keywords.length > 0 || since < Number.MAX_SAFE_INTEGER) return null;
  if (keep !== ALL_FLAGS && set !== 0) return null;
  const bits = keep === ALL_FLAGS ? set : ALL_FLAGS & ~keep;
  return bits === Flag.seen || (bits & Flag.seen) === 0 ? bits : null;
}

const ONE_ROW = 'WHERE account = $1 AND mailbox = $2 AND uid = $3';
const ADD_FLAGS = `UPDATE placement SET flags = flags | $4, modseq = $5 ${ONE_ROW} AND (flags & $4) <> $4`;
const REMOVE_FLAGS = `UPDATE placement SET flags = flags & ~$4, modseq = $5 ${ONE_ROW} AND (flags & $4) <> 0`;

/** Changes one message, of which nothing has to be known before. */
function* changeOne(work: Work, uid: number, bits: number): Op<void> {
  const adds = work.keep === ALL_FLAGS;
  const { account, modseq } = work.unit;
  const changed = yield* run(adds ? ADD_FLAGS : REMOVE_FLAGS, [account, work.mailbox, uid, bits, modseq]);
  if (changed === 0) return;
  work.runs.push([uid, uid]);
  if (bits === Flag.seen) work.unseen += adds ? -1 : 1;
}

/** Notes what was changed later than the caller knows; up to which UID that was told. */
function* collectModified(work: Work, [first, last]: UidRange): Op<number> {
  const rows = yield* all<{ uid: number }>(
    `SELECT uid FROM placement WHERE account = $1 AND mailbox = $2 AND uid BETWEEN $3 AND $4 AND modseq > $5
     ORDER BY uid LIMIT ${PAGE_ROWS}`,
    [work.unit.account, work.mailbox, first, last, work.since],
  );
  for (const row of rows) work.modified.push(row.uid);
  return rows.length < PAGE_ROWS ? last : (rows.at(-1)?.uid ?? last);
}

const SET_FLAGS = `UPDATE placement SET flags = $4, modseq = $5 ${ONE_ROW}`;
const SET_KEYWORDS = `UPDATE placement SET flags = $4, modseq = $5, keywords = $6 ${ONE_ROW}`;

/** Reads rows and writes those that change; up to which UID. */
function* changeEach(work: Work, [first, last]: UidRange): Op<number> {
  const limit = PAGE_ROWS / 2;
  const { account, modseq } = work.unit;
  const rows = yield* all<{ uid: number; flags: number; keywords: string }>(
    `SELECT uid, flags, keywords FROM placement WHERE account = $1 AND mailbox = $2 AND uid BETWEEN $3 AND $4
     AND modseq <= $5 ORDER BY uid LIMIT ${limit}`,
    [account, work.mailbox, first, last, work.since],
  );
  const changed: number[] = [];
  for (const row of rows) {
    const flags = (row.flags & work.keep) | work.set;
    const keywords = changeKeywords(row.keywords, work.action, work.keywords);
    if (flags === row.flags && keywords === row.keywords) continue;
    const place = [account, work.mailbox, row.uid, flags, modseq];
    yield* keywords === row.keywords ? run(SET_FLAGS, place) : run(SET_KEYWORDS, [...place, keywords]);
    changed.push(row.uid);
    work.unseen += (row.flags & 1) - (flags & 1);
  }
  work.runs.push(...runsOf(changed));
  return rows.length < limit ? last : (rows.at(-1)?.uid ?? last);
}

/** Changes a wide range set-wise; up to which UID. */
function* changeRange(work: Work, range: UidRange): Op<number> {
  if (work.keywords.length === 0 && work.action !== 'replace') {
    yield* changeSet(work, range, null);
    return range[1];
  }
  const groups = yield* all<{ keywords: string }>(
    `SELECT DISTINCT keywords FROM placement WHERE account = $1 AND mailbox = $2 AND uid BETWEEN $3 AND $4
     AND modseq <= $5 LIMIT ${KEYWORD_SETS + 1}`,
    [work.unit.account, work.mailbox, range[0], range[1], work.since],
  );
  if (groups.length > KEYWORD_SETS) return yield* changeEach(work, range);
  // A row that has been changed has this transaction's modseq and other keywords: no group takes it again.
  const news = groups.map((group) => changeKeywords(group.keywords, work.action, work.keywords));
  for (const [index, group] of groups.entries()) {
    yield* changeSet(work, range, { before: group.keywords, after: news[index] ?? '' });
  }
  return range[1];
}

const WHERE_FLAGS = `account = $1 AND mailbox = $2 AND uid BETWEEN $3 AND $4 AND modseq <= $5
  AND flags <> ((flags & $6) | $7)`;
const WHERE_KEYWORDS = `account = $1 AND mailbox = $2 AND uid BETWEEN $3 AND $4 AND modseq <= $5
  AND keywords = $8 AND (keywords <> $9 OR flags <> ((flags & $6) | $7))`;

/** Changes the rows of a range that have the keywords `before`, or all; notes how many and where. */
function* changeSet(work: Work, range: UidRange, keywords: { before: string; after: string } | null): Op<void> {
  const { account, modseq } = work.unit;
  const since = Math.min(work.since, modseq - 1);
  const common = [account, work.mailbox, range[0], range[1], since, work.keep, work.set];
  const args = keywords === null ? common : [...common, keywords.before, keywords.after];
  const where = keywords === null ? WHERE_FLAGS : WHERE_KEYWORDS;
  const unseen = onlySeen(work) && keywords === null ? null : yield* unseenAfter(where, args);
  const changes = keywords === null ? '' : ', keywords = $9';
  const next = keywords === null ? '$8' : '$10';
  const changed = yield* run(
    `UPDATE placement SET flags = (flags & $6) | $7${changes}, modseq = ${next} WHERE ${where}`,
    [...args, modseq],
  );
  if (changed === 0) return;
  // Where \Seen is all that changes, it changed in each of these rows.
  work.unseen += unseen ?? (work.set === 0 ? changed : -changed);
  yield* noteRuns(work, range, changed);
}

/** \Seen is the one flag that changes. */
function onlySeen({ keep, set }: Work): boolean {
  return (keep === ALL_FLAGS && set === Flag.seen) || (keep === (ALL_FLAGS & ~Flag.seen) && set === 0);
}

/** How many more will be unseen. */
function* unseenAfter(where: string, args: readonly Value[]): Op<number> {
  const row = yield* one<{ unseen: number }>(
    `SELECT CAST(coalesce(sum((flags & 1) - (((flags & $6) | $7) & 1)), 0) AS BIGINT) AS unseen
     FROM placement WHERE ${where}`,
    args,
  );
  return row?.unseen ?? 0;
}

/** Notes where rows of a range have been changed: which, if few of many were, else from the first to the last. */
function* noteRuns(work: Work, [first, last]: UidRange, changed: number): Op<void> {
  if (changed > last - first) {
    work.runs.push([first, last]);
    return;
  }
  const args = [work.unit.account, work.mailbox, first, last, work.unit.modseq];
  const where = 'account = $1 AND mailbox = $2 AND uid BETWEEN $3 AND $4 AND modseq = $5';
  if (changed > PAGE_ROWS) {
    const ends = yield* one<{ first: number; last: number }>(
      `SELECT min(uid) AS first, max(uid) AS last FROM placement WHERE ${where}`,
      args,
    );
    work.runs.push([ends?.first ?? first, ends?.last ?? last]);
    return;
  }
  const rows = yield* all<{ uid: number }>(
    `SELECT uid FROM placement WHERE ${where} ORDER BY uid LIMIT ${PAGE_ROWS}`,
    args,
  );
  work.runs.push(...joinRuns(runsOf(rows.map((row) => row.uid)), SET_RUNS));
}
