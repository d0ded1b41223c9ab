// What V8 is told about the memory of objects around a start, where it can't know that the work to come is of another kind.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/**
 * The memory of new objects does not grow from now on, in all threads of the process, those that exist and those to come.
 * V8 doubles it whenever much of it survives; at a start everything does, so it would grow to 8 MB in each thread, for good.
 */
export function holdYoungGeneration(): void {
  setFlagsFromString('--semi-space-growth-factor=1');
}

/** Back to V8's own: it grows as the work asks. */
export function freeYoungGeneration(): void {
  setFlagsFromString('--semi-space-growth-factor=2');
}

/**
 * Gives back what the start of this thread has left: 3 to 4 MB, much of it in pages with little else on them, which V8
 * would look at only after as much again. Takes 10 to 25 ms, so only where nobody waits for the thread.
 */
export function collectStart(): void {
  // The function is in contexts that are made while the flag is set, which stays: threads do this at the same time.
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as (options: {
    readonly type: 'major';
    readonly flavor: 'last-resort';
  }) => void;
  collect({ type: 'major', flavor: 'last-resort' });
}
