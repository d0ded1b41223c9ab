// What an import reads from the mail files of other programs, and what it makes of files that are none or mean harm.

import { createWriteStream } from 'node:fs';
import { mkdir, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { deflateRawSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { ZipFile } from 'yazl';
import { receivedOf } from '#src/transfer/dates.ts';
import type { MessagePiece } from '#src/transfer/pieces.ts';
import { readSource } from '#src/transfer/source.ts';
import { Flag } from '#storage/ports.ts';
import { temporaryFolder } from '#test/support/folder.ts';
import { seeded } from '#test/support/random.ts';

interface Found extends Omit<MessagePiece, 'kind'> {
  readonly folder: string;
  readonly special: string;
  readonly text: string;
}

async function readAll(path: string): Promise<{ messages: Found[]; folders: string[]; problems: string[] }> {
  const messages: Found[] = [];
  const folders = new Set<string>();
  const problems: string[] = [];
  let folder = { path: [] as readonly string[], special: '' };
  let head: MessagePiece | null = null;
  let bytes: Uint8Array[] = [];
  for await (const piece of readSource(path)) {
    if (piece instanceof Uint8Array) bytes.push(Buffer.from(piece));
    else if (piece.kind === 'folder') {
      folder = piece;
      folders.add(piece.path.join('/'));
    } else if (piece.kind === 'message') head = piece;
    else if (piece.kind === 'problem') problems.push(`${piece.where}: ${piece.reason}`);
    else if (head !== null) {
      const text = Buffer.concat(bytes).toString('latin1');
      messages.push({ ...head, folder: folder.path.join('/'), special: folder.special, text });
      bytes = [];
    }
  }
  return { messages, folders: [...folders], problems };
}

async function reading(files: Readonly<Record<string, string>>, path = '') {
  await using folder = await temporaryFolder();
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(folder.path, name)), { recursive: true });
    await writeFile(join(folder.path, name), content, 'latin1');
  }
  return await readAll(join(folder.path, path));
}

const FROM = 'From a@b.test Thu Jan  1 12:34:56 2015\n';

