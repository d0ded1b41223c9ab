// The index that our exports as .eml files (folder or zip) have beside them: what a message file can't say itself.
// A line of JSON for each folder and each message.

import { type LinePart, LineSplitter } from './lines.ts';
import { isCount, isReceived, isTexts } from './mbox-status.ts';
import type { Received } from './pieces.ts';

/** Its name, at the root of the export. */
export const INDEX_FILE = 'posthuis-index.jsonl';

/** A line of it. */
export type IndexLine =
  | { readonly folder: readonly string[]; readonly directory: string }
  | {
      readonly file: string;
      readonly flags: number;
      readonly keywords: readonly string[];
      readonly received: Received;
    };

export interface Index {
  /** By directory: the folder's levels, spelled as they were. */
  readonly folders: ReadonlyMap<string, readonly string[]>;
  /** By file. */
  readonly messages: ReadonlyMap<string, Extract<IndexLine, { file: string }>>;
}

/** Lines in one index, as many as files in an import. */
const MAX_LINES = 2_000_000;

/** Reads an index; lines that are none of ours are passed over. */
export async function readIndex(source: AsyncIterable<Uint8Array>): Promise<Index> {
  const folders = new Map<string, readonly string[]>();
  const messages = new Map<string, Extract<IndexLine, { file: string }>>();
  const take = ({ bytes }: LinePart): void => {
    const line = parseLine(bytes.toString());
    if (line === null || folders.size + messages.size >= MAX_LINES) return;
    if ('file' in line) messages.set(line.file, line);
    else folders.set(line.directory, line.folder);
  };
  const splitter = new LineSplitter();
  for await (const chunk of source) for (const line of splitter.add(chunk)) take(line);
  for (const line of splitter.end()) take(line);
  return { folders, messages };
}

function parseLine(text: string): IndexLine | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  if (typeof value !== 'object' || value === null) return null;
  const { folder, directory, file, flags, keywords, received } = value as Record<string, unknown>;
  if (typeof file === 'string' && isCount(flags) && isTexts(keywords) && isReceived(received)) {
    return { file, flags, keywords, received };
  }
  return typeof directory === 'string' && isTexts(folder) && folder.length > 0 ? { folder, directory } : null;
}
