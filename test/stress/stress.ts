// The random stress: many clients in one mailbox, each of which checks every reply; now and then all rest, and what each
// was told must be what is there.
import { seeded } from '#test/support/random.ts';
import { must, Shared } from './model.ts';
import { type Place, StressSession } from './session.ts';

export interface StressOptions extends Place {
  readonly clients: number;
  /** Rounds, after each of which all rest, and commands of each client in a round. */
  readonly rounds: number;
  readonly commands: number;
  readonly seed: number;
  /** Ends after the round in which this time has passed, ms. */
  readonly until?: number;
}

/** Runs it; how many commands were answered. Throws `Inconsistent` with the last lines of the session that saw it. */
export async function stress(options: StressOptions): Promise<{ commands: number; rounds: number }> {
  const random = seeded(options.seed);
  const shared = new Shared();
  const sessions = Array.from({ length: options.clients }, (_, index) => {
    return new StressSession(`s${index}`, options, shared, seeded(Math.floor(random() * 2 ** 32)));
  });
  const begun = performance.now();
  let rounds = 0;
  try {
    await Promise.all(sessions.map((session) => session.open()));
    for (; rounds < options.rounds; rounds++) {
      if (performance.now() - begun > (options.until ?? Number.POSITIVE_INFINITY)) break;
      await Promise.all(
        sessions.map(async (session) => {
          for (let count = 0; count < options.commands; count++) await session.step();
        }),
      );
      const views: string[] = [];
      // The first one's BODY[] or STORE is done by now: nothing changes while they look.
      for (const session of sessions) views.push((await session.settle()).join('\n'));
      must(
        new Set(views).size === 1,
        `sessions see different mailboxes:\n${[...new Set(views)].slice(0, 2).join('\n--\n')}`,
      );
      sameModseqs(sessions);
    }
  } finally {
    for (const session of sessions) session.close();
  }
  return { commands: sessions.reduce((sum, session) => sum + session.commands, 0), rounds };
}

/** At rest, sessions that were told the mod-sequence of a message were told the same (RFC 7162 3.1). */
function sameModseqs(sessions: readonly StressSession[]): void {
  const told = new Map<number, { readonly modseq: number; readonly name: string }>();
  for (const { model } of sessions) {
    for (const { uid, modseq } of model.messages) {
      if (uid === null || modseq === 0) continue;
      const other = told.get(uid);
      if (other === undefined) told.set(uid, { modseq, name: model.name });
      else
        must(other.modseq === modseq, `UID ${uid}: ${other.name} has MODSEQ ${other.modseq}, ${model.name} ${modseq}`);
    }
  }
}
