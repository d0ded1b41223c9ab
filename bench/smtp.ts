// SMTP: from a session to the durable mailbox, on kept connections and on a new one for each message; and how fast a
// connection is greeted.
import { once } from 'node:events';
import { connect } from 'node:net';
import { deliver, type Load } from './drivers.ts';
import { median, type Report, type Target } from './report.ts';
import type { Side } from './side.ts';

/**
 * Sessions, and messages that take some seconds on the faster side: with a mailbox each there is a process of the driver
 * for each session, and starting a hundred of them takes a good part of a second; and the first thousand messages of a
 * server run in code that V8 has not compiled yet.
 */
const LOADS: readonly Load[] = [
  { sessions: 1, messages: 3_000, spread: false, fresh: false },
  { sessions: 20, messages: 2_000, spread: false, fresh: false },
  { sessions: 20, messages: 8_000, spread: true, fresh: false },
  { sessions: 100, messages: 2_000, spread: false, fresh: false },
  { sessions: 100, messages: 16_000, spread: true, fresh: false },
  { sessions: 1, messages: 2_000, spread: false, fresh: true },
  { sessions: 20, messages: 2_000, spread: false, fresh: true },
  { sessions: 100, messages: 2_000, spread: false, fresh: true },
];

/** Connections that are greeted and closed again, and how many of them at once. */
const GREETED = { count: 2_000, atOnce: 20 };

/** One round against one side. */
export async function smtpRound(side: Side, as: 'own' | 'peer', report: Report): Promise<void> {
  for (const load of LOADS) {
    await side.delays();
    const { perSecond, cpu } = await deliver(side, load);
    const delays = await side.delays();
    const { rate, use } = targets(load);
    report.add(nameOf(load), 'messages/s', rate, as, perSecond, delays);
    report.add(`${nameOf(load)}: CPU`, 'ms/message', use, as, cpu, delays);
  }
  await greetingRound(side, as, report);
}

function nameOf({ sessions, spread, fresh }: Load): string {
  const over = fresh ? ', a connection a message' : '';
  const where = spread ? 'a mailbox each' : 'one mailbox';
  return `accept to durable, ${sessions} ${sessions === 1 ? 'session' : 'sessions'}${over}, ${where}`;
}

function targets({ fresh }: Load): { rate: Target | null; use: Target | null } {
  if (fresh) return { rate: { kind: 'ratio', least: 3 }, use: null };
  return { rate: { kind: 'ratio', least: 5 }, use: { kind: 'ratio', most: 0.25 } };
}

/** From the opening of a connection until its greeting, and how many a second. */
async function greetingRound(side: Side, as: 'own' | 'peer', report: Report): Promise<void> {
  const waits: number[] = [];
  let left = GREETED.count;
  const worker = async () => {
    while (left-- > 0) waits.push(await greeting(side.smtp));
  };
  const started = performance.now();
  await Promise.all(Array.from({ length: GREETED.atOnce }, worker));
  const seconds = (performance.now() - started) / 1000;
  const target = as === 'own' ? ({ kind: 'value', most: 50 } as const) : null;
  const name = `a connection until its greeting, ${GREETED.atOnce} at once`;
  report.add(`${name}: median`, 'ms', target, as, median(waits));
  report.add(
    `${name}: 99th percentile`,
    'ms',
    target,
    as,
    waits.sort((a, b) => a - b)[Math.floor(waits.length * 0.99)] ?? 0,
  );
  report.add(`connections greeted, ${GREETED.atOnce} at once`, 'a second', null, as, waits.length / seconds);
}

async function greeting(port: number): Promise<number> {
  const started = performance.now();
  const socket = connect({ host: '127.0.0.1', port });
  const [chunk] = (await once(socket, 'data')) as [Buffer];
  const waited = performance.now() - started;
  if (!chunk.toString('latin1').startsWith('220')) throw new Error(`not greeted but told ${chunk}`);
  socket.end('QUIT\r\n').resume();
  await once(socket, 'close');
  return waited;
}
