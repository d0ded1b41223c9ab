// One message to some recipients of one server (RFC 5321 3.3), with a result for each of them. Commands go ahead of
// their replies where the server allows it (RFC 2920), and the content by BDAT where it does (RFC 3030).

import { Disconnected } from '#protocols/net/connection.ts';
import { type Chunk, chunksOf, knowsNoChunks, sendChunk, sendChunks } from './chunks.ts';
import { DotStuffer } from './dots.ts';
import { mailCommand, needsUtf8, type OutgoingEnvelope, type OutgoingRecipient, rcptCommand } from './envelope.ts';
import { PIPELINED, TOGETHER_OCTETS } from './limits.ts';
import { formatReply, type ServerReply } from './reply.ts';
import { type Session, SessionFailure } from './session.ts';

export interface Outgoing {
  readonly envelope: OutgoingEnvelope;
  readonly recipients: readonly OutgoingRecipient[];
  /** The bytes; opened once the server is ready for them. */
  content(): AsyncIterable<Uint8Array>;
  /** The same in seven bits (RFC 6152 3), for a server without 8BITMIME; null if it can't be. */
  sevenBit?(): Promise<SevenBit | null>;
}

/** A message that was converted, to be disposed of when it is sent. */
export interface SevenBit extends AsyncDisposable {
  readonly size: number;
  content(): AsyncIterable<Uint8Array>;
}

export interface TransactionResult {
  /** For each recipient, in order: its refusal, or what became of the message. */
  readonly replies: readonly ServerReply[];
  /** The server makes the delivery reports that were asked for (RFC 3461 5). */
  readonly dsn: boolean;
}

/**
 * Hands a message over. What a server refuses is a result; a session that breaks off rejects with SessionFailure: then
 * nobody has been told 250, and every recipient is to be tried again.
 */
export async function transact(session: Session, outgoing: Outgoing): Promise<TransactionResult> {
  if (outgoing.envelope.eightBit && !session.extensions.has('8BITMIME')) {
    await using converted = (await outgoing.sevenBit?.()) ?? null;
    if (converted !== null) {
      const envelope = { ...outgoing.envelope, eightBit: false, size: converted.size };
      return await transactAs(session, { ...outgoing, envelope, content: () => converted.content() });
    }
  }
  return await transactAs(session, outgoing);
}

async function transactAs(session: Session, outgoing: Outgoing): Promise<TransactionResult> {
  const dsn = session.extensions.has('DSN');
  const { envelope, recipients } = outgoing;
  const utf8 = needsUtf8(envelope, recipients);
  // RFC 8689 2: what is offered without TLS counts for nothing.
  const offered = new Map(session.extensions);
  if (session.tls === null) offered.delete('REQUIRETLS');
  const mail = mailCommand(envelope, offered, utf8);
  if (typeof mail !== 'string') return { replies: recipients.map(() => mail), dsn };
  const speaks = utf8 && session.extensions.has('SMTPUTF8');
  const commands = recipients.map((recipient) => rcptCommand(recipient, session.extensions, speaks));
  if (!commands.some((command) => typeof command === 'string')) return { replies: commands as ServerReply[], dsn };
  const { refused, replies, end } = await (session.takesChunks ? byChunks : byData)(session, mail, commands, outgoing);
  if (refused !== null) {
    return { replies: commands.map((command) => (typeof command === 'string' ? refused : command)), dsn };
  }
  const outcome = end === null || end.code < 300 ? end : refusalOf(end);
  return { replies: replies.map((reply) => (reply.code < 300 && outcome !== null ? outcome : reply)), dsn };
}

interface Ended {
  /** MAIL was refused. */
  readonly refused: ServerReply | null;
  /** To each RCPT, our own refusals among them. */
  readonly replies: readonly ServerReply[];
  /** To the message, or to DATA if it was refused; null: nothing was sent, since nobody was taken. */
  readonly end: ServerReply | null;
}

async function byData(session: Session, mail: string, commands: Commands, outgoing: Outgoing): Promise<Ended> {
  const pipelined = session.extensions.has('PIPELINING');
  const { refused, replies, ready } = await (pipelined ? ahead : inTurn)(session, mail, commands, 'DATA');
  if (refused !== null) return { refused, replies, end: null };
  if (ready === null || ready.code !== 354) {
    await session.ask('RSET');
    return { refused, replies, end: ready === null ? null : refusalOf(ready) };
  }
  // RFC 2920 3.1: a server may say 354 although it has refused everybody; then it gets nothing.
  return { refused, replies, end: await finish(session, isAnybody(replies) ? outgoing.content() : empty()) };
}

