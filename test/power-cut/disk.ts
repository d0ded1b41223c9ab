// A disk as a power cut leaves it. Built from a trace of system calls, it knows of every file and folder what is durable
// and what is only in the kernel's memory, and can lay out the folder as it would be found afterwards.
//
// The model is stricter than any journalling file system: a file's bytes and size are durable once fsync or fdatasync
// has returned for writes that had returned before it was called; a name (create, link, rename, unlink, mkdir) is durable
// once fsync has returned for its folder. A rename between two folders is two such changes. What is not durable may be
// lost or kept, each change by itself, in any combination.
import { linkSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

type FileChange =
  | { readonly seq: number; readonly kind: 'write'; readonly offset: number; readonly data: Buffer }
  | { readonly seq: number; readonly kind: 'truncate'; readonly size: number };

type NameChange =
  | { readonly seq: number; readonly kind: 'link'; readonly name: string; readonly node: Node }
  | { readonly seq: number; readonly kind: 'unlink'; readonly name: string }
  | {
      readonly seq: number;
      readonly kind: 'rename';
      readonly from: string;
      readonly name: string;
      readonly node: Node;
    };

export class FileNode {
  readonly kind = 'file';
  durable: Content = new Content();
  pending: FileChange[] = [];
  /** The size as every process sees it. */
  size = 0;
}

export class FolderNode {
  readonly kind = 'folder';
  readonly durable = new Map<string, Node>();
  pending: NameChange[] = [];
  /** The names as every process sees them. */
  readonly current = new Map<string, Node>();
}

export type Node = FileNode | FolderNode;

/** Which of the changes that are not durable a power cut keeps. */
export interface Survival {
  /** Of a whole change (a name, a truncation, a write). */
  change(): boolean;
  /** Of one 512-byte sector of a write that survives. */
  sector(): boolean;
}

/** Everything written is there: what a process that is killed leaves behind. */
export const everything: Survival = { change: () => true, sector: () => true };
/** Nothing is there but what was synced. */
export const nothing: Survival = { change: () => false, sector: () => false };
/** Each change is there or not, by chance; `torn`: each sector of a write. */
export function someOf(random: () => number, torn: boolean): Survival {
  return {
    change: () => torn || random() < 0.5,
    sector: () => !torn || random() < 0.5,
  };
}

/** Bytes that grow. */
class Content {
  #bytes: Buffer = Buffer.alloc(0);
  size = 0;

  static of(bytes: Buffer): Content {
    const content = new Content();
    content.#bytes = bytes;
    content.size = bytes.length;
    return content;
  }

  write(offset: number, data: Buffer): void {
    this.#reserve(offset + data.length);
    data.copy(this.#bytes, offset);
    this.size = Math.max(this.size, offset + data.length);
  }

  truncate(size: number): void {
    this.#reserve(size);
    if (size < this.size) this.#bytes.fill(0, size, this.size);
    this.size = size;
  }

  bytes(): Buffer {
    return this.#bytes.subarray(0, this.size);
  }

  #reserve(size: number): void {
    if (size <= this.#bytes.length) return;
    const larger = Buffer.alloc(Math.max(size, this.#bytes.length * 2, 4096));
    this.#bytes.copy(larger, 0, 0, this.size);
    this.#bytes = larger;
  }
}

export class Disk {
  readonly root: FolderNode;
  #seq = 0;

  /** Starts with what is in `folder` now, all of it durable. */
  constructor(folder: string) {
    this.root = load(folder);
  }

  get seq(): number {
    return this.#seq;
  }

  /** The node at a path below the root, which is given as its names. */
  find(names: readonly string[]): Node | undefined {
    let node: Node | undefined = this.root;
    for (const name of names) node = node?.kind === 'folder' ? node.current.get(name) : undefined;
    return node;
  }

  create(names: readonly string[], node: Node): Node {
    this.link(names, node);
    return node;
  }

  link(names: readonly string[], node: Node): void {
    const [folder, name] = this.#parent(names);
    folder.current.set(name, node);
    this.#seq += 1;
    folder.pending.push({ seq: this.#seq, kind: 'link', name, node });
  }

  unlink(names: readonly string[]): void {
    const [folder, name] = this.#parent(names);
    if (!folder.current.delete(name)) throw new Error(`unlink of ${names.join('/')}, which the model does not know`);
    this.#seq += 1;
    folder.pending.push({ seq: this.#seq, kind: 'unlink', name });
  }

  rename(from: readonly string[], to: readonly string[]): void {
    const [source, sourceName] = this.#parent(from);
    const [target, name] = this.#parent(to);
    const node = source.current.get(sourceName);
    if (node === undefined) throw new Error(`rename of ${from.join('/')}, which the model does not know`);
    if (source !== target) {
      this.link(to, node);
      this.unlink(from);
      return;
    }
    source.current.delete(sourceName);
    source.current.set(name, node);
    this.#seq += 1;
    source.pending.push({ seq: this.#seq, kind: 'rename', from: sourceName, name, node });
  }

  write(file: FileNode, offset: number, data: Buffer): void {
    this.#seq += 1;
    file.pending.push({ seq: this.#seq, kind: 'write', offset, data });
    file.size = Math.max(file.size, offset + data.length);
  }

  truncate(file: FileNode, size: number): void {
    this.#seq += 1;
    file.pending.push({ seq: this.#seq, kind: 'truncate', size });
    file.size = size;
  }

  /** What had been changed by `seq` is durable from now on. */
  sync(node: Node, seq: number): void {
    if (node.kind === 'file') {
      for (const change of node.pending) if (change.seq <= seq) applyToFile(node.durable, change, everything);
      node.pending = node.pending.filter((change) => change.seq > seq);
    } else {
      for (const change of node.pending) if (change.seq <= seq) applyToNames(node.durable, change);
      node.pending = node.pending.filter((change) => change.seq > seq);
    }
  }

  /** Lays out the disk in a new folder as it is found after a power cut now. */
  layOut(folder: string, survival: Survival): void {
    layOut(this.root, folder, survival, new Map());
  }

  #parent(names: readonly string[]): [FolderNode, string] {
    const folder = this.find(names.slice(0, -1));
    const name = names.at(-1);
    if (folder?.kind !== 'folder' || name === undefined) throw new Error(`no folder for ${names.join('/')}`);
    return [folder, name];
  }
}

function load(path: string): FolderNode {
  const folder = new FolderNode();
  for (const entry of readdirSync(path, { withFileTypes: true })) {
    const child = join(path, entry.name);
    if (!entry.isDirectory() && !entry.isFile()) continue;
    const node = entry.isDirectory() ? load(child) : new FileNode();
    if (node.kind === 'file') {
      node.durable = Content.of(readFileSync(child));
      node.size = node.durable.size;
    }
    folder.durable.set(entry.name, node);
    folder.current.set(entry.name, node);
  }
  return folder;
}

function applyToFile(content: Content, change: FileChange, survival: Survival): void {
  if (change.kind === 'truncate') {
    content.truncate(change.size);
    return;
  }
  // Sectors count from the start of the file, as the disk sees them.
  for (let at = 0; at < change.data.length; ) {
    const end = survival === everything ? change.data.length : sectorEnd(change.offset + at) - change.offset;
    if (survival.sector()) content.write(change.offset + at, change.data.subarray(at, end));
    at = end;
  }
}

function sectorEnd(offset: number): number {
  return (Math.floor(offset / 512) + 1) * 512;
}

function applyToNames(names: Map<string, Node>, change: NameChange): void {
  if (change.kind === 'link') names.set(change.name, change.node);
  else if (change.kind === 'unlink') names.delete(change.name);
  else {
    names.delete(change.from);
    names.set(change.name, change.node);
  }
}

/** SQLite's shared memory is written by mapping it, and made anew after a power cut. */
export function isSharedMemory(name: string): boolean {
  return name.endsWith('-shm');
}

function layOut(folder: FolderNode, path: string, survival: Survival, placed: Map<FileNode, string>): void {
  mkdirSync(path, { recursive: true });
  const names = new Map(folder.durable);
  for (const change of folder.pending) if (survival.change()) applyToNames(names, change);
  for (const [name, node] of names) {
    const child = join(path, name);
    if (node.kind === 'folder') layOut(node, child, survival, placed);
    else if (isSharedMemory(name)) continue;
    else if (placed.has(node)) linkSync(placed.get(node) as string, child);
    else {
      writeFileSync(child, contentAfter(node, survival));
      placed.set(node, child);
    }
  }
}

function contentAfter(file: FileNode, survival: Survival): Buffer {
  if (file.pending.length === 0) return file.durable.bytes();
  const content = Content.of(Buffer.from(file.durable.bytes()));
  for (const change of file.pending) if (survival.change()) applyToFile(content, change, survival);
  return content.bytes();
}

/** The first difference between two folders, or undefined; shared memory and sockets aside. */
export function difference(one: string, other: string): string | undefined {
  const names = (path: string) =>
    readdirSync(path, { withFileTypes: true })
      .filter((entry) => (entry.isFile() || entry.isDirectory()) && !isSharedMemory(entry.name))
      .map((entry) => entry.name)
      .sort();
  const [left, right] = [names(one), names(other)];
  if (left.join('\n') !== right.join('\n')) return `${one}: ${left.join(' ')} against ${right.join(' ')}`;
  for (const name of left) {
    const [a, b] = [join(one, name), join(other, name)];
    if (statSync(a).isDirectory()) {
      const inner = difference(a, b);
      if (inner !== undefined) return inner;
    } else if (!readFileSync(a).equals(readFileSync(b))) return `${a} and ${b} differ`;
  }
  return undefined;
}
