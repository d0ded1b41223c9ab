// The server itself: start-up, memory, bytes on disk, restore, and wrong logins beside work.
import { join } from 'node:path';
import { ImapWire } from '#test/support/wire.ts';
import { imapbench, login, user } from './drivers.ts';
import type { Report } from './report.ts';
import { indexed } from './search.ts';
import { bytesOnDisk, residentMegabytes, type Side, sampleMailbox, startOwn, startPeer } from './side.ts';

/** Messages of the sample mailbox, and 100 times as many. */
const REPEATED = 600;
const SAMPLE = 100 * REPEATED;
const RESTORED = 10_000;
const WRONG_LOGINS = 200;

/** Start-up time and the memory of a server that does nothing, with two threads. */
export async function startRound(report: Report): Promise<void> {
  await using side = await startOwn({ threads: 2 });
  report.add(
    'start to listening, small store, 2 threads',
    'ms',
    { kind: 'value', most: 1000 },
    'own',
    side.running.readyAfter,
  );
  await side.running.kill();
  const again = await side.program.serve();
  report.add('start to listening after kill -9', 'ms', { kind: 'value', most: 1000 }, 'own', again.readyAfter);
  await new Promise((resolve) => setTimeout(resolve, 5_000));
  report.add(
    'resident memory, idle, 2 threads',
    'MB',
    { kind: 'value', most: 150 },
    'own',
    residentMegabytes(again.pid),
  );
  await again.stop();
}

/** APPEND over one connection while wrong logins arrive all at once. */
export async function wrongLoginsRound(side: Side, as: 'own' | 'peer', report: Report): Promise<void> {
  const client = await login(side, 1);
  const text = Buffer.from(`Subject: beside wrong logins\r\n\r\n${'x'.repeat(70)}\r\n`);
  const clients = await Promise.all(Array.from({ length: WRONG_LOGINS }, () => ImapWire.open(side.imap)));
  for (let i = 0; i < 50; i += 1) await client.ok('APPEND INBOX', text);
  await side.delays();
  let waiting = clients.length;
  const refused = clients.map(async (wrong, index) => {
    const { status } = await wrong.command(`LOGIN ${user(side, (index % 50) + 2)} wrong-password`);
    if (status === 'OK') throw new Error('a wrong password was taken');
    waiting -= 1;
    wrong.wire.destroy();
  });
  const latencies: number[] = [];
  while (waiting > 0 && latencies.length < 5_000) {
    const start = performance.now();
    await client.ok('APPEND INBOX', text);
    latencies.push(performance.now() - start);
  }
  const delays = await side.delays();
  for (const wrong of clients) wrong.wire.destroy();
  await Promise.allSettled(refused);
  client.wire.destroy();
  latencies.sort((a, b) => a - b);
  const p99 = latencies[Math.floor(latencies.length * 0.99)] ?? 0;
  const target = as === 'own' ? ({ kind: 'value', most: 50 } as const) : null;
  report.add(`p99 of APPEND while ${WRONG_LOGINS} wrong logins arrive at once`, 'ms', target, as, p99, delays);
}

/** Restores one account of 10,000 messages from a backup. */
export async function restoreRound(report: Report, scratch: string): Promise<void> {
  await using side = await startOwn();
  await imapbench(side, 'fill', [
    ...['--user', user(side, 1), '--mailbox', 'INBOX', '--count', RESTORED],
    ...['--mbox', sampleMailbox(scratch, 600)],
  ]);
  const backup = join(scratch, 'backup');
  const started = performance.now();
  await side.program.ok(['backup', backup]);
  const backedUp = performance.now();
  await side.program.ok(['restore', backup, `user1@${side.domain}`]);
  report.add('backup of 10,000 messages and 99 empty accounts', 's', null, 'own', (backedUp - started) / 1000);
  const seconds = (performance.now() - backedUp) / 1000;
  report.add('restore of one account of 10,000 messages', 's', { kind: 'value', most: 60 }, 'own', seconds);
}

/**
 * Bytes on disk of the same messages, everything included, the search index too, after a checkpoint: of the sample times
 * 100 as it is, in which each message is there a hundred times, and of as many messages of which none is there twice.
 */
export async function diskRound(report: Report, scratch: string, peer: boolean): Promise<void> {
  const messages = `bytes on disk, ${SAMPLE.toLocaleString('en')} messages`;
  await diskMeasure(report, peer, `${messages}: the sample of ${REPEATED} times 100`, sampleMailbox(scratch, REPEATED));
  await diskMeasure(report, peer, `${messages}: none twice`, sampleMailbox(scratch, SAMPLE));
}

async function diskMeasure(report: Report, peer: boolean, name: string, mbox: string): Promise<void> {
  const fill = (side: Side) =>
    imapbench(side, 'fill', [
      ...['--user', user(side, 1), '--mailbox', 'INBOX', '--count', SAMPLE],
      ...['--mbox', mbox, '--same'],
    ]);
  const target = { kind: 'ratio', most: 0.5 } as const;
  {
    await using side = await startOwn({ settings: '[search]\nindex_after = 1' });
    const before = bytesOnDisk(side.data);
    await fill(side);
    await indexed(side);
    // A stopped server has moved everything from its logs into its databases.
    await side.running.stop();
    report.add(name, 'MB', target, 'own', (bytesOnDisk(side.data) - before) / 2 ** 20);
  }
  if (!peer) return;
  await using side = await startPeer('maildir');
  await fill(side);
  report.add(name, 'MB', target, 'peer', bytesOnDisk(side.data) / 2 ** 20);
}
