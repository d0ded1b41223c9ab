// The program. src/posthuis.js starts it; what it does is in commands/program.ts, loaded only after the runtime has been
// set up, which here counts only where this file itself was started.

import '#config/early.js';

const { main } = await import('./commands/program.ts');

// A reader that has seen enough (`| head`) is no error of ours.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));
process.exitCode = await main(process.argv.slice(2));
