// What the search index says of the texts of a SEARCH: it decides about most messages without reading them.

import type { MailAccount, MessageId, TextFinding, TextQuery } from '#storage/ports.ts';
import type { Prepared } from './evaluate.ts';

/** What is known of one message. */
export interface Indexed {
  /** Is this text in it? Undefined where the message must be looked at. */
  holds(key: TextKey): boolean | undefined;
  /** How strongly it has the word of a fuzzy key, where that is known. */
  strength(key: TextKey): number | undefined;
}

/** A key that looks for a text. */
export type TextKey = Extract<Prepared, { kind: 'text' | 'body' | 'header' }>;

/** Texts of one SEARCH that the index is asked for; what a client asks beyond is looked for in the messages. */
const TEXTS = 32;

interface Sets {
  readonly sure: ReadonlySet<MessageId>;
  readonly maybe: ReadonlySet<MessageId>;
  readonly strengths: ReadonlyMap<MessageId, number>;
  readonly rarity: number;
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
    return {
      holds: (key) => {
        const sets = this.#sets.get(name(key));
        if (sets === undefined || sets.maybe.has(message)) return undefined;
        return sets.sure.has(message);
      },
      strength: (key) => this.#sets.get(name(key))?.strengths.get(message),
    };
  }

  /** How much it says that a message has the word of a fuzzy key. */
  rarity(key: TextKey): number | undefined {
    return this.#sets.get(name(key))?.rarity;
  }
}

function isTextKey(key: Prepared): key is TextKey {
  return key.kind === 'text' || key.kind === 'body' || key.kind === 'header';
}

/** The index knows header fields together: a key for one is asked as a text of any. */
function queryOf({ kind, text, fuzzy = false }: TextKey): TextQuery {
  return { where: kind, text, fuzzy };
}

function name({ kind, text, fuzzy = false }: TextKey): string {
  return `${kind}${fuzzy ? '~' : ' '}${text}`;
}

function setsOf({ sure, maybe, fuzzy }: TextFinding): Sets {
  const strengths = new Map<MessageId, number>();
  for (const [at, strength] of (fuzzy?.strengths ?? []).entries()) strengths.set(sure[at] ?? 0, strength);
  return { sure: new Set(sure), maybe: new Set(maybe), strengths, rarity: fuzzy?.rarity ?? 1 };
}
