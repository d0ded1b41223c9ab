// What the commands that name messages have in common.
import { StoreError } from '#storage/errors.ts';
import type { MessageContent } from '#storage/ports.ts';
import type { ReplyWriter } from '../net/reply-writer.ts';
import { parseNumbers } from './grammar.ts';
import { LINES_AT_ONCE } from './limits.ts';
import type { Entry, Maildrop } from './maildrop.ts';
import { MessageWriter, type TopCutter } from './octets.ts';
import type { Session } from './session.ts';

/** The message that the argument names; says so if there is none. */
export function named(session: Session, maildrop: Maildrop, argument: Buffer | null): Entry | undefined {
  const [number] = parseNumbers(argument, 1) ?? [];
  if (number === undefined) {
    session.error('a message number is needed');
    return undefined;
  }
  return existing(session, maildrop, number);
}

/** The message of this number; says so if there is none. */
export function existing(session: Session, maildrop: Maildrop, number: number): Entry | undefined {
  const entry = maildrop.entry(number);
  if (entry === undefined) session.error('no such message');
  return entry;
}

/** A multi-line response with a line for every message that is not marked as deleted. */
export async function listed(
  session: Session,
  maildrop: Maildrop,
  text: string,
  value: (entry: Entry) => string | number,
): Promise<void> {
  const { out } = session.connection;
  await session.multiline(text, async () => {
    for (let number = 1; number <= maildrop.length; number++) {
      const entry = maildrop.entry(number);
      if (entry === undefined) continue;
      out.number(number).text(` ${value(entry)}\r\n`);
      if (number % LINES_AT_ONCE === 0) await session.pace();
    }
    out.text('.\r\n');
  });
}

/**
 * A multi-line response with a message; with a cutter only what it takes. Whatever can fail is read before +OK, so that
 * a body which can't be read is an error and not a broken reply.
 */
export async function sendMessage(
  session: Session,
  maildrop: Maildrop,
  entry: Entry,
  text: string,
  cutter?: TopCutter,
): Promise<void> {
  const content = await maildrop.content(entry);
  if (!writeSmall(session.connection.out, content, text, cutter)) await sendLarge(session, content, text, cutter);
}

/** Writes the whole response at once; false, and nothing written, if the body must be waited for. */
function writeSmall(out: ReplyWriter, content: MessageContent, text: string, cutter?: TopCutter): boolean {
  return content.look(0, content.size, (pieces) => {
    out.text(`+OK ${text}\r\n`);
    const writer = new MessageWriter(out);
    for (const piece of pieces) {
      writer.copy(cutter === undefined ? piece : cutter.cut(piece));
      if (cutter?.done === true) break;
    }
    writer.end();
  });
}

/** What stands in the first line of the reply to RETR. */
function octets(entry: Entry): string {
  return `${entry.octets} octets`;
}

/** The reply to RETR, made before if that was done. */
export async function retrieve(session: Session, maildrop: Maildrop, entry: Entry): Promise<void> {
  if (session.sendPrepared(entry.message)) maildrop.passed(entry);
  else await sendMessage(session, maildrop, entry, octets(entry));
}

/** Makes the reply to RETR of the next message, or reads it, while the peer works on this one. */
export function prepareNext(session: Session, maildrop: Maildrop, entry: Entry): void {
  const next = maildrop.readAhead(entry);
  if (next === undefined) return;
  const { content, entry: after } = next;
  try {
    session.prepare(after.message, (out) => writeSmall(out, content, octets(after)));
  } catch (error) {
    // One that can't be read is told so when it is asked for.
    if (!(error instanceof StoreError)) throw error;
  }
}

/** A large message piece by piece, as fast as the peer reads. */
async function sendLarge(session: Session, content: MessageContent, text: string, cutter?: TopCutter): Promise<void> {
  const pieces = content.read()[Symbol.asyncIterator]();
  try {
    let next = await pieces.next();
    await session.multiline(text, async () => {
      const writer = new MessageWriter(session.connection.out);
      while (next.done !== true) {
        writer.write(cutter === undefined ? next.value : cutter.cut(next.value));
        if (cutter?.done === true) break;
        await session.pace();
        next = await pieces.next();
      }
      writer.end();
    });
  } finally {
    await pieces.return?.();
  }
}
