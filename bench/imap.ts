// IMAP: APPEND, logins, the mailbox of 100,000 messages, and what an idle connection costs.
import { readFileSync, writeFileSync } from 'node:fs';
import { between, seeded } from '#test/support/random.ts';
import { imapbench, LARGE, login, user } from './drivers.ts';
import { idleMemory, logInEverybody } from './idle.ts';
import type { Report, Target } from './report.ts';
import type { Delay, Side } from './side.ts';

export const ratio = (bound: Omit<Target, 'kind'>): Target => ({ kind: 'ratio', ...bound });
const SECONDS = 5;
/** Messages of it that are fetched whole. */
const BODIES = 20_000;
/** Commands that are timed one by one. */
const NOOPS = 2_000;
const FETCHES = 300;

interface Appends {
  readonly [round: string]: {
    readonly per_s: number;
    readonly p50_ms: number;
    readonly p99_ms: number;
    readonly server_cpu_ms_per_msg: number;
  };
}

export async function appendRound(side: Side, as: 'own' | 'peer', report: Report): Promise<void> {
  for (const connections of [1, 20]) {
    await side.delays();
    const result = await imapbench<Appends>(side, 'append', ['--conns', connections, '--secs', SECONDS, '--rounds', 1]);
    const delays = await side.delays();
    const found = result[`conns${connections}_round1`];
    if (found === undefined) throw new Error('imapbench append printed no result');
    const name = `APPEND 8 KB durable, ${connections} ${connections === 1 ? 'connection' : 'connections'}`;
    report.add(name, 'messages/s', ratio({ least: connections === 1 ? 1.2 : 2 }), as, found.per_s, delays);
    report.add(`${name}: CPU`, 'ms/message', null, as, found.server_cpu_ms_per_msg, delays);
    report.add(`${name}: p99`, 'ms', null, as, found.p99_ms, delays);
  }
}

export async function loginRound(side: Side, as: 'own' | 'peer', report: Report): Promise<void> {
  await logInEverybody(side);
  await side.delays();
  const result = await imapbench<{ sessions_per_s: number; server_cpu_ms_per_session: number }>(side, 'login', [
    ...['--conns', 20, '--secs', SECONDS],
  ]);
  const delays = await side.delays();
  report.add('login, select, logout', 'sessions/s', ratio({ least: 3 }), as, result.sessions_per_s, delays);
  report.add('login, select, logout: CPU', 'ms/session', null, as, result.server_cpu_ms_per_session, delays);
}

/** Seconds after each command, in which the event loops' delays are asked for. */
const PAUSE = 0.2;

interface Timing {
  readonly secs: number;
  readonly status: string;
}

/** The commands on the large mailbox that are held to a target, and those that are only watched. */
const COMMANDS: Commands['commands'] = [
  ['select_warm', 'SELECT', ratio({ most: 1 })],
  ['fetch_flags1', 'FETCH 1:* FLAGS', ratio({ most: 1 })],
  ['fetch_uid_flags', 'UID FETCH 1:* FLAGS', ratio({ most: 1 })],
  ['fetch_envelope_warm1', 'FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE)', ratio({ most: 0.15 })],
  ['fetch_bodystructure_warm1', 'FETCH 1:* BODYSTRUCTURE', ratio({ most: 1 })],
  ['store_seen1', 'STORE 1:* +FLAGS (\\Seen)', ratio({ most: 1 })],
  ['store_unseen_silent1', 'STORE 1:* -FLAGS.SILENT (\\Seen)', ratio({ most: 1 })],
  ['status_big', 'STATUS', null],
  ['hdr_fields_tb_warm', 'FETCH 1:* of the header fields that Thunderbird asks for', ratio({ most: 1 })],
  ['sort_date2', 'SORT (REVERSE DATE)', ratio({ most: 1 })],
  ['sort_subject', 'SORT (SUBJECT)', ratio({ most: 1 })],
  ['thread_refs2', 'THREAD REFERENCES', ratio({ most: 1 })],
  ['bodies1', `FETCH 1:${BODIES} BODY.PEEK[]`, ratio({ most: 1 })],
];

export async function mailboxRound(side: Side, as: 'own' | 'peer', report: Report): Promise<void> {
  await commandsRound(side, as, report, {
    commands: COMMANDS,
    only: 'fetch_|store_|status_big|hdr_fields|bodies|sort_|thread_',
  });
}

