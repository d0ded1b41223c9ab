// The arguments of LIST: the plain form (RFC 3501 6.3.8) and the extended one (RFC 5258, RFC 9051 6.3.9).

import { LIST_OPTIONS, LIST_PATTERNS } from '../limits.ts';
import { statusItems } from '../status-items.ts';
import { BadCommand } from './errors.ts';
import { metadataNames } from './metadata.ts';
import type { Scanner } from './scanner.ts';

/** What a mailbox must be to be listed. */
export interface ListSelection {
  readonly subscribed: boolean;
  readonly special: boolean;
  /** Parents of those are listed too. */
  readonly recursive: boolean;
}

export interface ListRequest {
  /** Options were given, or a list of patterns: then "" has no special meaning (RFC 5258 3). */
  readonly extended: boolean;
  readonly reference: string;
  /** As they stood on the wire. */
  readonly patterns: readonly string[];
  readonly select: ListSelection;
  /** `\Subscribed` is to be told. */
  readonly subscribed: boolean;
  /** Items of STATUS to be told after each, or null. */
  readonly status: ReadonlySet<string> | null;
  /** Names of annotations to be told after each (RFC 9590). */
  readonly metadata: readonly string[];
  /** The session's rights are to be told after each (RFC 8440). */
  readonly myRights: boolean;
  /** No pattern asks for everything below: names that only lead to others are listed. */
  readonly byLevel: boolean;
}

/** [SP "(" options ")"] SP reference SP patterns [SP "RETURN" SP "(" options ")"], to the end of the command. */
export function listRequest(scanner: Scanner): ListRequest {
  scanner.space();
  const selection = scanner.peek() === '(' ? selectOptions(scanner) : null;
  if (selection !== null) scanner.space();
  const reference = scanner.astring();
  scanner.space();
  const several = scanner.peek() === '(';
  const patterns = several ? listPatterns(scanner) : [scanner.listMailbox()];
  if (several || selection !== null) scanner.needs('LIST-EXTENDED');
  const returns = scanner.peek() === ' ' ? returnOptions(scanner) : null;
  scanner.end();
  const select = selection ?? { subscribed: false, special: false, recursive: false };
  return {
    extended: selection !== null || several || returns !== null,
    ...{ reference, patterns, select },
    // RFC 5258 3.1: who selects by SUBSCRIBED gets the attribute.
    subscribed: select.subscribed || returns?.subscribed === true,
    status: returns?.status ?? null,
    metadata: returns?.metadata ?? [],
    myRights: returns?.myRights ?? false,
    byLevel: !patterns.some((pattern) => pattern.includes('*')),
  };
}

function selectOptions(scanner: Scanner): ListSelection {
  const names = new Set<string>();
  scanner.list(LIST_OPTIONS, () => {
    const name = scanner.atom().toUpperCase();
    // REMOTE asks for mailboxes of other servers too: there are none.
    if (!['SUBSCRIBED', 'REMOTE', 'RECURSIVEMATCH', 'SPECIAL-USE'].includes(name)) {
      throw new BadCommand('Unknown LIST selection option');
    }
    if (name === 'SPECIAL-USE') scanner.needs(name);
    names.add(name);
  });
  const [subscribed, special] = [names.has('SUBSCRIBED'), names.has('SPECIAL-USE')];
  const recursive = names.has('RECURSIVEMATCH');
  // RFC 5258 3.1: alone, or with REMOTE only, it is an error.
  if (recursive && !subscribed && !special) throw new BadCommand('RECURSIVEMATCH needs another selection option');
  return { subscribed, special, recursive };
}

function listPatterns(scanner: Scanner): string[] {
  const patterns: string[] = [];
  scanner.list(LIST_PATTERNS, () => patterns.push(scanner.listMailbox()));
  if (patterns.length === 0) throw new BadCommand('LIST without a pattern');
  return patterns;
}

interface ReturnOptions {
  readonly subscribed: boolean;
  readonly status: ReadonlySet<string> | null;
  readonly metadata: readonly string[];
  readonly myRights: boolean;
}

function returnOptions(scanner: Scanner): ReturnOptions {
  scanner.space();
  if (!scanner.takeWord('RETURN')) throw new BadCommand('Expected RETURN');
  scanner.needs('LIST-EXTENDED');
  scanner.space();
  let subscribed = false;
  let myRights = false;
  let status: ReadonlySet<string> | null = null;
  let metadata: readonly string[] = [];
  scanner.list(LIST_OPTIONS, () => {
    const name = scanner.atom().toUpperCase();
    switch (name) {
      case 'SUBSCRIBED':
        subscribed = true;
        break;
      case 'MYRIGHTS': // RFC 8440 3
        myRights = true;
        break;
      case 'STATUS': // RFC 5819 2
        scanner.needs('LIST-STATUS');
        scanner.space();
        status = statusItems(scanner);
        break;
      case 'METADATA': // RFC 9590 3
        scanner.needs('LIST-METADATA');
        scanner.space();
        metadata = metadataNames(scanner);
        break;
      // These are told whether asked for or not.
      case 'CHILDREN':
        break;
      case 'SPECIAL-USE':
        scanner.needs(name);
        break;
      default:
        throw new BadCommand('Unknown LIST return option');
    }
  });
  return { subscribed, status, metadata, myRights };
}
