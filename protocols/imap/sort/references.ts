// THREAD=REFERENCES (RFC 5256 3), step by step as it is written there.

import type { Pace } from '#protocols/net/pace.ts';
import { NO_ID } from './columns.ts';
import { orderBy } from './order.ts';
import { Forest, NONE } from './tree.ts';

/** What is known of the messages, by their place in the order of the mailbox. */
export interface Threaded {
  readonly count: number;
  /** The Message-ID of each, NO_ID for none, and those that it names as its ancestors: all are below `different`. */
  readonly id: (at: number) => number;
  readonly ancestors: (at: number) => Int32Array;
  readonly different: number;
  readonly dates: Float64Array;
}

/** Base subjects, equal numbers for equal ones; `empty` is that of the empty one. */
export interface Subjects {
  readonly values: Float64Array;
  /** 1 for replies and forwards, by slot. */
  readonly marks: Uint8Array;
  readonly slots: Uint32Array;
  readonly empty: number;
}

export async function byReferences(
  messages: Threaded,
  subjects: Subjects,
  pace: Pace,
): Promise<{ forest: Forest; roots: number[] }> {
  const run = new References(messages, subjects, pace);
  await run.link();
  return { forest: run.forest, roots: await run.roots() };
}

class References {
  readonly forest: Forest;
  readonly #messages: Threaded;
  readonly #subjects: Subjects;
  readonly #pace: Pace;

  constructor(messages: Threaded, subjects: Subjects, pace: Pace) {
    this.#messages = messages;
    this.#subjects = subjects;
    this.#pace = pace;
    this.forest = new Forest(messages.count);
  }

