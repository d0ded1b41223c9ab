// Reads mail out of a tree of files: Maildirs, .eml files, mbox files (also as Thunderbird and Apple Mail keep them),
// whatever of these is in it.

import { basename } from 'node:path';
import { purposes } from '#storage/account/folder-names.ts';
import { Flag } from '#storage/ports.ts';
import { INDEX_FILE, type Index, readIndex } from './index-file.ts';
import { storedForm } from './lines.ts';
import { flagsOf, folderOf, isExact, KEYWORDS_FILE, maildirDate, parseKeywords } from './maildir.ts';
import { separator } from './mbox-lines.ts';
import { readMbox } from './mbox-reader.ts';
import type { TransferPiece } from './pieces.ts';
import type { Tree, TreeFile } from './tree.ts';

/** What a file is, and in which folder (its levels) its mail goes. */
type Found =
  | { readonly kind: 'maildir' | 'eml' | 'mbox'; readonly file: TreeFile; readonly folder: readonly string[] }
  | { readonly kind: 'other'; readonly file: TreeFile };

/** A folder of this name around everything is only its wrapping (F132: a zip of a folder `mail`). */
const WRAPPINGS = ['mail', 'maildir', 'mails', 'messages', 'export'];

/** Files that belong to a mail program and hold no mail. */
const NO_MAIL =
  /(^|\/)(\.[^/]*|__MACOSX\/.*|dovecot[^/]*|courier[^/]*|maildirfolder|subscriptions|maildirsize|[^/]*\.(msf|dat|plist|html?|json|jsonl|css|ini|db))$/i;

/** Bytes of an index line or a keywords file, together; more is not ours. */
const KEYWORDS_BYTES = 64 * 1024;

/** All folders and messages of a tree. `name` is what it is called: a folder of the same name in it is wrapping. */
export async function* readTree(tree: Tree, name: string): AsyncGenerator<TransferPiece, void> {
  const index = await findIndex(tree);
  const root = index?.root ?? wrappingOf(tree, name);
  const below = (path: string) => path.slice(root.length);
  const inside = tree.files.filter((file) => file.path.startsWith(root));
  const found: Found[] = [];
  for (const file of inside) {
    if (below(file.path) !== INDEX_FILE && !/(^|\/)tmp\/[^/]+$/.test(below(file.path))) {
      found.push(await recognise(file, below(file.path), index?.index ?? null));
    }
  }
  const folders = foldersOf(tree, found, index, root);
  const special = purposes(Array.from(folders.values(), (path) => path[0] ?? ''));
  const folderPiece = (path: readonly string[]): TransferPiece => {
    return { kind: 'folder', path, special: index === null ? special(path[0] ?? '') : '' };
  };
  for (const path of folders.values()) yield folderPiece(path);
  const letters = new KeywordLetters(inside);
  for (const item of found) {
    if (item.kind === 'other') {
      if (!NO_MAIL.test(item.file.path))
        yield { kind: 'problem', where: item.file.path, reason: 'this is no mail file' };
    } else if (item.kind === 'mbox') {
      const at = item.file.at === undefined ? {} : { at: item.file.at };
      const folder = { path: item.folder, special: special(item.folder[0] ?? '') };
      yield* readMbox({ where: item.file.path, bytes: await item.file.open(), folder, ...at });
    } else {
      const known = index?.index.messages.get(below(item.file.path));
      yield folderPiece(item.folder);
      yield* item.kind === 'eml' ? readEml(item.file, known) : readMaildirFile(item.file, letters);
    }
  }
}

async function* readEml(
  file: TreeFile,
  known:
    | { flags: number; keywords: readonly string[]; received: { seconds: number; offsetMinutes: number } }
    | undefined,
): AsyncGenerator<TransferPiece, void> {
  // Old mail that comes in is not news: without other information it has been read.
  const { flags, keywords, received } = known ?? { flags: Flag.seen, keywords: [], received: null };
  yield { kind: 'message', where: file.path, flags, keywords, received, fileDate: file.date };
  const bytes = await file.open();
  yield* known === undefined ? storedForm(bytes) : bytes;
  yield { kind: 'end' };
}

async function* readMaildirFile(file: TreeFile, letters: KeywordLetters): AsyncGenerator<TransferPiece, void> {
  const name = basename(file.path);
  const { flags, keywords } = flagsOf(name, await letters.of(file.path));
  const received = { seconds: maildirDate(name, file.date), offsetMinutes: 0 };
  yield { kind: 'message', where: file.path, flags, keywords, received, fileDate: null };
  const bytes = await file.open();
  yield* isExact(name) ? bytes : storedForm(bytes);
  yield { kind: 'end' };
}

