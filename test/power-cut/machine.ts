// The kernel's part of a replay: keeps the descriptors of the traced process and carries out its calls on a Disk.
// Sockets are counted too: what the process had sent to a peer before a moment is what it had acknowledged by then.
import { resolve, sep } from 'node:path';
import { type Disk, FileNode, FolderNode, isSharedMemory, type Node } from './disk.ts';
import type { Argument, Call, TraceHandler } from './trace.ts';

/** The calls to record; anything else that changes a file would make the end of the replay differ from the real folder. */
export const TRACED = [
  ...['open', 'openat', 'creat', 'close', 'dup', 'dup2', 'dup3', 'lseek', 'mmap'],
  ...['write', 'writev', 'pwrite64', 'pwritev', 'pwritev2', 'sendto', 'sendmsg', 'sendfile', 'copy_file_range'],
  ...['truncate', 'ftruncate', 'fallocate', 'fsync', 'fdatasync', 'sync', 'syncfs', 'sync_file_range', 'msync'],
  ...['rename', 'renameat', 'renameat2', 'link', 'linkat', 'symlink', 'symlinkat'],
  ...['unlink', 'unlinkat', 'rmdir', 'mkdir', 'mkdirat'],
];

interface OpenFile {
  readonly node: Node;
  offset: number;
  readonly append: boolean;
}

export class Machine implements TraceHandler {
  /** Bytes sent on each connection, by `server port-peer port`. */
  readonly sent = new Map<string, number>();
  readonly #disk: Disk;
  readonly #root: string;
  readonly #cwd: string;
  readonly #files = new Map<number, OpenFile>();
  /** How far the disk was when a sync was entered. */
  readonly #syncs = new Map<Call, { node: Node; seq: number }>();
  /** Is this sync left out? The test of the test leaves out those that the commits wait for. */
  readonly #ignored: (call: Call) => boolean;

  /** `root` is the data folder, `cwd` the working directory of the traced process. */
  constructor(disk: Disk, root: string, cwd: string, ignored: (call: Call) => boolean = () => false) {
    this.#disk = disk;
    this.#root = resolve(cwd, root);
    this.#cwd = cwd;
    this.#ignored = ignored;
  }

  enter(call: Call): void {
    if (call.name === 'close') {
      this.#files.delete(descriptor(call, 0).fd);
    } else if (call.name === 'fsync' || call.name === 'fdatasync') {
      const file = this.#files.get(descriptor(call, 0).fd);
      if (file !== undefined && !this.#ignored(call)) this.#syncs.set(call, { node: file.node, seq: this.#disk.seq });
    }
  }

  exit(call: Call, result: number): void {
    const carryOut = this.#calls[call.name];
    if (result < 0) this.#syncs.delete(call);
    else if (carryOut !== undefined) carryOut(call, result);
    else this.#unknown(call);
  }

  /** What each successful call does. */
  readonly #calls: Readonly<Record<string, (call: Call, result: number) => void>> = {
    close: () => undefined,
    open: (call, fd) => this.#open(this.#names(call, -1, 0), word(call, 1), fd),
    openat: (call, fd) => this.#open(this.#names(call, 0, 1), word(call, 2), fd),
    creat: (call, fd) => this.#open(this.#names(call, -1, 0), 'O_WRONLY|O_CREAT|O_TRUNC', fd),
    dup: (call, fd) => this.#duplicate(descriptor(call, 0).fd, fd),
    dup2: (call, fd) => this.#duplicate(descriptor(call, 0).fd, fd),
    dup3: (call, fd) => this.#duplicate(descriptor(call, 0).fd, fd),
    lseek: (call, offset) => this.#seek(descriptor(call, 0).fd, offset),
    mmap: (call) => this.#map(call),
    write: (call, length) => this.#write(call, length),
    writev: (call, length) => this.#write(call, length),
    sendto: (call, length) => this.#write(call, length),
    sendmsg: (call, length) => this.#write(call, length),
    pwrite64: (call, length) => this.#writeAt(call, length),
    pwritev: (call, length) => this.#writeAt(call, length),
    ftruncate: (call) => this.#truncate(call),
    fsync: (call) => this.#sync(call),
    fdatasync: (call) => this.#sync(call),
    mkdir: (call) => this.#link(this.#names(call, -1, 0), new FolderNode()),
    mkdirat: (call) => this.#link(this.#names(call, 0, 1), new FolderNode()),
    rmdir: (call) => this.#unlink(this.#names(call, -1, 0)),
    unlink: (call) => this.#unlink(this.#names(call, -1, 0)),
    unlinkat: (call) => this.#unlink(this.#names(call, 0, 1)),
    rename: (call) => this.#rename(this.#names(call, -1, 0), this.#names(call, -1, 1)),
    renameat: (call) => this.#rename(this.#names(call, 0, 1), this.#names(call, 2, 3)),
    renameat2: (call) => this.#rename(this.#names(call, 0, 1), this.#names(call, 2, 3)),
    link: (call) => this.#hardLink(this.#names(call, -1, 0), this.#names(call, -1, 1)),
    linkat: (call) => this.#hardLink(this.#names(call, 0, 1), this.#names(call, 2, 3)),
  };

