// What an import reads from: tells what is at a path, and reads it.

import { stat } from 'node:fs/promises';
import { basename, extname } from 'node:path';
import { purposes } from '#storage/account/folder-names.ts';
import { Refused } from '../commands/command.ts';
import { separator } from './mbox-lines.ts';
import { readMbox } from './mbox-reader.ts';
import type { TransferPiece } from './pieces.ts';
import { readDirectory, readZip, singleFile, type Tree } from './tree.ts';
import { readTree } from './tree-reader.ts';

/** A zip's first entry, or the end of an empty one (APPNOTE 4.3.7, 4.3.16). */
const ZIP_STARTS = ['504b0304', '504b0506'].map((hex) => Buffer.from(hex, 'hex'));

/** All folders and messages at a path: an mbox file, a Maildir, .eml files or a zip of these. */
export async function* readSource(path: string): AsyncGenerator<TransferPiece, void> {
  if ((await stat(path)).isDirectory()) {
    await using tree = await readDirectory(path);
    yield* readTree(tree, basename(path));
    return;
  }
  const file = await singleFile(path);
  const start = file.at(0, 1024);
  if (ZIP_STARTS.some((mark) => mark.equals(start.subarray(0, 4)))) {
    await using tree = await readZip(path);
    yield* readTree(tree, basename(path, extname(path)));
  } else if (separator(start.subarray(0, Math.max(0, start.indexOf(10)))) !== null) {
    yield* readMbox({ where: basename(path), bytes: await file.open(), at: file.at, folder: folderFor(path) });
  } else if (/\.eml$/i.test(path)) {
    const tree: Tree = { files: [{ ...file, path: basename(path) }], folders: [], async [Symbol.asyncDispose]() {} };
    yield* readTree(tree, '');
  } else throw new Refused(`${path} is no mbox file, Maildir, .eml file or zip`);
}

/** The folder of an mbox file: what its name says, if that is one with a purpose, else INBOX. */
function folderFor(path: string): Extract<TransferPiece, { kind: 'folder' }> {
  const name = basename(path).replace(/\.(mbox|mbx)$/i, '');
  const special = purposes([name])(name);
  return special === ''
    ? { kind: 'folder', path: ['INBOX'], special: 'inbox' }
    : { kind: 'folder', path: [name], special };
}
