// `node test/stress/long.ts [--seconds 600] [--clients 50] [--threads 2] [--seed 1]`: the random stress against the real
// program, for as long as is wanted. Prints what was done; ends with 1 and the last replies where something is wrong.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Installation } from '#test/support/installation.ts';
import { Inconsistent } from './model.ts';
import { stress } from './stress.ts';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '600' },
    clients: { type: 'string', default: '50' },
    threads: { type: 'string', default: '2' },
    seed: { type: 'string', default: '1' },
  },
});
const folder = mkdtempSync(join(tmpdir(), 'posthuis-stress-'));
const place = { user: 'anna', password: 'pass-word', mailbox: 'INBOX', other: 'Archive', size: 100 };
try {
  const program = new Installation({ folder, threads: Number(values.threads), listen: { imap: 0 } });
  await program.populate([place.user], place.password, 'stress.test');
  const running = await program.serve();
  try {
    const { commands, rounds } = await stress({
      ...place,
      port: running.port('imap'),
      clients: Number(values.clients),
      rounds: Number.POSITIVE_INFINITY,
      commands: 50,
      seed: Number(values.seed),
      until: Number(values.seconds) * 1_000,
    });
    console.log(`${commands} commands in ${rounds} rounds by ${values.clients} clients: nothing inconsistent`);
  } finally {
    await running.stop();
  }
} catch (error) {
  if (!(error instanceof Inconsistent)) throw error;
  console.error(error.message);
  process.exitCode = 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
