// What the search index says of the texts of a SEARCH: it decides about most messages without reading them.

import type { MailAccount, MessageId, TextFinding, TextQuery } from '#storage/ports.ts';
import type { Prepared } from './evaluate.ts';

/** Is this text in this message? Undefined where the message must be looked at. */
export type Indexed = (key: TextKey) => boolean | undefined;

/** A key that looks for a text. */
export type TextKey = Extract<Prepared, { kind: 'text' | 'body' | 'header' }>;

/** Texts of one SEARCH that the index is asked for; what a client asks beyond is looked for in the messages. */
const TEXTS = 32;

interface Sets {
  readonly sure: ReadonlySet<MessageId>;
  readonly maybe: ReadonlySet<MessageId>;
}

/** Answers of the index to the keys of one SEARCH. */
export class IndexAnswers {
  readonly #upTo: MessageId;
  readonly #sets: ReadonlyMap<string, Sets>;

  private constructor(upTo: MessageId, sets: ReadonlyMap<string, Sets>) {
    this.#upTo = upTo;
    this.#sets = sets;
  }

  /** Asks for the texts of these keys; null if the index has nothing to say. */
  static async ask(mail: MailAccount, keys: Iterable<Prepared>, signal: AbortSignal): Promise<IndexAnswers | null> {
    const queries = new Map<string, TextQuery>();
    for (const key of keys) {
      if (isTextKey(key) && key.text !== '' && queries.size < TEXTS) queries.set(name(key), queryOf(key));
    }
    if (queries.size === 0) return null;
    const found = await mail.findText([...queries.values()], signal);
    if (found === null) return null;
    const sets = new Map<string, Sets>();
    for (const [index, key] of [...queries.keys()].entries()) {
      const finding = found.findings[index] ?? null;
      if (finding !== null) sets.set(key, setsOf(finding));
    }
    return new IndexAnswers(found.upTo, sets);
  }

  /** What is known of one message. */
  of(message: MessageId): Indexed | undefined {
    if (message > this.#upTo) return undefined;
    return (key) => {
      const sets = this.#sets.get(name(key));
      if (sets === undefined || sets.maybe.has(message)) return undefined;
      return sets.sure.has(message);
    };
  }
}

function isTextKey(key: Prepared): key is TextKey {
  return key.kind === 'text' || key.kind === 'body' || key.kind === 'header';
}

/** The index knows header fields together: a key for one is asked as a text of any. */
function queryOf({ kind, text }: TextKey): TextQuery {
  return { where: kind, text };
}

function name({ kind, text }: TextKey): string {
  return `${kind} ${text}`;
}

function setsOf({ sure, maybe }: TextFinding): Sets {
  return { sure: new Set(sure), maybe: new Set(maybe) };
}