describe('an mbox file', () => {
  it('has its lines made CRLF, its separators taken away and its quoting undone', async () => {
    const body = '>From here\n>>From there\n>From\nFrom the office, without a date\n\nFrom us\n';
    const { messages } = await reading(
      { 'a.mbox': `${FROM}Subject: x\n\n${body}\n${FROM}Subject: y\n\nlast` },
      'a.mbox',
    );
    expect(messages.map((m) => m.text)).toEqual([
      'Subject: x\r\n\r\nFrom here\r\n>From there\r\n>From\r\nFrom the office, without a date\r\n\r\nFrom us\r\n',
      'Subject: y\r\n\r\nlast',
    ]);
    expect(messages[0]?.received).toEqual({ seconds: Date.UTC(2015, 0, 1, 12, 34, 56) / 1000, offsetMinutes: 0 });
  });

  it('keeps flags as Status and X-Status tell, and the headers that belong to the file are left out', async () => {
    const head = 'X-IMAPbase: 1 2\nStatus: RO\nX-Status: AF\nX-Keywords: work later\nX-UID: 7\nContent-Length: 99\n';
    const { messages } = await reading({ 'a.mbox': `${FROM}Subject: x\n${head}To: y\n\nbody\n\n` }, 'a.mbox');
    expect(messages).toMatchObject([
      {
        text: 'Subject: x\r\nTo: y\r\n\r\nbody\r\n',
        flags: Flag.seen | Flag.answered | Flag.flagged,
        keywords: ['work', 'later'],
      },
    ]);
  });

  it('of Mozilla has its flags in hexadecimal, and leaves out what was deleted', async () => {
    const one = (status: string, subject: string) =>
      `${FROM}X-Mozilla-Status: ${status}\nX-Mozilla-Status2: 00000000\nX-Mozilla-Keys: $label1 \nSubject: ${subject}\n\nx\n\n`;
    const files = { Inbox: one('1007', 'a') + one('0009', 'gone') + one('0000', 'c') };
    const { messages } = await reading(files, 'Inbox');
    expect(messages.map(({ flags, keywords, text }) => [flags, keywords, /Subject: (\w+)/.exec(text)?.[1]])).toEqual([
      [Flag.seen | Flag.answered | Flag.flagged, ['$label1', '$Forwarded'], 'a'],
      [0, ['$label1'], 'c'],
    ]);
  });

  it('leaves out the note that c-client keeps as the first message', async () => {
    const note = `${FROM}From: Mail System <m@x>\nSubject: DON'T DELETE THIS MESSAGE -- FOLDER INTERNAL DATA\nX-IMAP: 1 2\n\nnote\n\n`;
    expect((await reading({ a: `${note}${FROM}Subject: x\n\nx\n` }, 'a')).messages).toHaveLength(1);
  });

  it('is believed in its Content-Length where that is right, and nowhere else', async () => {
    const inside = `a\n\n${FROM}Subject: inside\n\nb\n`;
    const right = `${FROM}Subject: x\nContent-Length: ${inside.length}\n\n${inside}\n${FROM}Subject: y\n\nlast\n`;
    expect((await reading({ 'a.mbox': right }, 'a.mbox')).messages).toHaveLength(2);
    for (const wrong of [0, 5, 10_000_000, inside.length - 3]) {
      const file = right.replace(/Content-Length: \d+/, `Content-Length: ${wrong}`);
      expect((await reading({ 'a.mbox': file }, 'a.mbox')).messages, String(wrong)).toHaveLength(3);
    }
  });

  it.each([
    ['From x Thu Jan 1 00:00 2015', 0],
    ['From x Thu Jan 01 00:00:00 2015 +0100', 60],
    ['From x Thu Jan 01 00:00:00 +0100 2015', 60],
    ['From - Thu Jan 01 00:00:00 2015', 0],
    ['From 1234@xxx Thu Jan 01 00:00:00 -0230 2015', -150],
    ['From "a b"@x.test Thu Jan  1 00:00:00 EST 2015 remote from y', -300],
    ['From x Thu, 1 Jan 2015 00:00:00 +0000', 0],
  ])('knows the separator "%s"', async (line, offset) => {
    const { messages } = await reading({ a: `${line}\nSubject: x\n\nx\n\n${line}\nSubject: y\n\ny\n` }, 'a');
    expect(messages).toHaveLength(2);
    const seconds = Date.UTC(2015, 0, 1) / 1000 - offset * 60;
    expect(messages[1]?.received).toEqual({ seconds, offsetMinutes: offset });
  });

  it('goes to the folder that its name has a purpose for, else to the inbox', async () => {
    const mail = `${FROM}Subject: x\n\nx\n`;
    expect((await reading({ 'Verzonden items.mbox': mail }, 'Verzonden items.mbox')).messages[0]?.special).toBe('sent');
    expect((await reading({ 'old.mbox': mail }, 'old.mbox')).messages[0]).toMatchObject({
      folder: 'INBOX',
      special: 'inbox',
    });
  });

  it('with CRLF, and one cut anywhere, is read as far as it goes', async () => {
    const whole = `${FROM}Subject: x\n\nbody\n\n${FROM}Subject: y\n\nbody\n`.replaceAll('\n', '\r\n');
    expect((await reading({ a: whole }, 'a')).messages.map((m) => m.text)).toEqual([
      'Subject: x\r\n\r\nbody\r\n',
      'Subject: y\r\n\r\nbody\r\n',
    ]);
    for (let cut = FROM.length + 1; cut < whole.length; cut += 7) {
      const { messages } = await reading({ a: whole.slice(0, cut) }, 'a');
      expect(messages.length, String(cut)).toBeGreaterThan(0);
    }
  });

  it('of random pieces of mbox files never fails, and every message is ended', async () => {
    const next = seeded(20_260_101);
    const parts = [
      FROM,
      'From ',
      '>From x\n',
      '\n',
      '\r\n',
      'Subject: x\n',
      ' folded\n',
      'Content-Length: 12\n',
      'X-IMAP: 1\n',
    ];
    parts.push(
      'X-Posthuis-Export: {"folder":["A"],"flags":1,"keywords":[],"received":{"seconds":1,"offsetMinutes":0},',
    );
    parts.push('"raw":false,"open":true,"lines":2}\n', '\0\xff', 'x'.repeat(70_000), '\r', 'X-Mozilla-Status: zz\n');
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'a');
    for (let i = 0; i < 300; i++) {
      const count = Math.floor(next() * 30);
      const text = FROM + Array.from({ length: count }, () => parts[Math.floor(next() * parts.length)]).join('');
      await writeFile(path, text, 'latin1');
      let open = 0;
      for await (const piece of readSource(path)) {
        if (piece instanceof Uint8Array) expect(open).toBe(1);
        else if (piece.kind === 'message') expect(++open).toBe(1);
        else if (piece.kind === 'end') expect(--open).toBe(0);
      }
      expect(open).toBe(0);
    }
  });
});

