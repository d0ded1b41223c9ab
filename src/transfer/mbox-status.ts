// Flags in mbox files: the headers that mail programs keep them in, and our own, which keeps everything.

import { fields, fieldValue, latin1 } from '#storage/message/headers.ts';
import { Flag } from '#storage/ports.ts';
import type { Received } from './pieces.ts';

/** The first header line of each message in an mbox that we wrote; `lines` more lines after it are ours too. */
export const OWN_HEADER = 'X-Posthuis-Export';

export interface OwnStatus {
  readonly folder: readonly string[];
  readonly flags: number;
  readonly keywords: readonly string[];
  readonly received: Received;
  /** Header lines of ours that follow, for other programs. */
  readonly lines: number;
  /** The lines' ends are those of the message; else each LF stands for CRLF. */
  readonly raw: boolean;
  /** The message does not end with a line end. */
  readonly open: boolean;
}

/** Headers that belong to the mbox file and not to the message. */
const OF_THE_FILE = new Set([
  ...['status', 'x-status', 'x-keywords', 'x-uid', 'x-imap', 'x-imapbase', 'content-length'],
  ...['x-mozilla-status', 'x-mozilla-status2', 'x-mozilla-keys'],
]);

export interface ForeignStatus {
  readonly flags: number;
  readonly keywords: readonly string[];
  /** Deleted for good in the program that wrote the file, or the note that some programs keep as the first message. */
  readonly gone: boolean;
  /** The header without what belongs to the file. */
  readonly header: Buffer;
}

/** Reads and takes out the flags of a header block in an mbox of another program. */
export function foreignStatus(header: Buffer): ForeignStatus {
  const block = latin1(header);
  const kept: Buffer[] = [];
  const values = new Map<string, string>();
  let from = 0;
  for (const field of fields(block)) {
    if (!OF_THE_FILE.has(field.name)) continue;
    values.set(field.name, fieldValue(block, field));
    kept.push(header.subarray(from, field.start));
    from = field.end;
  }
  kept.push(header.subarray(from));
  const mozilla = Number.parseInt(values.get('x-mozilla-status') ?? '0', 16) || 0;
  const status = `${values.get('status') ?? ''}${values.get('x-status') ?? ''}`;
  const keywords = `${values.get('x-keywords') ?? ''} ${values.get('x-mozilla-keys') ?? ''}`.split(/[\s,]+/);
  if (mozilla & 0x1000) keywords.push('$Forwarded');
  return {
    flags: letterFlags(status) | mozillaFlags(mozilla),
    keywords: [...new Set(keywords)].filter((keyword) => keyword !== ''),
    gone: (mozilla & 0x0008) !== 0 || values.has('x-imap') || (values.has('x-imapbase') && isNote(block)),
    header: Buffer.concat(kept),
  };
}

/** c-client and Dovecot write a first message that is no mail. */
function isNote(block: string): boolean {
  return /^Subject: DON'T DELETE THIS MESSAGE -- FOLDER INTERNAL DATA/m.test(block);
}

function letterFlags(letters: string): number {
  let flags = 0;
  if (letters.includes('R')) flags |= Flag.seen;
  if (letters.includes('A')) flags |= Flag.answered;
  if (letters.includes('F')) flags |= Flag.flagged;
  if (letters.includes('D')) flags |= Flag.deleted;
  if (letters.includes('T')) flags |= Flag.draft;
  return flags;
}

/** Mozilla's nsMsgMessageFlags. */
function mozillaFlags(status: number): number {
  return (status & 1 ? Flag.seen : 0) | (status & 2 ? Flag.answered : 0) | (status & 4 ? Flag.flagged : 0);
}

/** The header lines that go before a message in an mbox of ours. */
export function ownHeader(status: Omit<OwnStatus, 'lines'>): string {
  const { flags, keywords } = status;
  const letters = [
    [Flag.answered, 'A'],
    [Flag.flagged, 'F'],
    [Flag.draft, 'T'],
    [Flag.deleted, 'D'],
  ] as const;
  const others = [
    `Status: ${flags & Flag.seen ? 'RO' : 'O'}`,
    `X-Status: ${letters.map(([bit, letter]) => (flags & bit ? letter : '')).join('')}`,
    ...(keywords.length > 0 ? [`X-Keywords: ${keywords.join(' ')}`] : []),
  ];
  const own = JSON.stringify({ ...status, lines: others.length } satisfies OwnStatus);
  return `${[`${OWN_HEADER}: ${ascii(own)}`, ...others.map(ascii)].join('\n')}\n`;
}

/** The status of a header line of ours; null if it is none. */
export function parseOwnHeader(line: Buffer): OwnStatus | null {
  const prefix = `${OWN_HEADER}: `;
  if (line.subarray(0, prefix.length).toString('latin1') !== prefix) return null;
  let value: unknown;
  try {
    value = JSON.parse(line.subarray(prefix.length).toString());
  } catch {
    return null; // not ours after all: it stays a header of the message
  }
  return isOwnStatus(value) ? value : null;
}

function isOwnStatus(value: unknown): value is OwnStatus {
  if (typeof value !== 'object' || value === null) return false;
  const { folder, flags, keywords, received, lines, raw, open } = value as Record<string, unknown>;
  return (
    isTexts(folder) &&
    folder.length > 0 &&
    isTexts(keywords) &&
    isCount(flags) &&
    isCount(lines) &&
    lines < 10 &&
    typeof raw === 'boolean' &&
    typeof open === 'boolean' &&
    isReceived(received)
  );
}

/** True for a date as pieces and index files hold it. */
export function isReceived(value: unknown): value is Received {
  if (typeof value !== 'object' || value === null) return false;
  const { seconds, offsetMinutes } = value as Record<string, unknown>;
  return Number.isSafeInteger(seconds) && Number.isInteger(offsetMinutes) && Math.abs(Number(offsetMinutes)) < 24 * 60;
}

/** True for a list of texts. */
export function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}

/** True for a whole number of 0 or more. */
export function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}

/** JSON with nothing but ASCII in it. */
function ascii(json: string): string {
  return json.replace(/[^\x20-\x7e]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
