// What the directory's change log says of a change of it.

import { count, type Unit } from '../account/unit.ts';
import { log } from '../changes/log.ts';
import type { Op } from '../operation.ts';
import type { ChangeKind } from '../ports.ts';
import { Collection } from './rows.ts';

/** Logs a change in the class `directory`; what is added or removed is counted. `reader`: the account that it is about. */
export function* logThing(
  unit: Unit,
  thing: keyof typeof Collection,
  kind: ChangeKind,
  object: number,
  name: string,
  reader = '',
): Op<void> {
  yield* log(unit, 'directory', { kind, reason: thing, collection: Collection[thing], object, name, reader });
  if (kind !== 'set') count(unit, kind === 'add' ? 1 : -1, 0);
}
