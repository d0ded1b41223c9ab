// Imported before anything else by src/posthuis.js and src/main.ts: settings of the runtime that count only before their
// first use. JavaScript, since what keeps compiled code can't itself come from what it keeps.
import { enableCompileCache } from 'node:module';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { setFlagsFromString } from 'node:v8';

/** libuv's threads for files, names and zstd, beside those that argon2 may hold (DESIGN 5). */
const POOL_THREADS = 8;

/** How many argon2 hashes may run at once in the process: one core stays free for mail (DESIGN 5). */
const ARGON2_AT_ONCE = Math.max(1, availableParallelism() - 1);

// libuv reads this once, when the pool is first used; a larger value set by the administrator stands.
const wanted = POOL_THREADS + ARGON2_AT_ONCE;
if (!(Number(process.env.UV_THREADPOOL_SIZE) >= wanted)) process.env.UV_THREADPOOL_SIZE = String(wanted);

// For config/heap.ts, which would set it while threads start: compiled code is kept apart for each set of flags, so what
// can be is set before any is looked for.
setFlagsFromString('--expose-gc');

// Compiled code is kept beside the packages, which halves the time of a start; in the environment, so that threads have
// it too. Where it can't be written nothing is kept. Not in the temporary folder, where others could put theirs.
process.env.NODE_COMPILE_CACHE ??= fileURLToPath(new URL('../node_modules/.cache/posthuis', import.meta.url));
enableCompileCache(process.env.NODE_COMPILE_CACHE);
