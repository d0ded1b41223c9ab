// A message that is too large for one request of Microsoft Graph: a draft is made of it without its large attachments,
// these are added one by one, the largest in pieces, and then the draft is sent. It needs the permission Mail.ReadWrite.
// (learn.microsoft.com, "Attach large files to Outlook messages or events", "Create message", "message: send"; 11/2026)

import { HttpFailure, type HttpReply } from '#protocols/http/client.ts';
import type { Apart, TakenApart } from './apart.ts';
import { GRAPH_BYTES, GRAPH_PIECE_BYTES } from './limits.ts';

/** How Graph is asked. */
export interface GraphCalls {
  /** Below the mailbox, with the token. */
  ask(method: 'POST' | 'DELETE', path: string, type: string, body: string): Promise<HttpReply>;
  /** At a place that Graph has named, without it. */
  put(url: URL, piece: Uint8Array, range: string): Promise<HttpReply>;
  /** A remark in the transcript. */
  note(text: string): void;
}

/** Remembers, over restarts, what was begun in the mailbox and may still be there. */
export interface DraftKeeper {
  known(): Promise<readonly string[]>;
  note(draft: string, there: boolean): Promise<void>;
}

/** The answer to the request that sends it (202), or to the one that was refused. Rejects with HttpFailure. */
export async function sendLarge(
  calls: GraphCalls,
  { rest, attachments }: TakenApart,
  drafts: DraftKeeper,
): Promise<HttpReply> {
  // One is sent at a time: whatever is known was interrupted, or it is not known whether it was sent. What was sent has
  // another id since, so that only what is still a draft goes.
  for (const draft of await drafts.known()) if (await remove(calls, draft)) await drafts.note(draft, false);
  const made = await calls.ask('POST', 'messages', 'text/plain', Buffer.from(rest).toString('base64'));
  if (made.status !== 201) return made;
  const id = field(made, 'id');
  if (id === '') return { ...made, status: 500, text: '' };
  const draft = `messages/${encodeURIComponent(id)}`;
  await drafts.note(draft, true);
  let complete = false;
  let reply: HttpReply;
  try {
    const refused = await attachAll(calls, draft, attachments);
    complete = refused === null;
    reply = refused ?? (await calls.ask('POST', `${draft}/send`, 'text/plain', ''));
    // Nobody knows whether it was sent: the draft is left as it is, until the next attempt.
    if (complete && reply.status >= 500) return reply;
  } catch (error) {
    if (!(error instanceof HttpFailure) || (complete && error.sent)) throw error;
    if (await remove(calls, draft)) await forget(calls, drafts, draft);
    throw error;
  }
  if (reply.status === 202 || (await remove(calls, draft))) await forget(calls, drafts, draft);
  return reply;
}

/** What became of the message is known; that the draft is gone is found out again, if it can't be written down. */
async function forget(calls: GraphCalls, drafts: DraftKeeper, draft: string): Promise<void> {
  try {
    await drafts.note(draft, false);
  } catch (error) {
    calls.note(`a draft could not be forgotten: ${error instanceof Error ? error.message : ''}`);
  }
}

/** The first refusal; null if all are there. */
async function attachAll(calls: GraphCalls, draft: string, attachments: readonly Apart[]): Promise<HttpReply | null> {
  for (const attachment of attachments) {
    const content = attachment.content();
    const small = content.length < GRAPH_BYTES;
    const refused = await (small ? attachWhole : attachInPieces)(calls, draft, attachment, content);
    if (refused !== null) return refused;
  }
  return null;
}

async function attachWhole(calls: GraphCalls, draft: string, { name, type, id, inline }: Apart, content: Uint8Array) {
  const attachment = {
    ...{ '@odata.type': '#microsoft.graph.fileAttachment', name, contentType: type, isInline: inline },
    ...{ ...(id !== '' && { contentId: id }), contentBytes: Buffer.from(content).toString('base64') },
  };
  const reply = await calls.ask('POST', `${draft}/attachments`, 'application/json', JSON.stringify(attachment));
  return reply.status === 201 ? null : reply;
}

async function attachInPieces(
  calls: GraphCalls,
  draft: string,
  { name, type, id, inline }: Apart,
  content: Uint8Array,
): Promise<HttpReply | null> {
  const item = {
    ...{ attachmentType: 'file', name, size: content.length, contentType: type, isInline: inline },
    ...(id !== '' && { contentId: id }),
  };
  const body = JSON.stringify({ AttachmentItem: item });
  const begun = await calls.ask('POST', `${draft}/attachments/createUploadSession`, 'application/json', body);
  if (begun.status !== 201 && begun.status !== 200) return begun;
  const url = URL.parse(field(begun, 'uploadUrl'));
  if (url === null) return { ...begun, status: 500, text: '' };
  for (let at = 0; at < content.length; at += GRAPH_PIECE_BYTES) {
    const piece = content.subarray(at, at + GRAPH_PIECE_BYTES);
    const reply = await calls.put(url, piece, `bytes ${at}-${at + piece.length - 1}/${content.length}`);
    if (reply.status < 200 || reply.status > 299) return reply;
  }
  return null;
}

/** Nothing is left behind in the mailbox, if it can be: true if it is gone, or can't be taken away at all. */
async function remove(calls: GraphCalls, draft: string): Promise<boolean> {
  try {
    const { status } = await calls.ask('DELETE', draft, 'text/plain', '');
    if (status < 500 && status !== 401 && status !== 429) return true;
    calls.note(`a draft is left behind for now: ${status}`);
  } catch (error) {
    if (!(error instanceof HttpFailure)) throw error;
    calls.note(`a draft is left behind for now: ${error.message}`);
  }
  return false;
}

function field({ text }: HttpReply, name: string): string {
  try {
    const said = JSON.parse(text) as Record<string, unknown> | null;
    const value = said?.[name];
    return typeof value === 'string' ? value : '';
  } catch (error) {
    if (error instanceof SyntaxError) return '';
    throw error;
  }
}
