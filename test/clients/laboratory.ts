// Runs a script in the laboratory of DNS (test/support/dns-lab), in a network namespace of its own; what it prints is JSON.
import { execFile, spawnSync } from 'node:child_process';
import { chmod, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const folder = join(import.meta.dirname, '../support/dns-lab');
/** Postfix's programs need it, and so do the ports below 1024. */
const asRoot = process.getuid?.() === 0 ? [] : ['sudo', '-n'];
const run = promisify(execFile);

/** What `script FOLDER` said; the folder is removed afterwards. `ipv6`: addresses for its peers. */
export async function inLaboratory<Said>(script: string, ipv6: readonly string[] = []): Promise<Said> {
  // Postfix's processes have users of their own, which must come this far.
  const scratch = await mkdtemp(join(tmpdir(), 'posthuis-lab-'));
  await chmod(scratch, 0o755);
  try {
    const words = [process.execPath, join(folder, script), scratch];
    const { stdout } = await run(join(folder, 'ns.sh'), words, {
      ...{ maxBuffer: 1 << 24, env: { ...process.env, IPV6: ipv6.join(' ') } },
      timeout: 840_000,
    });
    return JSON.parse(stdout) as Said;
  } finally {
    const [command = '', ...before] = [...asRoot, 'rm', '-rf', scratch];
    await run(command, before);
  }
}

/** What the laboratory and these programs need and is not found here; null if it can run. */
export function missingFor(programs: readonly string[]): string | null {
  const path = `${process.env.PATH}:/usr/sbin:/sbin`;
  const found = (command: string) =>
    spawnSync('sh', ['-c', `command -v ${command}`], { env: { PATH: path } }).status === 0;
  const needed = ['nsd', 'unbound', 'ldns-signzone', ...programs, 'ip', 'openssl', 'unshare'];
  const absent = needed.filter((name) => !found(name));
  if (absent.length > 0) return `not installed: ${absent.join(', ')}`;
  const [command = '', ...before] = [...asRoot, 'unshare', '--net', '--mount', 'true'];
  const { status, stderr } = spawnSync(command, before, { encoding: 'utf8' });
  return status === 0 ? null : `root and a network namespace of its own are not to be had: ${stderr}`;
}
