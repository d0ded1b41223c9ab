// A forest of threads as arrays, so that neither deep nor wide ones cost more than their messages. Nodes from 0 on are
// messages; those after them are dummies, which stand for messages that are not there (RFC 5256 3).

import type { Pace } from '#protocols/net/pace.ts';

/** No node. */
export const NONE = -1;

export class Forest {
  /** Messages are the nodes below this. */
  readonly messages: number;
  readonly #parents: number[] = [];
  readonly #children: (number[] | null)[] = [];
  /** Which nodes may hang together: two that do not can't make a loop. */
  readonly #groups: number[] = [];

  constructor(messages: number) {
    this.messages = messages;
    for (let node = 0; node < messages; node++) this.add();
  }

  get size(): number {
    return this.#parents.length;
  }

  /** A new node without parent and children. */
  add(): number {
    const node = this.#parents.length;
    this.#parents.push(NONE);
    this.#children.push(null);
    this.#groups.push(node);
    return node;
  }

  isDummy(node: number): boolean {
    return node >= this.messages;
  }

  parent(node: number): number {
    return this.#parents[node] ?? NONE;
  }

  children(node: number): readonly number[] {
    return this.#children[node] ?? NO_CHILDREN;
  }

  setChildren(node: number, children: number[]): void {
    this.#children[node] = children.length === 0 ? null : children;
  }

  /** Makes one the parent of the other, unless that would be a loop (RFC 5256 3, step 1A). */
  link(parent: number, child: number): void {
    if (parent === child || this.#isBelow(parent, child)) return;
    this.#parents[child] = parent;
    this.#groups[this.#group(child)] = this.#group(parent);
  }

  /** Takes it from its parent. */
  cut(child: number): void {
    this.#parents[child] = NONE;
  }

  /** Is the first one a descendant of the second? */
  #isBelow(node: number, above: number): boolean {
    if (this.#group(node) !== this.#group(above)) return false;
    for (let at = this.parent(node); at !== NONE; at = this.parent(at)) if (at === above) return true;
    return false;
  }

  #group(node: number): number {
    let at = node;
    for (let next = this.#groups[at] ?? at; next !== at; next = this.#groups[at] ?? at) {
      const further = this.#groups[next] ?? next;
      this.#groups[at] = further;
      at = further;
    }
    return at;
  }

  /** Turns the parents into lists of children; the nodes without a parent. */
  gather(): number[] {
    const roots: number[] = [];
    for (let node = 0; node < this.size; node++) {
      const parent = this.parent(node);
      if (parent === NONE) roots.push(node);
      else if (this.#children[parent]) this.#children[parent]?.push(node);
      else this.#children[parent] = [node];
    }
    return roots;
  }

  /** The nodes below and with these, parents before their children. */
  *walk(roots: readonly number[]): Generator<number> {
    const waiting = [...roots];
    for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
      yield node;
      for (const child of this.children(node)) waiting.push(child);
    }
  }
}

const NO_CHILDREN: readonly number[] = [];

/**
 * Writes threads as THREAD has them (RFC 5256 4): children one after the other as long as there is one, then each in
 * parentheses.
 */
export async function writeThreads(
  forest: Forest,
  roots: readonly number[],
  tell: { readonly text: (text: string) => void; readonly number: (node: number) => void },
  pace: Pace,
): Promise<void> {
  // What is still to be written, the last one first: a thread or a closing parenthesis.
  const waiting: number[] = roots.toReversed();
  for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
    if (pace.due) await pace.rest();
    if (node === NONE) {
      tell.text(')');
      continue;
    }
    tell.text('(');
    waiting.push(NONE);
    let separate = false;
    let children: readonly number[] = [node];
    for (let only = children[0]; children.length === 1 && only !== undefined; only = children[0]) {
      if (!forest.isDummy(only)) {
        if (separate) tell.text(' ');
        tell.number(only);
        separate = true;
      }
      children = forest.children(only);
      if (pace.due) await pace.rest();
    }
    if (children.length === 0) continue;
    if (separate) tell.text(' ');
    for (const child of children.toReversed()) waiting.push(child);
  }
}