/** Which commands on the large mailbox are timed, and as what they are reported. */
interface Commands {
  readonly commands: readonly (readonly [key: string, name: string, target: Target | null])[];
  /** imapbench's names of them, as a pattern. */
  readonly only: string;
}

async function commandsRound(
  side: Side,
  as: 'own' | 'peer',
  report: Report,
  { commands, only }: Commands,
): Promise<void> {
  await side.delays();
  const args = ['--user', user(side, 1), '--bodies', BODIES, '--only', only, '--pause', PAUSE];
  const asked: Promise<unknown>[] = [];
  const delays = new Map<string, Delay[]>();
  const result = await imapbench<Record<string, Timing>>(side, 'mailbox', args, (name) => {
    asked.push(side.delays().then((since) => delays.set(name, since)));
  });
  await Promise.all(asked);
  for (const [key, name, target] of commands) {
    const timing = result[key];
    if (timing?.status !== 'OK') throw new Error(`${side.name}: ${name} was answered ${timing?.status}`);
    report.add(`${LARGE.toLocaleString('en')} messages: ${name}`, 's', target, as, timing.secs, delays.get(key));
  }
}

/** One command after the other: what a round trip costs. */
export async function latencyRound(side: Side, as: 'own' | 'peer', report: Report): Promise<void> {
  const client = await login(side, 1);
  await client.ok('EXAMINE big');
  const random = seeded(1);
  await side.delays();
  const each = async (count: number, command: () => string) => {
    const begun = performance.now();
    for (let done = 0; done < count; done += 1) await client.ok(command());
    return (performance.now() - begun) / count;
  };
  const noop = await each(NOOPS, () => 'NOOP');
  report.add('NOOP', 'commands/s', ratio({ least: 1 }), as, 1_000 / noop);
  const fetch = await each(FETCHES, () => `FETCH ${between(random, 1, LARGE)} (UID FLAGS BODY.PEEK[])`);
  report.add('FETCH of one message', 'ms', ratio({ most: 1 }), as, fetch, await side.delays());
  client.wire.destroy();
}

const INOTIFY = '/proc/sys/fs/inotify/max_user_instances';

/** How soon 500 connections in IDLE hear of a message; of the peer, their memory too. */
export async function idleRound(side: Side, as: 'own' | 'peer', report: Report): Promise<void> {
  const before = as === 'peer' ? readFileSync(INOTIFY, 'utf8') : null;
  if (before !== null) writeFileSync(INOTIFY, '8192');
  try {
    await side.delays();
    const result = await imapbench<{ pss_kb_per_conn: number; push_latency_after_append_ok_ms: number[] }>(
      side,
      'idle',
      [...['--conns', 500, '--settle', 3]],
    );
    const delays = await side.delays();
    if (as === 'peer') report.add(idleName(500, false), 'KB', null, as, result.pss_kb_per_conn);
    const push = [...result.push_latency_after_append_ok_ms].sort((a, b) => a - b);
    const latency = push[Math.floor(push.length / 2)] ?? 0;
    report.add('EXISTS in IDLE after APPEND was answered', 'ms', null, as, latency, delays);
  } finally {
    if (before !== null) writeFileSync(INOTIFY, before);
  }
}

function idleName(connections: number, tls: boolean): string {
  return `memory of an idle connection${tls ? ' under TLS' : ''}, ${connections.toLocaleString('en')} in IDLE`;
}

/** Memory of our own connections in IDLE, each time of a server started for it; `sample`: messages for the large mailbox. */
export async function idleMemoryRound(report: Report, sample: string): Promise<void> {
  for (const connections of [500, 5_000]) {
    for (const tls of [false, true]) {
      const { kilobytes, delays } = await idleMemory({ connections, tls });
      const target = { kind: 'value', most: tls ? 64 : 16 } as const;
      report.add(idleName(connections, tls), 'KB', target, 'own', kilobytes, delays);
    }
  }
  const { kilobytes, delays } = await idleMemory({ connections: 500, tls: false, large: sample });
  const name = `memory of a session that has ${LARGE.toLocaleString('en')} messages selected, 500 in IDLE`;
  report.add(name, 'KB', { kind: 'value', most: 16 }, 'own', kilobytes, delays);
}
