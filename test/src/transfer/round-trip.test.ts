// Every format of an export reads back as what was written: bytes, flags, keywords, dates and folders.

import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { shapeOf } from '#src/transfer/mbox-writer.ts';
import type { TransferPiece } from '#src/transfer/pieces.ts';
import { readSource } from '#src/transfer/source.ts';
import { FORMATS, type Format, openWriter } from '#src/transfer/writer.ts';
import { Flag } from '#storage/ports.ts';
import { temporaryFolder } from '#test/support/folder.ts';

interface Message {
  readonly folder: string;
  readonly bytes: string;
  readonly flags: number;
  readonly keywords: readonly string[];
  readonly seconds: number;
  readonly offsetMinutes: number;
}

const mail = (text: string) => `Subject: x\r\nDate: Mon, 2 Jan 2006 15:04:05 -0700\r\n\r\n${text}`;

/** Bodies that each format has its own trouble with. */
const BODIES: Readonly<Record<string, string>> = {
  plain: mail('Hello\r\n'),
  'no line end at the end': mail('Hello'),
  'lines that look like separators': mail(
    '\r\nFrom me Thu Jan  1 00:00:00 1970\r\n>From you\r\n>>From them\r\nFrom\r\n\r\n',
  ),
  'empty lines at the end': mail('Hello\r\n\r\n\r\n'),
  'bare LF': mail('one\ntwo\r\nthree\n'),
  'LF throughout': 'Subject: x\n\nbody\n',
  'bare CR': mail('one\rtwo\r\n\rthree'),
  'CR CR LF': mail('one\r\r\ntwo\r\n'),
  'a CR at the end': mail('one\r'),
  'no header': '\r\nbody\r\n',
  'a header alone': 'Subject: x\r\n',
  'a header without an end': 'Subject: x',
  'nothing at all': '',
  'a From line first': 'From me Thu Jan  1 00:00:00 1970\r\nSubject: x\r\n\r\nbody\r\n',
  'headers of an mbox': `Status: RO\r\nX-Status: F\r\nX-Keywords: a b\r\nContent-Length: 3\r\n${mail('x\r\n')}`,
  'a header like ours': `X-Posthuis-Export: {"folder":["X"]}\r\n${mail('x\r\n')}`,
  '8-bit and NUL': mail(`${Buffer.from([0, 128, 255, 13, 10]).toString('latin1')}`),
  'a long line': mail(`${'From '.repeat(40_000)}\r\n`),
  'a line cut at its CR': mail(`${'x'.repeat(64 * 1024 - 30)}\r\n`.repeat(3)),
};

const FOLDERS = ['INBOX', 'Sent', 'Verzonden items', 'Work/Sub.with dots', 'Work/Über & ünter', 'a:b*c', 'A:B*C'];

function messages(): Message[] {
  return Object.values(BODIES).flatMap((bytes, i) =>
    [FOLDERS[i % FOLDERS.length] ?? '', 'INBOX'].map((folder, j) => ({
      folder,
      bytes,
      flags: (i * 2 + j) % 32,
      keywords: [[], ['$Forwarded'], ['work', 'Later']][(i + j) % 3] ?? [],
      seconds: 1_000_000_000 + i * 86_400 + j,
      offsetMinutes: [0, 60, -420, 345][i % 4] ?? 0,
    })),
  );
}

async function* once(bytes: Buffer): AsyncGenerator<Buffer> {
  yield bytes;
}

async function writeAll(path: string, format: Format, all: readonly Message[]): Promise<void> {
  const writer = await openWriter(path, format);
  for (const folder of [...FOLDERS, 'Empty']) {
    await writer.folder({ kind: 'folder', path: folder.split('/'), special: '' });
    for (const { bytes, flags, keywords, seconds, offsetMinutes } of all.filter((m) => m.folder === folder)) {
      const buffer = Buffer.from(bytes, 'latin1');
      const shape = await shapeOf(once(buffer));
      const received = { seconds, offsetMinutes };
      await writer.begin({ kind: 'message', where: '', flags, keywords, received, fileDate: null, shape });
      for (let at = 0; at < buffer.length; at += 1000) await writer.bytes(buffer.subarray(at, at + 1000));
      await writer.end();
    }
  }
  expect(await writer.finish()).toEqual([]);
}

async function readAll(path: string): Promise<{ messages: Message[]; folders: string[] }> {
  const found: Message[] = [];
  const folders = new Set<string>();
  let folder = '';
  let head: Extract<TransferPiece, { kind: 'message' }> | null = null;
  let bytes: Uint8Array[] = [];
  for await (const piece of readSource(path)) {
    if (piece instanceof Uint8Array) bytes.push(Buffer.from(piece));
    else if (piece.kind === 'folder') {
      folder = piece.path.join('/');
      folders.add(folder);
    } else if (piece.kind === 'message') head = piece;
    else if (piece.kind === 'problem') throw new Error(`${piece.where}: ${piece.reason}`);
    else if (head !== null) {
      const { flags, keywords, received } = head;
      const { seconds, offsetMinutes } = received ?? { seconds: 0, offsetMinutes: 0 };
      found.push({ folder, bytes: Buffer.concat(bytes).toString('latin1'), flags, keywords, seconds, offsetMinutes });
      bytes = [];
    }
  }
  return { messages: found, folders: [...folders] };
}

function sorted(all: readonly Message[], format: Format): unknown[] {
  return all
    .map((m) => ({
      ...m,
      keywords: [...m.keywords].sort(),
      // A Maildir has no zones.
      offsetMinutes: format === 'maildir' ? 0 : m.offsetMinutes,
    }))
    .sort((a, b) => a.seconds - b.seconds);
}

describe.each(FORMATS)('an export as %s', (format) => {
  it('reads back as it was', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, format === 'mbox' ? 'all.mbox' : format === 'zip' ? 'all.zip' : 'all');
    await writeAll(path, format, messages());
    const read = await readAll(path);
    expect(sorted(read.messages, format)).toEqual(sorted(messages(), format));
    // An mbox is one file: it has no place for an empty folder.
    for (const name of format === 'mbox' ? FOLDERS : [...FOLDERS, 'Empty']) expect(read.folders).toContain(name);
  });

  it('refuses a path that is taken, and leaves it alone', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, format === 'mbox' ? 'a.mbox' : format === 'zip' ? 'a.zip' : 'a');
    await writeAll(path, format, messages().slice(0, 2));
    await expect(openWriter(path, format)).rejects.toThrow(/is there already/);
    expect((await readAll(path)).messages).toHaveLength(2);
  });
});

describe.each(Object.entries(BODIES))('a message with %s', (_name, bytes) => {
  it.each(FORMATS)('is kept exactly as %s', async (format) => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, format === 'mbox' ? 'a.mbox' : format === 'zip' ? 'a.zip' : 'a');
    const one = { folder: 'INBOX', bytes, flags: Flag.seen, keywords: [], seconds: 1_500_000_000, offsetMinutes: 0 };
    await writeAll(path, format, [one, { ...one, seconds: one.seconds + 1 }]);
    expect((await readAll(path)).messages.map((m) => m.bytes)).toEqual([bytes, bytes]);
  });
});