describe('a tree of files', () => {
  const mail = 'Subject: x\n\nx\n';

  it('of .eml files has its folders, in the language they were in', async () => {
    const { messages, folders, problems } = await reading({
      'mail/Postvak In/1.eml': mail,
      'mail/Verstuurd/2.eml': mail,
      'mail/Werk/Klanten/3.EML': mail,
      'mail/Prullenbak/4.eml': mail,
      'mail/readme.html': 'x',
      'mail/notes.txt': 'x',
      'mail/.DS_Store': 'x',
    });
    expect(messages.map(({ folder, special }) => [folder, special]).sort()).toEqual([
      ['Postvak In', 'inbox'],
      ['Prullenbak', 'trash'],
      ['Verstuurd', 'sent'],
      ['Werk/Klanten', ''],
    ]);
    expect(folders).toContain('Werk');
    expect(problems).toEqual([expect.stringMatching(/notes\.txt: this is no mail file/)]);
  });

  it('of .eml files counts as read, with the files as they are if they have CRLF', async () => {
    const { messages } = await reading({ 'a/1.eml': mail, 'a/2.eml': 'Subject: x\r\n\r\none\ntwo\r\n' });
    expect(messages.map(({ flags, text }) => [flags, text])).toEqual([
      [Flag.seen, 'Subject: x\r\n\r\nx\r\n'],
      [Flag.seen, 'Subject: x\r\n\r\none\ntwo\r\n'],
    ]);
  });

  it('that is a Maildir has folders, flags, keywords and dates', async () => {
    await using folder = await temporaryFolder();
    const put = async (name: string, seconds: number) => {
      const path = join(folder.path, name);
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, mail);
      await utimes(path, seconds, seconds);
    };
    await put('cur/1400000000.M1P2.host,S=14,W=16:2,FRSTabz', 1_500_000_000);
    await put('new/1400000000.M2P2.host', 1_300_000_000);
    await put('tmp/1400000000.M3P2.host', 1_300_000_000);
    await put('.Gel&APY-scht.A&AC4-B/cur/1400000001.x:2,DP', 1_400_000_002);
    await put('.INBOX.Sent/cur/x:2,', 1_400_000_003);
    await mkdir(join(folder.path, '.Empty/cur'), { recursive: true });
    await writeFile(join(folder.path, 'dovecot-keywords'), '0 work\n1 later\n');
    const { messages, folders, problems } = await readAll(folder.path);
    expect(problems).toEqual([]);
    expect(folders).toContain('Empty');
    const shown = messages.map((m) => [m.folder, m.special, m.flags, m.keywords, m.received?.seconds]);
    expect(shown.sort()).toEqual(
      [
        ['Gelöscht/A.B', 'trash', Flag.draft, ['$Forwarded'], 1_400_000_001],
        ['INBOX', 'inbox', 0, [], 1_300_000_000],
        ['INBOX', 'inbox', Flag.seen | Flag.answered | Flag.flagged | Flag.deleted, ['work', 'later'], 1_400_000_000],
        ['Sent', 'sent', 0, [], 1_400_000_003],
      ].sort(),
    );
    expect(messages.every((m) => m.text === 'Subject: x\r\n\r\nx\r\n')).toBe(true);
  });

  it('of Thunderbird or Apple Mail has mbox files in folders', async () => {
    const box = `${FROM}Subject: x\n\nx\n`;
    const { messages, problems } = await reading({
      Inbox: box,
      'Inbox.msf': 'x',
      'Inbox.sbd/Work': box,
      'Archive.mbox/mbox': box,
      'Sub/Deep.mbox': box,
    });
    expect(problems).toEqual([]);
    expect(messages.map((m) => m.folder).sort()).toEqual(['Archive', 'Inbox', 'Inbox/Work', 'Sub/Deep']);
  });

  it('keeps a folder in another language apart where it has ours too', async () => {
    const { messages } = await reading({ 'Sent/1.eml': mail, 'Gesendet/2.eml': mail });
    expect(messages.map((m) => [m.folder, m.special]).sort()).toEqual([
      ['Gesendet', ''],
      ['Sent', 'sent'],
    ]);
  });

  it('may be one file, and nothing else than mail', async () => {
    expect((await reading({ 'a.eml': mail }, 'a.eml')).messages).toMatchObject([{ folder: 'INBOX', special: 'inbox' }]);
    await expect(reading({ 'a.txt': mail }, 'a.txt')).rejects.toThrow(/is no mbox file, Maildir, \.eml file or zip/);
    await expect(reading({ a: '' }, 'a')).rejects.toThrow(/is no mbox file/);
    await expect(reading({}, 'none')).rejects.toThrow(/ENOENT/);
  });
});

