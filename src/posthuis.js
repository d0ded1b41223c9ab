#!/usr/bin/env node
// The entry point that any Node can parse: better-sqlite3 crashes under an old one, so the version is checked before
// anything is imported.
const major = Number(process.versions.node.split('.')[0]);
if (major < 26) {
  console.error(`posthuis needs Node.js 26 or newer; this is ${process.versions.node}`);
  process.exit(1);
}
import('./main.ts').catch((error) => {
  console.error(error);
  process.exit(1);
});
