// Binary parts become base64 in bounded memory, whatever stands in front of them.
import { expect, test } from 'vitest';
import { binaryEdits, withoutBinary } from '#storage/message/binary-parts.ts';
import { HEADER_BYTES } from '#storage/message/limits.ts';
import { temporaryFolder } from '#test/support/folder.ts';
import { openSqlStore } from '#test/support/sql-store.ts';

test('a part with a header block of megabytes is never held as a whole, and loses nothing', async () => {
  await using folder = await temporaryFolder();
  await using store = await openSqlStore(folder.path);
  await using staging = store.stage({ maxBytes: 10_000_000 });
  const long = `X-Long: ${'x'.repeat(900)}\r\n`.repeat(4_000);
  const whole = (encoding: string, body: string) =>
    `Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Transfer-Encoding: ${encoding}\r\n${long}\r\n${body}--b--\r\n`;
  await staging.write(Buffer.from(whole('binary', 'a\0b\r\n')));
  await using staged = await staging.finish();
  const edits = await binaryEdits(staged);
  if (edits === null) throw new Error('nothing of it is signed');
  const pieces = await Array.fromAsync(withoutBinary(staged, edits));
  expect(Math.max(...pieces.map(({ length }) => length))).toBeLessThanOrEqual(HEADER_BYTES);
  expect(Buffer.concat(pieces).toString()).toBe(whole('base64', 'YQBi\r\n\r\n'));
});
