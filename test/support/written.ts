// What a function writes into a reply, as text.
import { ReplyWriter } from '#protocols/net/reply-writer.ts';

export function written(write: (out: ReplyWriter) => void): string {
  let text = '';
  const out = new ReplyWriter((chunk) => {
    text += chunk.toString('latin1');
  });
  write(out);
  out.flush();
  return text;
}
