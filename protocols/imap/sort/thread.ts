// Threads messages by the algorithms of THREAD (RFC 5256 3).

import { Pace } from '#protocols/net/pace.ts';
import type { Algorithm } from '../grammar/sort-criteria.ts';
import type { Session } from '../session.ts';
import { orderBy } from './order.ts';
import { byReferences, type Subjects } from './references.ts';
import { Values } from './sort.ts';
import { Forest, writeThreads } from './tree.ts';

/** Tells `* THREAD` of the messages in these slots, always, also when there are none. */
export async function tellThreads(
  session: Session,
  slots: Uint32Array,
  options: { readonly algorithm: Algorithm; readonly byUid: boolean },
): Promise<void> {
  const { current, connection } = session;
  const { view } = current;
  const { out } = connection;
  const pace = new Pace(connection);
  const { forest, roots } = await threads(session, slots, options.algorithm, pace);
  out.text(roots.length > 0 ? '* THREAD ' : '* THREAD');
  const tell = {
    text: (text: string) => void out.text(text),
    number: (node: number) => {
      const slot = slots[node] ?? 0;
      out.number(options.byUid ? view.rows.uid(slot) : view.seqOf(slot));
    },
  };
  await writeThreads(forest, roots, tell, pace);
  out.text('\r\n');
}

async function threads(
  session: Session,
  slots: Uint32Array,
  algorithm: Algorithm,
  pace: Pace,
): Promise<{ forest: Forest; roots: readonly number[] }> {
  const values = new Values(session, slots, pace);
  const dates = await values.numbers('date');
  const subjects = await values.texts('subject');
  const count = slots.length;
  if (pace.late) await pace.rest();
  if (algorithm === 'ORDEREDSUBJECT') return bySubject(subjects, dates, count);
  const ancestry = await values.ancestry();
  if (pace.late) await pace.rest();
  return await byReferences({ count, dates, ...ancestry }, subjects, pace);
}

/** ORDEREDSUBJECT: the first message of each base subject with the others below it, by the first one's date. */
function bySubject(subjects: Subjects, dates: Float64Array, count: number): { forest: Forest; roots: number[] } {
  const forest = new Forest(count);
  const firsts: number[] = [];
  const children = new Map<number, number[]>();
  const criteria = [subjects.values, dates].map((values) => ({ values, reverse: false }));
  let first = -1;
  for (const at of orderBy(criteria, count)) {
    if (first !== -1 && subjects.values[at] === subjects.values[first]) {
      const others = children.get(first);
      if (others === undefined) children.set(first, [at]);
      else others.push(at);
    } else {
      first = at;
      firsts.push(at);
    }
  }
  for (const [parent, others] of children) forest.setChildren(parent, others);
  firsts.sort((a, b) => (dates[a] ?? 0) - (dates[b] ?? 0) || a - b);
  return { forest, roots: firsts };
}
