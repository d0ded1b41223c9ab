// A stored message as text, for search.
import { expect, test } from 'vitest';
import { messageContent } from '#storage/blobs/content.ts';
import { createPackers } from '#storage/blobs/packer.ts';
import { MessageScanner } from '#storage/message/scanner.ts';
import { lookAtText, PART_BREAK, textPieces } from '#storage/message/text.ts';

const packers = createPackers();

async function texts(message: string, headers: boolean, prefix = ''): Promise<string[]> {
  const bytes = Buffer.from(message, 'latin1');
  const scanner = new MessageScanner();
  scanner.write(bytes);
  const { structure, headerLength } = scanner.end();
  const content = messageContent(
    {
      size: prefix.length + bytes.length,
      prefix: Buffer.from(prefix),
      header: packers.header.pack(bytes.subarray(0, headerLength)),
      body: packers.body.pack(bytes.subarray(headerLength)),
    },
    packers,
  );
  const all = await Array.fromAsync(textPieces(content, structure, { headers }), ({ text }) => text);
  const atOnce: string[] = [];
  const look = lookAtText(content, structure, { headers }, ({ text }) => atOnce.push(text) === 0);
  expect(look).toBe(true);
  expect(atOnce.join('')).toBe(all.join(''));
  return all.join('').split(PART_BREAK).slice(0, -1);
}

const MESSAGE = [
  'Subject: =?utf-8?Q?=C3=9Cber?=\r\n =?utf-8?Q?sicht?=\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n',
  '--b\r\nContent-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nGr=FC=DFe an al=\r\nle\r\n',
  '--b\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\nPGI+w7w8\r\nL2I+\r\n',
  '--b\r\nContent-Type: application/pdf\r\n\r\nnever this\r\n',
  '--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: =?koi8-r?Q?=F0?=inner\r\n\r\ninner text\r\n',
  '--b\r\nContent-Type: message/delivery-status\r\n\r\nStatus: 5.1.1\r\n',
  '--b--\r\n',
].join('');

test('BODY is every text part, decoded, those of nested messages too, and no header', async () => {
  expect(await texts(MESSAGE, false)).toEqual(['Grüße an alle', '<b>ü</b>', 'inner text', 'Status: 5.1.1']);
});

test("TEXT is that, and the headers: ours in front, the message's, those of its parts and of the messages in it", async () => {
  const all = await texts(MESSAGE, true, 'Return-Path: <x@y>\r\n');
  expect(all[0]).toBe('Return-Path: <x@y>\r\nSubject: Übersicht\r\nContent-Type: multipart/mixed; boundary=b\r\n');
  expect(all).toContain('Content-Type: application/pdf\r\n');
  expect(all).toContain('Subject: Пinner\r\n');
  expect(all.join('')).not.toContain('never this');
});
