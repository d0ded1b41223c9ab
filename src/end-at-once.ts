// The end of a process in which something does not end.
import type { RootLog } from './observe/log.ts';

/**
 * Ends the process whatever its threads are at. `process.exit` waits for them, and the copy of a large database, which a
 * backup makes in one statement, can take minutes; a kill waits for nothing, and what was answered is durable.
 */
export function endAtOnce({
  log,
  flush,
}: Pick<RootLog, 'flush'> & { readonly log: Pick<RootLog['log'], 'error'> }): void {
  log.error('what still runs is cut: it did not end in time');
  flush();
  process.kill(process.pid, 'SIGKILL');
}