  /** (1) Links messages by what they name. */
  async link(): Promise<void> {
    const { count, id, ancestors, different } = this.#messages;
    const { forest } = this;
    // An id is the first message's that has it; one that no message has is a dummy's.
    const nodes = new Int32Array(different).fill(NONE);
    for (let at = count - 1; at >= 0; at--) if (id(at) !== NO_ID) nodes[id(at)] = at;
    for (let at = 0; at < count; at++) {
      let previous = NONE;
      // (A)
      for (const name of ancestors(at)) {
        const known = nodes[name] ?? NONE;
        const node = known === NONE ? forest.add() : known;
        nodes[name] = node;
        if (previous !== NONE && forest.parent(node) === NONE) forest.link(previous, node);
        previous = node;
        if (this.#pace.due) await this.#pace.rest();
      }
      // (B)
      forest.cut(at);
      if (previous !== NONE) forest.link(previous, at);
      if (this.#pace.due) await this.#pace.rest();
    }
  }

  /** (2) to (6): the threads in their order. */
  async roots(): Promise<number[]> {
    const all = this.forest.gather();
    await this.#turn();
    const pruned = await this.#pruned(all);
    await this.#turn();
    const roots = await this.#gathered(pruned);
    await this.#turn();
    for (const node of await this.#childrenFirst(roots)) {
      // (6) The youngest siblings first; a dummy's date is its first child's, so its children come before it.
      const children = this.forest.children(node);
      if (children.length > 1) this.forest.setChildren(node, this.#byDate(children));
      if (this.#pace.due) await this.#pace.rest();
    }
    return this.#byDate(roots);
  }

  /** The nodes below and with these, children before their parents. */
  async #childrenFirst(roots: readonly number[]): Promise<number[]> {
    const order: number[] = [];
    for (const node of this.forest.walk(roots)) {
      order.push(node);
      if (this.#pace.due) await this.#pace.rest();
    }
    return order.reverse();
  }

  /** Between two steps over everything, each some ms. */
  async #turn(): Promise<void> {
    if (this.#pace.late) await this.#pace.rest();
  }

  /** (3) Takes out dummies: their children take their place, but several never become roots. */
  async #pruned(roots: readonly number[]): Promise<number[]> {
    const { forest } = this;
    for (const node of await this.#childrenFirst(roots)) {
      const children = forest.children(node);
      if (children.some((child) => forest.isDummy(child))) {
        forest.setChildren(
          node,
          children.flatMap((child) => (forest.isDummy(child) ? forest.children(child) : child)),
        );
      }
      if (this.#pace.due) await this.#pace.rest();
    }
    const kept: number[] = [];
    for (const root of roots) {
      if (this.#pace.due) await this.#pace.rest();
      const children = forest.children(root);
      if (!forest.isDummy(root)) kept.push(root);
      else if (children.length > 1) {
        // (4) The first child of a dummy is the earliest.
        forest.setChildren(root, this.#byDate(children));
        kept.push(root);
      } else for (const child of children) kept.push(child);
    }
    return kept;
  }

  /** (4) and (5): gathers threads of the same base subject. */
  async #gathered(unsorted: readonly number[]): Promise<number[]> {
    const { forest } = this;
    const sorted = this.#byDate(unsorted);
    await this.#turn();
    // (B)
    const table = new Map<number, number>();
    for (const root of sorted) {
      if (this.#pace.due) await this.#pace.rest();
      const subject = this.#subject(root);
      if (subject === this.#subjects.empty) continue;
      const known = table.get(subject);
      if (known === undefined) table.set(subject, root);
      else if (!forest.isDummy(known) && (forest.isDummy(root) || (this.#isReply(known) && !this.#isReply(root)))) {
        table.set(subject, root);
      }
    }
    // (C)
    const gone = new Set<number>();
    const made: number[] = [];
    for (const root of sorted) {
      if (this.#pace.due) await this.#pace.rest();
      if (gone.has(root)) continue;
      const subject = this.#subject(root);
      const known = table.get(subject);
      if (subject === this.#subjects.empty || known === undefined || known === root) continue;
      gone.add(root);
      const isDummy = forest.isDummy(known);
      if (isDummy && forest.isDummy(root)) {
        this.#adopt(known, forest.children(root));
      } else if (isDummy || (this.#isReply(root) && !this.#isReply(known))) {
        this.#adopt(known, [root]);
      } else {
        const dummy = forest.add();
        forest.setChildren(dummy, [known, root]);
        table.set(subject, dummy);
        gone.add(known);
        made.push(dummy);
      }
    }
    return [...sorted, ...made].filter((root) => !gone.has(root));
  }

  #adopt(parent: number, children: readonly number[]): void {
    const { forest } = this;
    const all = this.#growing.get(parent) ?? [...forest.children(parent)];
    for (const child of children) all.push(child);
    this.#growing.set(parent, all);
    forest.setChildren(parent, all);
  }

  /** Lists of children that grow in step 5. */
  readonly #growing = new Map<number, number[]>();

  /** The message whose date and subject a node has. */
  #message(node: number): number {
    return this.forest.isDummy(node) ? (this.forest.children(node)[0] ?? node) : node;
  }

  #subject(node: number): number {
    return this.#subjects.values[this.#message(node)] ?? this.#subjects.empty;
  }

  #isReply(node: number): boolean {
    return !this.forest.isDummy(node) && this.#subjects.marks[this.#subjects.slots[node] ?? 0] === 1;
  }

  /** By sent date, then by the order in the mailbox (RFC 5256 2.2). */
  #byDate(nodes: readonly number[]): number[] {
    const { dates } = this.#messages;
    const keys = new Float64Array(nodes.length);
    for (let at = 0; at < nodes.length; at++) keys[at] = this.#message(nodes[at] ?? NONE);
    if (nodes.length >= MANY) {
      // By message first, which counting does, then by date, which leaves that order where dates are equal.
      const order = orderBy([{ values: keys, reverse: false }], nodes.length);
      const sent = new Float64Array(nodes.length);
      for (let at = 0; at < sent.length; at++) sent[at] = dates[keys[order[at] ?? 0] ?? 0] ?? 0;
      return Array.from(
        orderBy([{ values: sent, reverse: false }], nodes.length),
        (at) => nodes[order[at] ?? 0] ?? NONE,
      );
    }
    const order = nodes.map((_, at) => at);
    order.sort((a, b) => {
      const [one = 0, other = 0] = [keys[a], keys[b]];
      return (dates[one] ?? 0) - (dates[other] ?? 0) || one - other;
    });
    return order.map((at) => nodes[at] ?? NONE);
  }
}

/** From so many on numbers are sorted natively, by their order, which costs a few arrays. */
const MANY = 100;
