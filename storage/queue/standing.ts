// How an account's mail fares on other servers: of whom a fifth of the last fifty recipients refused it for good, his mail
// is held until an administrator has looked. It is what a stolen password looks like from outside.

import { type Op, one, run } from '../operation.ts';
import { OUTCOMES, REFUSALS } from './limits.ts';

interface StandingRow {
  readonly outcomes: string;
  readonly held: number;
}

export function* standingOf(owner: string): Op<StandingRow | undefined> {
  return yield* one<StandingRow>('SELECT outcomes, held FROM standing WHERE owner = $1', [owner]);
}

/** Notes what became of some recipients, in their order: true was taken. `now` in unix ms. */
export function* noteOutcomes(owner: string, taken: readonly boolean[], now: number): Op<void> {
  const before = yield* standingOf(owner);
  const outcomes = `${before?.outcomes ?? ''}${taken.map((yes) => (yes ? '+' : '-')).join('')}`.slice(-OUTCOMES);
  const refused = outcomes.replaceAll('+', '').length;
  const bad = outcomes.length === OUTCOMES && refused >= REFUSALS;
  const held = (before?.held ?? 0) > 0 ? (before?.held ?? 0) : bad ? now : 0;
  yield* run(
    `INSERT INTO standing (owner, outcomes, held) VALUES ($1, $2, $3)
     ON CONFLICT (owner) DO UPDATE SET outcomes = excluded.outcomes, held = excluded.held`,
    [owner, outcomes, held],
  );
}

/** Begins anew; whether its mail was held. */
export function* forgive(owner: string): Op<boolean> {
  yield* run(`UPDATE counter SET modseq = modseq + 1 WHERE account = 'queue'`);
  const row = yield* one<{ held: number }>('DELETE FROM standing WHERE owner = $1 RETURNING held', [owner]);
  return (row?.held ?? 0) > 0;
}
