// Charsets, transfer encodings and HTML, in pieces of any size.
import { expect, test } from 'vitest';
import { decodeText, textDecoding } from '#storage/message/charset.ts';
import { htmlToText } from '#storage/message/html.ts';
import { transferDecoding } from '#storage/message/transfer.ts';

/** Decodes in pieces of each of some sizes; all must agree. */
function transfer(encoding: string, text: string): string {
  const bytes = Buffer.from(text, 'latin1');
  const results = [1, 2, 3, 7, 1000].map((step) => {
    const decoding = transferDecoding(encoding);
    const out: Uint8Array[] = [];
    for (let at = 0; at < bytes.length; at += step) out.push(decoding.decode(bytes.subarray(at, at + step)));
    return Buffer.concat([...out, decoding.end()]).toString('latin1');
  });
  expect(new Set(results).size).toBe(1);
  return results[0] ?? '';
}

test.each([
  ['aGVsbG8=', 'hello'],
  ['aGVs\r\nbG8gd2\r\n9ybGQ=\r\n', 'hello world'],
  ['aGVsbG8', 'hello'],
  ['aGVs*bG8=!', 'hello'],
  ['aGk=aGk=', 'hihi'],
  ['', ''],
])('base64 %s', (text, expected) => {
  expect(transfer('base64', text)).toBe(expected);
});

test.each([
  ['a=3Db', 'a=b'],
  ['a=\r\nb', 'ab'],
  ['a= \t\r\nb', 'ab'],
  ['a=\nb', 'ab'],
  ['caf=e9 =C3=A9', 'caf\xe9 \xc3\xa9'],
  ['end  \r\nnext\t\n', 'end\r\nnext\n'],
  ['keep  this', 'keep  this'],
  ['a =\r\nb', 'a b'],
  ['=ZZ=4', '=ZZ=4'],
  ['=', ''],
  ['100=% sure', '100=% sure'],
])('quoted-printable %j', (text, expected) => {
  expect(transfer('quoted-printable', text)).toBe(expected);
});

test('other encodings are the bytes themselves', () => {
  expect(transfer('x-unknown', 'a=3D')).toBe('a=3D');
});

test.each([
  ['utf-8', 'c3a9f09f9880', 'é\u{1f600}'],
  ['ISO-8859-1', 'e9', 'é'],
  ['"windows-1251"', 'cff0e8e2e5f2', 'Привет'],
  ['shift_jis', '93fa967b', '日本'],
  ['gb2312', 'd6d0cec4', '中文'],
  ['big5', 'a4a4a4e5', '中文'],
  ['euc-kr', 'c7d1b1b9', '한국'],
  ['cp437', '81', 'ü'],
  ['utf-7', '2b414f6b2d', 'é'],
  ['us-ascii', 'c3a9', 'é'],
  ['us-ascii', 'e9', 'é'],
  ['', 'c3a9', 'é'],
  ['nonsense-42', 'e9', 'é'],
  ['constructor', 'e9', 'é'],
  ['base64', 'e9', 'é'],
  ['iso-2022-kr', 'e9', 'é'],
  ['utf-8', 'ff41', '\ufffdA'],
])('%s', (charset, hex, expected) => {
  const bytes = Buffer.from(hex, 'hex');
  expect(decodeText(bytes, charset)).toBe(expected);
  const decoding = textDecoding(charset);
  let text = '';
  for (const byte of bytes) text += decoding.decode(Uint8Array.of(byte));
  expect(text + decoding.end()).toBe(expected);
});

test('a text that turns out not to be UTF-8 halfway is read on, with nothing lost or doubled', () => {
  const decoding = textDecoding('');
  const text = decoding.decode(Buffer.from('ok é \xc3'.normalize(), 'utf8').subarray(0, 6));
  expect(
    text + decoding.decode(Buffer.from([0xc3])) + decoding.decode(Buffer.from([0x20, 0xe9])) + decoding.end(),
  ).toBe('ok é Ã é');
});

test.each([
  ['<p>Hello <b>wor</b>ld</p><p>again</p>', ' Hello world  again '],
  ['<style>p{}</style><script>x<y</script>text', '  text'],
  ['<head><title>t</title></head>seen', ' seen'],
  ['a<!-- > hidden -->b', 'a b'],
  ['&lt;&auml;&#228;&#xe4;&nbsp;&nosuch;&amp', '<äää &nosuch;&'],
  ['1 < 2', '1 < 2'],
  ['<style>never closed', ' '],
  ['open <a href="x', 'open '],
])('the text of %s', (html, expected) => {
  expect(htmlToText(html)).toBe(expected);
});
