// `npm run bench [-- smtp outbound imap pop3 server search] [--rounds 3]`: measures Posthuis and, when they are installed, Dovecot and
// Postfix beside it, the two sides taking turns, and writes docs/benchmarks/. bench/README.md says how.
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { fill, LARGE } from './drivers.ts';
import { appendRound, idleMemoryRound, idleRound, latencyRound, loginRound, mailboxRound } from './imap.ts';
import { mixRound } from './mix.ts';
import { outboundRound, waitingRound } from './outbound.ts';
import { fillMaildrop, pop3Round } from './pop3.ts';
import { Report } from './report.ts';
import { SearchRounds } from './search.ts';
import { diskRound, restoreRound, startRound, wrongLoginsRound } from './server.ts';
import {
  type OwnOptions,
  openFolder,
  peersMissing,
  processCounts,
  type Side,
  sampleMailbox,
  startOwn,
  startPeer,
} from './side.ts';
import { smtpRound } from './smtp.ts';

const quiet = '[log]\nlevel = "warn"';
/** What is indexed is not measured, and indexing would fall into the peer's turns. */
const unindexed = `${quiet}\n[search]\nindex_after = 86400`;
const indexed = `${quiet}\n[search]\nindex_after = 1`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string', default: '3' },
    // Of the mailbox that is searched: a smaller one shows in a minute whether the group runs.
    messages: { type: 'string', default: String(LARGE) },
    // The folder in which the mailboxes that are searched stay, so that another run need not fill and index them.
    keep: { type: 'string' },
  },
});
const rounds = Number(values.rounds);
const groups = positionals.length > 0 ? positionals : ['smtp', 'outbound', 'imap', 'pop3', 'server', 'search'];
const missing = peersMissing();
if (missing !== null) console.log(`only Posthuis is measured: ${missing}`);
const scratch = openFolder();

interface SideOptions extends Pick<OwnOptions, 'settings' | 'compiled'> {
  /** The folder in which both sides' data stays, for another run. */
  readonly keep?: string | undefined;
}

/** Starts both sides, lets them take turns, and writes the group's page. */
async function sides(
  title: string,
  round: (side: Side, as: 'own' | 'peer', report: Report) => Promise<void>,
  prepare?: (own: Side, peer: Side | null) => Promise<unknown>,
  { settings = unindexed, compiled = false, keep }: SideOptions = {},
) {
  const report = new Report(title);
  const kept = (name: string) => {
    if (keep === undefined) return undefined;
    const folder = join(keep, name);
    mkdirSync(folder, { recursive: true });
    // Other users reach it, as which the peer's processes run.
    for (const one of [keep, folder]) chmodSync(one, 0o755);
    return folder;
  };
  await using own = await startOwn({ settings, kept: kept('own'), compiled });
  await using stack = new AsyncDisposableStack();
  const peer = missing === null ? stack.use(await startPeer('sdbox', kept('peer'))) : null;
  await prepare?.(own, peer);
  report.note(`${rounds} rounds, taking turns; driver and server share the cores`);
  for (let number = 0; number < rounds; number += 1) {
    for (const [side, as] of [
      [own, 'own'],
      [peer, 'peer'],
    ] as const) {
      if (side === null) continue;
      // What the other side left to be written would fall into this side's syncs.
      execFileSync('sync');
      await round(side, as, report);
      const { processes, threads } = processCounts(side);
      if (number === 0)
        report.note(`${side.version}: ${processes} processes, ${threads} threads after the first round`);
    }
  }
  return report;
}

/** The same for one side after the other. */
function each(prepare: (side: Side) => Promise<unknown>) {
  return async (own: Side, peer: Side | null) => {
    for (const side of [own, peer]) if (side !== null) await prepare(side);
  };
}

const benchmarks: Record<string, () => Promise<Report>> = {
  smtp: () => sides('SMTP', smtpRound),
  outbound: async () => {
    const report = new Report('Outbound');
    report.note(`${rounds} rounds, taking turns; sender and sink share the cores`);
    for (let number = 0; number < rounds; number += 1) {
      await outboundRound('own', report);
      if (missing === null) await outboundRound('peer', report);
    }
    await waitingRound(report);
    return report;
  },
  imap: async () => {
    const sample = sampleMailbox(scratch, 600);
    const report = await sides(
      'IMAP',
      async (side, as, report) => {
        await appendRound(side, as, report);
        await loginRound(side, as, report);
        await mixRound(side, as, report, sample);
        await mailboxRound(side, as, report);
        await latencyRound(side, as, report);
        await idleRound(side, as, report);
      },
      each((side) => fill(side, sample)),
    );
    await idleMemoryRound(report, sample);
    return report;
  },
  search: () => {
    const sample = sampleMailbox(scratch, 600);
    const searches = new SearchRounds(Number(values.messages));
    return sides(
      'Search',
      (side, as, report) => searches.round(side, as, report),
      (own, peer) => searches.prepare(own, peer, sample),
      { settings: indexed, compiled: true, keep: values.keep },
    );
  },
  pop3: () =>
    sides(
      'POP3',
      pop3Round,
      each((side) => fillMaildrop(side, sampleMailbox(scratch, 600))),
    ),
  server: async () => {
    const report = await sides('Server', wrongLoginsRound);
    for (let number = 0; number < rounds; number += 1) await startRound(report);
    await restoreRound(report, scratch);
    await diskRound(report, scratch, missing === null);
    return report;
  },
};

try {
  const missed: string[] = [];
  for (const name of groups) {
    const benchmark = benchmarks[name];
    if (benchmark === undefined)
      throw new Error(`no benchmark is called ${name}: ${Object.keys(benchmarks).join(', ')}`);
    const report = await benchmark();
    // Without rounds it only fills what is kept.
    if (rounds > 0) missed.push(...report.write());
  }
  for (const line of missed) console.log(`missed by more than a tenth: ${line}`);
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
