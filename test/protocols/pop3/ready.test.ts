// Replies made before they are asked for: so many and no more, sent as they were made, their buffers used again.
import { expect, test } from 'vitest';
import { OutputBuffers } from '#protocols/net/output-buffers.ts';
import { ReplyWriter } from '#protocols/net/reply-writer.ts';
import { READY_REPLIES } from '#protocols/pop3/limits.ts';
import { ReadyReplies, type ReadyReply } from '#protocols/pop3/ready.ts';

test('a reply that was made is sent after what is pending, and what it was written in can be used again', () => {
  const buffers = new OutputBuffers();
  const ready = new ReadyReplies(buffers);
  const body = Buffer.alloc(100_000, 'x');
  const reply = ready.make(1, (out) => {
    out.text('+OK\r\n').copy(body);
    return true;
  });
  body.fill('y');
  const sent: Buffer[] = [];
  const lents: (Buffer | null)[] = [];
  const out = new ReplyWriter((chunk, lent) => {
    sent.push(Buffer.from(chunk));
    lents.push(lent);
  }, buffers);
  out.text('before\r\n');
  ready.send(reply as ReadyReply, out);
  expect(Buffer.concat(sent).toString()).toBe(`before\r\n+OK\r\n${'x'.repeat(100_000)}`);
  expect(lents.filter((lent) => lent !== null)).toHaveLength(2);
});

test('no more than the limit are held; one that is sent or dropped makes room, one that could not be made takes none', () => {
  const ready = new ReadyReplies(new OutputBuffers());
  const make = (done = true) => ready.make(1, (out) => out.text('+OK\r\n') !== undefined && done);
  expect(make(false)).toBeNull();
  expect(() =>
    ready.make(1, () => {
      throw new Error('damaged');
    }),
  ).toThrow('damaged');
  const held = Array.from({ length: READY_REPLIES }, () => make());
  expect(held.every((reply) => reply !== null)).toBe(true);
  expect(make()).toBeNull();
  ready.drop(held[0] as ReadyReply);
  expect(make()).not.toBeNull();
  expect(make()).toBeNull();
  ready.send(held[1] as ReadyReply, new ReplyWriter(() => undefined));
  expect(make()).not.toBeNull();
});