/** The keyword letters of each Maildir folder, read when its first message is. */
class KeywordLetters {
  readonly #files: ReadonlyMap<string, TreeFile>;
  #folder = '';
  #letters = new Map<number, string>();

  constructor(files: readonly TreeFile[]) {
    this.#files = new Map(files.filter((f) => basename(f.path) === KEYWORDS_FILE).map((f) => [f.path, f]));
  }

  async of(path: string): Promise<Map<number, string>> {
    const folder = path.split('/').slice(0, -2).join('/');
    if (folder !== this.#folder || this.#letters.size === 0) {
      const file = this.#files.get(folder === '' ? KEYWORDS_FILE : `${folder}/${KEYWORDS_FILE}`);
      this.#folder = folder;
      this.#letters =
        file === undefined ? new Map() : parseKeywords((await readStart(file, KEYWORDS_BYTES)).toString());
    }
    return this.#letters;
  }
}

async function recognise(file: TreeFile, path: string, index: Index | null): Promise<Found> {
  const levels = path.split('/');
  const name = levels.pop() ?? '';
  const parent = levels.at(-1);
  if (parent === 'cur' || parent === 'new') {
    return { kind: 'maildir', file, folder: folderOf(levels.slice(0, -1).join('/')) };
  }
  if (/\.eml$/i.test(name)) {
    return { kind: 'eml', file, folder: index?.folders.get(levels.join('/')) ?? plainFolder(levels) };
  }
  if (NO_MAIL.test(path)) return { kind: 'other', file };
  const start = await readStart(file, 1024);
  const line = start.subarray(0, Math.max(start.indexOf(10), 0));
  if (separator(line) === null) return { kind: 'other', file };
  return { kind: 'mbox', file, folder: mboxFolder(levels, name) };
}

function plainFolder(levels: readonly string[]): string[] {
  return levels.length === 0 ? ['INBOX'] : levels.map((level) => level.replace(/\.(mbox|sbd)$/i, ''));
}

/** `Work.sbd/Sub` (Thunderbird), `Work.mbox/mbox` (Apple Mail), `Work.mbox`. */
function mboxFolder(levels: readonly string[], name: string): string[] {
  const own = name === 'mbox' && levels.length > 0 ? [] : [name.replace(/\.(mbox|mbx|mbs)$/i, '')];
  return [...levels, ...own].map((level) => level.replace(/\.(mbox|sbd)$/i, ''));
}

async function readStart(file: TreeFile, bytes: number): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of await file.open()) {
    parts.push(chunk);
    length += chunk.length;
    if (length >= bytes) break;
  }
  return Buffer.concat(parts).subarray(0, bytes);
}

/** Every folder there is, empty ones too, by its path. */
function foldersOf(
  tree: Tree,
  found: readonly Found[],
  index: { readonly index: Index } | null,
  root: string,
): Map<string, readonly string[]> {
  const folders = new Map<string, readonly string[]>();
  const add = (path: readonly string[]) => folders.set(path.join('/'), path);
  const hasMaildir = found.some((item) => item.kind === 'maildir') || tree.folders.some((f) => /(^|\/)cur$/.test(f));
  for (const path of index?.index.folders.values() ?? []) add(path);
  for (const folder of tree.folders) {
    if (index !== null || !folder.startsWith(root)) continue;
    const levels = folder.slice(root.length).split('/');
    if (levels.at(-1) === 'cur') add(folderOf(levels.slice(0, -1).join('/')));
    else if (!hasMaildir && !levels.some((l) => l.startsWith('.') || l === '__MACOSX')) add(plainFolder(levels));
  }
  for (const item of found) if (item.kind !== 'other') add(item.folder);
  return folders;
}

/** Our own index, at the root or in the one folder around everything. */
async function findIndex(tree: Tree): Promise<{ index: Index; root: string } | null> {
  const file = tree.files.find(({ path }) => basename(path) === INDEX_FILE && path.split('/').length <= 2);
  if (file === undefined) return null;
  return { index: await readIndex(await file.open()), root: file.path.slice(0, -INDEX_FILE.length) };
}

/** The folder around everything, if it is only that: `mail/`, or ''. */
function wrappingOf(tree: Tree, name: string): string {
  const paths = [...tree.files.map((file) => file.path), ...tree.folders].filter(
    (path) => !path.startsWith('__MACOSX'),
  );
  const top = paths[0]?.split('/', 1)[0];
  if (top === undefined || !paths.every((path) => path === top || path.startsWith(`${top}/`))) return '';
  if (!tree.folders.includes(top)) return '';
  const isWrapping = [...WRAPPINGS, name.toLowerCase()].includes(top.toLowerCase());
  return isWrapping ? `${top}/` : '';
}
