// The memory of new objects, which V8 doubles whenever much of it survives. At a start everything does, so it would grow
// to 8 MB in each thread, for good. It is held until the server is ready, and then grows as the work asks.
import { setFlagsFromString } from 'node:v8';

/** For all threads of the process, those that exist and those to come. */
export function holdYoungGeneration(): void {
  setFlagsFromString('--semi-space-growth-factor=1');
}

/** Back to V8's own. */
export function freeYoungGeneration(): void {
  setFlagsFromString('--semi-space-growth-factor=2');
}