describe('a zip', () => {
  async function zipped(path: string, fill: (zip: ZipFile) => void): Promise<void> {
    const zip = new ZipFile();
    fill(zip);
    zip.end();
    await pipeline(zip.outputStream, createWriteStream(path));
  }

  it('is read like a folder', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'a.zip');
    await zipped(path, (zip) => {
      zip.addBuffer(Buffer.from('Subject: x\n\nx\n'), 'mail/Postvak In/1.eml');
      zip.addBuffer(Buffer.from(`${FROM}Subject: y\n\ny\n`), 'mail/Oud.mbox');
      zip.addEmptyDirectory('mail/Leeg/');
      zip.addBuffer(Buffer.from('junk'), '__MACOSX/mail/._1.eml');
    });
    const { messages, folders, problems } = await readAll(path);
    expect(messages.map((m) => [m.folder, m.text])).toEqual([
      ['Oud', 'Subject: y\r\n\r\ny\r\n'],
      ['Postvak In', 'Subject: x\r\n\r\nx\r\n'],
    ]);
    expect(folders).toContain('Leeg');
    expect(problems).toEqual([]);
  });

  it.each([
    ['../../etc/cron.d/1.eml', /invalid relative path/],
    ['/etc/1.eml', /absolute path/],
  ])('with the name %s is refused', async (name, reason) => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'a.zip');
    // yazl would not write such a name: it is put in afterwards, at the same length.
    const harmless = name.replaceAll('..', 'xx').replace(/^\//, 'x');
    await zipped(path, (zip) => zip.addBuffer(Buffer.from('Subject: x\n\nx\n'), harmless, { compress: false }));
    const { readFile } = await import('node:fs/promises');
    const bytes = (await readFile(path)).toString('latin1').replaceAll(harmless, name);
    await writeFile(path, bytes, 'latin1');
    await expect(readAll(path)).rejects.toThrow(reason);
  });

  it('that would unpack to far more than its size is refused', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'a.zip');
    const zeros = Buffer.alloc(40 * 1024 * 1024);
    await zipped(path, (zip) => {
      for (const name of ['1', '2', '3']) zip.addBuffer(zeros, `${name}.eml`);
    });
    await expect(readAll(path)).rejects.toThrow(/would unpack to more than 200 times its size/);
  });

  it('that lies about a size is refused when it is read', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'a.zip');
    const content = Buffer.from('Subject: x\n\nx\n');
    await zipped(path, (zip) => zip.addBuffer(content, 'a.eml', { compress: true }));
    const { readFile } = await import('node:fs/promises');
    const bytes = await readFile(path);
    expect(deflateRawSync(content).length).toBeGreaterThan(0);
    const central = bytes.indexOf(Buffer.from('504b0102', 'hex'));
    bytes.writeUInt32LE(5, central + 24);
    await writeFile(path, bytes);
    await expect(readAll(path)).rejects.toThrow(/too many bytes|size|crc/i);
  });

  it('cut anywhere is refused, not half read', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'a.zip');
    await zipped(path, (zip) => zip.addBuffer(Buffer.from('Subject: x\n\nx\n'), 'a.eml'));
    const { readFile } = await import('node:fs/promises');
    const bytes = await readFile(path);
    for (let cut = 4; cut < bytes.length; cut += 11) {
      await writeFile(path, bytes.subarray(0, cut));
      await expect(readAll(path), String(cut)).rejects.toThrow(/a\.zip: /);
    }
  });
});

describe('the date of a message', () => {
  const date = (header: string) => receivedOf(Buffer.from(`${header}\r\n\r\n`));
  const seconds = (...fields: [number, number, number, number, number, number]) => Date.UTC(...fields) / 1000;

  it('is that of its topmost Received header, else of its Date', () => {
    const received = 'Received: from a by b; Fri, 3 Jan 2020 10:00:00 +0200 (CEST)\r\n';
    const older = 'Received: from c by d;\r\n\tThu, 2 Jan 2020 10:00:00 +0000\r\n';
    expect(date(`${received}${older}Date: Wed, 1 Jan 2020 10:00:00 -0500`)).toEqual({
      seconds: seconds(2020, 0, 3, 8, 0, 0),
      offsetMinutes: 120,
    });
    expect(date('Received: nonsense\r\nDate: Wed, 1 Jan 2020 10:00:00 -0500')).toEqual({
      seconds: seconds(2020, 0, 1, 15, 0, 0),
      offsetMinutes: -300,
    });
    expect(date('Subject: x')).toBeNull();
  });

  it.each([
    ['1 Jan 99 10:00 GMT', seconds(1999, 0, 1, 10, 0, 0), 0],
    ['1 Jan 49 10:00:60 EST', seconds(2049, 0, 1, 15, 0, 59), -300],
    ['Wed, 01 January 2020 10:00:00', seconds(2020, 0, 1, 10, 0, 0), 0],
    ['1-Jan-2020 10:00:00 +9999', seconds(2020, 0, 1, 10, 0, 0), 0],
  ])('is understood in the form %s', (text, at, offsetMinutes) => {
    expect(date(`Date: ${text}`)).toEqual({ seconds: at, offsetMinutes });
  });

  it.each(['', 'yesterday', '32 Jan 2020 10:00:00', '1 Foo 2020 10:00', '1 Jan 2020 25:00:00', '1 Jan 1020 10:00:00'])(
    'is unknown where it says "%s"',
    (text) => expect(date(`Date: ${text}`)).toBeNull(),
  );
});