async function byChunks(session: Session, mail: string, commands: Commands, outgoing: Outgoing): Promise<Ended> {
  const pipelined = session.extensions.has('PIPELINING');
  const together = pipelined && outgoing.envelope.size <= TOGETHER_OCTETS;
  const [whole = null] = together ? await Array.fromAsync(chunksOf(outgoing.content(), Infinity)) : [];
  let sent = together;
  try {
    const { refused, replies, ready } = await (pipelined ? ahead : inTurn)(session, mail, commands, whole);
    if (refused !== null) return { refused, replies, end: null };
    if (!isAnybody(replies)) {
      await session.ask('RSET');
      return { refused, replies, end: null };
    }
    sent = true;
    const end = ready ?? (await sendChunks(session, outgoing.content()));
    if (!knowsNoChunks(end)) {
      if (!together && end.code >= 300) await session.ask('RSET'); // RFC 3030 2: perhaps not all of it was sent
      return { refused, replies, end };
    }
    session.connection.destroy();
    const text = `the server offers CHUNKING and does not know BDAT: ${formatReply(end)}`;
    throw new SessionFailure('lost', { code: 451, enhanced: '4.5.0', text });
  } catch (error) {
    if (sent && error instanceof SessionFailure && error.kind === 'lost') session.noteChunkFault();
    throw error;
  }
}

function isAnybody(replies: readonly ServerReply[]): boolean {
  return replies.some(({ code }) => code < 300);
}

interface Opened {
  /** MAIL was refused. */
  readonly refused: ServerReply | null;
  /** To each RCPT, our own refusals among them. */
  readonly replies: readonly ServerReply[];
  /** To DATA, or to the message that went together with the recipients; null: not sent. */
  readonly ready: ServerReply | null;
}

type Commands = readonly (string | ServerReply)[];

/** What stands behind the recipients: DATA, the whole message, or nothing before they are answered. */
type Next = 'DATA' | Chunk | null;

/** MAIL, RCPT and what is next in groups, their replies afterwards. */
async function ahead(session: Session, mail: string, commands: Commands, next: Next): Promise<Opened> {
  session.send(mail);
  let refused: ServerReply | null = null;
  let told = false;
  const replies: ServerReply[] = [];
  for (let at = 0; at < commands.length; at += PIPELINED) {
    const group = commands.slice(at, at + PIPELINED);
    for (const command of group) if (typeof command === 'string') session.send(command);
    const last = at + PIPELINED >= commands.length;
    if (last && next !== null) {
      if (next === 'DATA') session.send(next);
      else sendChunk(session, next);
    }
    if (!told) {
      const reply = await session.reply();
      told = true;
      if (reply.code >= 300) refused = refusalOf(reply);
    }
    for (const command of group) {
      replies.push(typeof command === 'string' ? recipientReply(await session.reply()) : command);
    }
    if (!last && refused !== null) break;
    if (last && next !== null) {
      const ready = await session.reply(next === 'DATA' ? session.limits.dataMs : session.limits.endMs);
      if (refused !== null && next === 'DATA' && ready.code === 354) await finish(session, empty());
      return { refused, replies, ready };
    }
  }
  return { refused, replies, ready: null };
}

/** One command at a time. */
async function inTurn(session: Session, mail: string, commands: Commands, next: Next): Promise<Opened> {
  const reply = await session.ask(mail);
  if (reply.code >= 300) return { refused: refusalOf(reply), replies: [], ready: null };
  const replies: ServerReply[] = [];
  for (const command of commands) {
    replies.push(typeof command === 'string' ? recipientReply(await session.ask(command)) : command);
  }
  if (next !== 'DATA' || !isAnybody(replies)) return { refused: null, replies, ready: null };
  return { refused: null, replies, ready: await session.ask(next, session.limits.dataMs) };
}

/** The content and its final dot, and what is said to it. */
async function finish(session: Session, content: AsyncIterable<Uint8Array>): Promise<ServerReply> {
  const { connection, limits } = session;
  const dots = new DotStuffer();
  let bytes = 0;
  const late = setTimeout(() => connection.destroy(), limits.contentMs);
  try {
    for await (const chunk of content) {
      for (const piece of dots.encode(chunk)) {
        connection.out.bytes(piece);
        bytes += piece.length;
      }
      if (connection.congested) await connection.drain();
    }
    connection.out.text(dots.end());
  } catch (error) {
    // Without its dot nothing counts; the connection can't be used any more.
    connection.destroy();
    if (error instanceof Disconnected) {
      throw new SessionFailure('lost', {
        code: 451,
        enhanced: '4.4.2',
        text: 'the connection broke off in the message',
      });
    }
    throw error;
  } finally {
    clearTimeout(late);
  }
  session.transcript.note(`the message, ${bytes} bytes`);
  return session.reply(limits.endMs);
}

async function* empty(): AsyncGenerator<Uint8Array> {}

/** What a reply to MAIL or DATA means when it is none that was hoped for. */
function refusalOf(reply: ServerReply): ServerReply {
  if (reply.code >= 400) return reply;
  return { code: 451, enhanced: '4.5.0', text: `an answer that makes no sense: ${reply.code} ${reply.text}` };
}

/** To RCPT: any 25x is a yes (RFC 5321 3.3). RFC 5321 4.5.3.1.10: 552 for too many recipients is a 452. */
function recipientReply(reply: ServerReply): ServerReply {
  if (reply.code === 552 && reply.enhanced === '5.5.3') return { ...reply, code: 452, enhanced: '4.5.3' };
  return reply.code >= 300 ? refusalOf(reply) : reply;
}
