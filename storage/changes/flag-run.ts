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
export function flagRun({ action, flags, only = ALL_FLAGS }: Omit<FlagChange, 'keywords'>): FlagRun {
  const named = flags & only & ALL_FLAGS;
  if (action === 'replace') return { keep: ALL_FLAGS & ~only, set: named };
  return action === 'add' ? { keep: ALL_FLAGS, set: named } : { keep: ALL_FLAGS & ~named, set: 0 };
}

/** The name of a run in which every message that was there was changed by this rule, and nothing but this. */
export function flagRunName({ action, flags, only = ALL_FLAGS }: Omit<FlagChange, 'keywords'>): string {
  return `${action === 'add' ? '+' : '-'}${flags & only}`;
}

/** What a change row says of its run; null where only the rows themselves say it. */
export function readFlagRun({ kind, reason, name }: ChangeRow): FlagRun | null {
  if (kind !== 'set' || reason !== 'flags' || name === '') return null;
  return flagRun({ action: name.startsWith('+') ? 'add' : 'remove', flags: Number(name.slice(1)) });
}
