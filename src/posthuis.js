#!/usr/bin/env node
// The entry point that any Node can parse: better-sqlite3 crashes under an old one, so the version is checked before
// anything is imported. It and what it imports first are plain JavaScript: by the time a TypeScript file is read, compiled
// code is kept, and Node need not load its stripper of types (15 MB, and its time) for a file that it has seen.
const major = Number(process.versions.node.split('.')[0]);
if (major < 26) {
  console.error(`posthuis needs Node.js 26 or newer; this is ${process.versions.node}`);
  process.exit(1);
}
import('../config/early.js')
  .then(() => import('./main.ts'))
  .catch((error) => {
    console.error(error);
    process.exit(1);
  });
