// Messages for the fuzz test: seeds with every construct of MIME in them, and the ways in which mail goes wrong.

import { between, pick, type Random } from './random.ts';

const PIECES = [
  'From: "Kask, Anna" <anna@example.test>\r\n',
  'To: Team: a@b.test, =?utf-8?Q?J=C3=BCri?= <c@d.test>;, root\r\n',
  'Cc: (comment (nested)) <@r1,@r2:x@y.test>\r\n',
  'Subject: =?utf-8?B?w5xiZXI=?=\r\n =?utf-8?Q?sicht?= \xc3\xbc\xff\r\n',
  'Date: Mon, 7 Feb 1994 21:52:25 -0800 (PST)\r\n',
  'Message-ID: <1@x.test>\r\n',
  'References: <a@b> <c@\r\n d> <a@b>\r\n',
  'In-Reply-To: Message from Ann <a@x> of "Monday" <e@f>\r\n',
  'Content-Type: multipart/mixed; boundary="b1"\r\n',
  'Content-Type: multipart/alternative;\r\n\tboundary=b2; x="a;b\\"c"\r\n',
  'Content-Type: multipart/digest; boundary="b 3 "\r\n',
  'Content-Type: message/rfc822\r\n',
  'Content-Type: text/plain; charset=iso-2022-jp\r\n',
  "Content-Type: application/pdf; name*0*=utf-8''%C3%9C; name*1=.pdf\r\n",
  'Content-Type: text/html (comment); charset=\r\n',
  'Content-Transfer-Encoding: base64\r\n',
  'Content-Transfer-Encoding: quoted-printable\r\n',
  'Content-Disposition: attachment; filename="\xfc \\"x\\".pdf"\r\n',
  'Content-Language: de, en\r\nContent-Location: a b\r\nContent-MD5: x==\r\nContent-ID: <i@x>\r\n',
  'X-Priority: 1\r\nList-Id: <l.test>\r\n',
  '\r\n',
  '\r\n\r\n',
  '\n',
  '\r',
  '--b1\r\n',
  '--b1--\r\n',
  '--b2\r\n',
  '--b2--\r\n',
  '--b 3\r\n',
  '--b 3--\r\n',
  '\r\n--b1',
  'SGVsbG8gd29ybGQ=\r\n',
  'caf=C3=A9 =\r\nx\r\n',
  '<p>H&auml;llo<style>x</style></p>\r\n',
  'plain text, and more of it\r\n',
  ' \r\n',
];

const DAMAGE = [
  '\0',
  '\r',
  '\n',
  '\r\n',
  '--',
  '"',
  '(',
  '<',
  '>',
  ';',
  '=',
  '\\',
  ':',
  ',',
  '@',
  '\xff',
  ' ',
  '=?',
  '?=',
];

/** A message that is well formed but for its pieces, or one out of pieces in any order. */
export function composed(random: Random): string {
  if (random() < 0.6) return built(random, between(random, 0, 4));
  let text = '';
  for (let count = between(random, 1, 40); count > 0; count--) text += pick(random, PIECES);
  return text;
}

/** A part with its header, and parts in it down to a depth. */
function built(random: Random, depth: number): string {
  let header = '';
  for (let count = between(random, 0, 4); count > 0; count--)
    header += pick(random, PIECES.slice(0, 8).concat(PIECES.slice(12, 20)));
  if (depth === 0) return `${header}\r\n${text(random)}`;
  if (random() < 0.25) return `Content-Type: message/rfc822\r\n${header}\r\n${built(random, depth - 1)}`;
  const boundary = pick(random, ['b1', 'b2', 'b 3', `b${between(random, 10, 99)}`]);
  const subtype = pick(random, ['mixed', 'alternative', 'digest', 'signed']);
  let parts = random() < 0.3 ? text(random) : '';
  for (let count = between(random, 1, 4); count > 0; count--) {
    parts += `--${boundary}\r\n${built(random, between(random, 0, depth - 1))}\r\n`;
  }
  return `Content-Type: multipart/${subtype}; boundary="${boundary}"\r\n${header}\r\n${parts}--${boundary}--\r\n`;
}

function text(random: Random): string {
  let text = '';
  for (let count = between(random, 0, 5); count > 0; count--) text += pick(random, PIECES.slice(20));
  return text;
}

/** One of some ways to damage a message. */
export function mutated(random: Random, text: string): string {
  const at = between(random, 0, text.length);
  const end = Math.min(text.length, at + between(random, 0, 40));
  switch (between(random, 0, 7)) {
    case 0:
      return text.slice(0, at) + text.slice(end);
    case 1:
      return text.slice(0, at) + text.slice(at, end).repeat(between(random, 2, 30)) + text.slice(end);
    case 2:
      return text.slice(0, at) + pick(random, DAMAGE).repeat(between(random, 1, 50)) + text.slice(at);
    case 3:
      return text.slice(0, at) + pick(random, PIECES) + text.slice(at);
    case 4:
      return text.replaceAll('\r\n', pick(random, ['\n', '\r', '\r\r\n', '\r\n']));
    case 5:
      return text.slice(0, at);
    case 6: {
      const from = between(random, 0, text.length);
      return text.slice(0, at) + text.slice(from, from + between(random, 0, 400)) + text.slice(at);
    }
    default:
      return text.slice(0, at) + String.fromCharCode(between(random, 0, 255)) + text.slice(at + 1);
  }
}