  /** A call that the model does not know must have nothing to do with the data folder. */
  #unknown(call: Call): void {
    const first = call.args[0];
    const ours = first?.kind === 'descriptor' ? this.#files.has(first.fd) : this.#names(call, -1, 0) !== undefined;
    if (ours || call.name === 'sync') throw new Error(`line ${call.line}: the model has no ${call.name}`);
  }

  #seek(fd: number, offset: number): void {
    const open = this.#files.get(fd);
    if (open !== undefined) open.offset = offset;
  }

  #sync(call: Call): void {
    const sync = this.#syncs.get(call);
    if (sync !== undefined) this.#disk.sync(sync.node, sync.seq);
    this.#syncs.delete(call);
  }

  #writeAt(call: Call, length: number): void {
    const file = this.#file(call);
    if (file !== undefined) this.#disk.write(file, Number(word(call, call.args.length - 1)), data(call, length));
  }

  #truncate(call: Call): void {
    const file = this.#file(call);
    if (file !== undefined) this.#disk.truncate(file, Number(word(call, 1)));
  }

  #open(names: readonly string[] | undefined, flags: string, fd: number): void {
    this.#files.delete(fd);
    if (names === undefined) return;
    if (/O_TMPFILE|O_DSYNC|O_SYNC|O_DIRECT(?!ORY)/.test(flags)) throw new Error(`the model has no ${flags}`);
    let node = this.#disk.find(names);
    if (node === undefined) {
      if (!flags.includes('O_CREAT')) return; // a socket, or a file that other processes made
      node = this.#disk.create(names, new FileNode());
    }
    if (node.kind === 'file' && flags.includes('O_TRUNC') && node.size > 0) this.#disk.truncate(node, 0);
    this.#files.set(fd, { node, offset: 0, append: flags.includes('O_APPEND') });
  }

  #duplicate(from: number, to: number): void {
    const open = this.#files.get(from);
    if (open === undefined) this.#files.delete(to);
    else this.#files.set(to, open);
  }

  #write(call: Call, result: number): void {
    const { fd, target } = descriptor(call, 0);
    const peer = /^TCP(?:v6)?:\[.*:(\d+)->.*:(\d+)\]$/.exec(target);
    if (peer !== null) {
      const key = `${peer[1]}-${peer[2]}`;
      this.sent.set(key, (this.sent.get(key) ?? 0) + result);
      return;
    }
    const open = this.#files.get(fd);
    if (open?.node.kind !== 'file') return;
    if (open.append) open.offset = open.node.size;
    this.#disk.write(open.node, open.offset, data(call, result));
    open.offset += result;
  }

  #map(call: Call): void {
    const shared = word(call, 3).includes('MAP_SHARED') && word(call, 2).includes('PROT_WRITE');
    const file = call.args[4];
    if (!shared || file?.kind !== 'descriptor' || !this.#files.has(file.fd)) return;
    if (!isSharedMemory(file.target)) throw new Error(`line ${call.line}: ${file.target} is written by mapping it`);
  }

  #link(names: readonly string[] | undefined, node: Node): void {
    if (names !== undefined && names.length > 0) this.#disk.link(names, node);
  }

  #unlink(names: readonly string[] | undefined): void {
    // A socket's name is made by bind, which is not traced, and means nothing after a power cut.
    if (names !== undefined && !names.at(-1)?.endsWith('.sock')) this.#disk.unlink(names);
  }

  #rename(from: readonly string[] | undefined, to: readonly string[] | undefined): void {
    if (from === undefined && to === undefined) return;
    if (from === undefined || to === undefined) throw new Error('a rename out of or into the data folder');
    this.#disk.rename(from, to);
  }

  #hardLink(from: readonly string[] | undefined, to: readonly string[] | undefined): void {
    if (to === undefined) return;
    const node = from === undefined ? undefined : this.#disk.find(from);
    if (node === undefined) throw new Error(`a link to ${to.join('/')} from outside`);
    this.#disk.link(to, node);
  }

  #file(call: Call): FileNode | undefined {
    const open = this.#files.get(descriptor(call, 0).fd);
    return open?.node.kind === 'file' ? open.node : undefined;
  }

  /** A path's names below the data folder, or undefined when it is elsewhere. */
  #names(call: Call, folder: number, path: number): readonly string[] | undefined {
    const argument = call.args[path];
    if (argument?.kind !== 'bytes') return undefined;
    const base = folder < 0 ? this.#cwd : descriptor(call, folder).target;
    const full = resolve(base, argument.bytes.toString('utf8'));
    if (full === this.#root) return [];
    return full.startsWith(this.#root + sep) ? full.slice(this.#root.length + 1).split(sep) : undefined;
  }
}

function descriptor(call: Call, index: number): Argument & { kind: 'descriptor' } {
  const argument = call.args[index];
  if (argument?.kind === 'descriptor') return argument;
  if (argument?.kind === 'word') return { kind: 'descriptor', fd: Number(argument.word), target: '' };
  throw new Error(`line ${call.line}: argument ${index} of ${call.name} is no descriptor`);
}

function word(call: Call, index: number): string {
  const argument = call.args[index];
  return argument?.kind === 'word' ? argument.word : '';
}

/** The bytes that a write wrote. */
function data(call: Call, length: number): Buffer {
  const argument = call.args[1];
  const bytes =
    argument?.kind === 'vector' ? Buffer.concat(argument.parts) : argument?.kind === 'bytes' ? argument.bytes : null;
  if (bytes === null || bytes.length < length)
    throw new Error(`line ${call.line}: the data of ${call.name} is not there`);
  return bytes.subarray(0, length);
}
