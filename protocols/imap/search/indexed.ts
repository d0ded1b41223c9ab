// What the search index says of the texts of a SEARCH: it decides about most messages without reading them.

import type { MailAccount, MessageId, TextFinding, TextQuery } from '#storage/ports.ts';
import { isIndexedField } from '#storage/search/port.ts';
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

  /** Tells which messages a key may match; null if it may be any. */
  mayMatch(key: Prepared): ((message: MessageId) => boolean) | null {
    const sets = this.#sparsest(key);
    if (sets === null) return null;
    const upTo = this.#upTo;
    return (message) => message > upTo || sets.sure.has(message) || sets.maybe.has(message);
  }

  /** What the index knows of the text that is in the fewest messages, of those that must all be there. */
  #sparsest(key: Prepared): Sets | null {
    if (isTextKey(key)) return this.#sets.get(name(key)) ?? null;
    if (key.kind !== 'and') return null;
    const found = key.keys.map((inner) => this.#sparsest(inner)).filter((sets) => sets !== null);
    const size = ({ sure, maybe }: Sets) => sure.size + maybe.size;
    return found.reduce<Sets | null>(
      (least, sets) => (least === null || size(sets) < size(least) ? sets : least),
      null,
    );
  }

  /** How much it says that a message has the word of a fuzzy key. */
  rarity(key: TextKey): number | undefined {
    return this.#sets.get(name(key))?.rarity;
  }
}

function isTextKey(key: Prepared): key is TextKey {
  return key.kind === 'text' || key.kind === 'body' || key.kind === 'header';
}

/** Of a field that the index does not know by itself it is asked for the text in any. */
function queryOf(key: TextKey): TextQuery {
  const { kind, text, fuzzy = false } = key;
  const where = key.kind === 'header' && !fuzzy && isIndexedField(key.field) ? key.field : kind;
  return { where, text, fuzzy };
}

function name(key: TextKey): string {
  const { where, text, fuzzy } = queryOf(key);
  return `${where}${fuzzy ? '~' : ' '}${text}`;
}

function setsOf({ sure, maybe, fuzzy }: TextFinding): Sets {
  const strengths = new Map<MessageId, number>();
  for (const [at, strength] of (fuzzy?.strengths ?? []).entries()) strengths.set(sure[at] ?? 0, strength);
  return { sure: new Set(sure), maybe: new Set(maybe), strengths, rarity: fuzzy?.rarity ?? 1 };
}
