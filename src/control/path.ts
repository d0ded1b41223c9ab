// Where the control socket is: DATA/control.sock. A Unix socket's address holds about 107 bytes (sockaddr_un), so a
// longer path is reached through a short-lived symbolic link to the data directory.

import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** sun_path is 108 bytes on Linux and 104 on macOS and the BSDs, with a NUL at its end. */
const MAX_BYTES = 103;

/** A name for DATA/control.sock that fits; dispose it once bound or connected. */
export function socketPath(data: string): Disposable & { readonly path: string } {
  const path = join(data, 'control.sock');
  if (Buffer.byteLength(path) <= MAX_BYTES) return { path, [Symbol.dispose]() {} };
  const folder = mkdtempSync(join(tmpdir(), 'posthuis-'));
  const link = join(folder, 'd');
  symlinkSync(data, link);
  return { path: join(link, 'control.sock'), [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }) };
}
