// What a change row of kind `set` may say in its name: how a whole run of messages changed their flags. Whoever holds the
// flags of these messages as they were can change them too, instead of reading 100,000 rows again.

import type { ChangeRow, FlagChange } from '../ports.ts';

/** New flags are (old & keep) | set. */
export interface FlagRun {
  readonly keep: number;
  readonly set: number;
}

/** Every bit of Flag. */
export const ALL_FLAGS = 31;

/** What a change that leaves keywords alone does to flags. */
export function flagRun({ action, flags }: Pick<FlagChange, 'action' | 'flags'>): FlagRun {
  if (action === 'replace') return { keep: 0, set: flags & ALL_FLAGS };
  return action === 'add' ? { keep: ALL_FLAGS, set: flags & ALL_FLAGS } : { keep: ALL_FLAGS & ~flags, set: 0 };
}

/** The name of a run in which every message that was there was changed by this rule, and nothing but this. */
export function flagRunName({ action, flags }: Pick<FlagChange, 'action' | 'flags'>): string {
  return `${action === 'add' ? '+' : '-'}${flags}`;
}

/** What a change row says of its run; null where only the rows themselves say it. */
export function readFlagRun({ kind, reason, name }: ChangeRow): FlagRun | null {
  if (kind !== 'set' || reason !== 'flags' || name === '') return null;
  return flagRun({ action: name.startsWith('+') ? 'add' : 'remove', flags: Number(name.slice(1)) });
}
