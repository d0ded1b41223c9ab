// One command on the store, wherever the store is: in the running server, or here under DATA/lock when none runs.

import { setTimeout as sleep } from 'node:timers/promises';
import type { Config } from '#config/schema.ts';
import { type Attempt, Refused, type StoreCommand, type Terminal } from '../commands/command.ts';
import { connectControl, NotBegun, runRemotely } from './client.ts';
import { openHost } from './host.ts';
import { bothHalves, localWire } from './wire.ts';

/** How long a server that starts or stops, or another command, is waited for: a server has 19 seconds to stop. */
const WAIT_MS = 25_000;
const RETRY_MS = 50;

/** Runs a command that was prepared; its result. */
export async function perform<A, R>(
  config: Config,
  name: string,
  command: StoreCommand<A, R>,
  attempt: Attempt<A, R>,
  terminal: Terminal,
): Promise<R> {
  const deadline = performance.now() + WAIT_MS;
  for (;;) {
    const socket = await connectControl(config.data);
    if (socket !== undefined) {
      try {
        return await runRemotely(socket, name, attempt, terminal);
      } catch (error) {
        if (!(error instanceof NotBegun)) throw error;
      }
    } else {
      const host = await openHost(config);
      if (host !== undefined) {
        await using here = host;
        const wire = localWire((text) => terminal.note(text));
        const attending = attempt.attend?.(wire.terminal) ?? Promise.resolve();
        return await bothHalves(command.run(here, attempt.args, wire.store), attending, wire.fail);
      }
    }
    if (performance.now() > deadline) {
      throw new Refused(
        `${config.data} is in use by another process that does not answer on control.sock: ` +
          'a server that starts or stops, or another command; try again when it is done',
      );
    }
    await sleep(RETRY_MS);
  }
}
