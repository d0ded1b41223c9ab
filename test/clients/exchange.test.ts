// Two Posthuis servers and a Postfix in a laboratory of their own (test/support/dns-lab): signed, unsigned, bogus and
// expired zones, MTA-STS policies, and peers that do what peers do. What becomes of a message must be the same on both
// sides: where it went, how well it was protected, with which status it came back or waits.
import { execFile, spawnSync } from 'node:child_process';
import { chmod, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Exchanged } from '#test/support/dns-lab/exchange.ts';
import { IPV6, SCENARIOS } from '#test/support/dns-lab/scenarios.ts';

const folder = join(import.meta.dirname, '../support/dns-lab');
/** Postfix's programs need it, and so do the ports below 1024. */
const asRoot = process.getuid?.() === 0 ? [] : ['sudo', '-n'];
const run = promisify(execFile);
const missing = whatIsMissing();

if (missing === null) {
  let exchanged: Exchanged;

  beforeAll(async () => {
    // Postfix's processes have users of their own, which must come this far.
    const scratch = await mkdtemp(join(tmpdir(), 'posthuis-lab-'));
    await chmod(scratch, 0o755);
    try {
      const words = [process.execPath, join(folder, 'exchange.ts'), scratch];
      const { stdout } = await promisify(execFile)(join(folder, 'ns.sh'), words, {
        ...{ maxBuffer: 1 << 24, env: { ...process.env, IPV6: IPV6.join(' ') } },
        timeout: 840_000,
      });
      exchanged = JSON.parse(stdout);
    } finally {
      const [command = '', ...before] = [...asRoot, 'rm', '-rf', scratch];
      await run(command, before);
    }
  }, 900_000);

  describe('mail goes where Postfix sends it', () => {
    test.each(SCENARIOS.map((scenario, index) => ({ ...scenario, index })))('$what: $expected', (scenario) => {
      const { index, expected, first, postfix } = scenario;
      const { posthuis, postfix: theirs } = exchanged.scenarios[index] ?? { posthuis: [], postfix: [] };
      expect({ posthuis: posthuis.at(-1), postfix: theirs.at(-1) }).toEqual({
        posthuis: expected,
        postfix: postfix?.says ?? expected,
      });
      if (first !== undefined) expect([posthuis[0], theirs[0]]).toEqual([first, first]);
    });
  });

  test('two servers and a Postfix exchange mail over TLS, each message once', () => {
    expect(exchanged.arrived).toEqual({
      'alpha beta': '1 sent 127.0.0.32 tls',
      'alpha postfix': '1 sent 127.0.0.1 tls',
      'beta alpha': '1 sent 127.0.0.31 tls',
      'beta postfix': '1 sent 127.0.0.1 tls',
      'postfix alpha': '1 sent 127.0.0.31 tls',
      'postfix beta': '1 sent 127.0.0.32 tls',
    });
  });
} else if (process.env.CI === undefined) {
  console.warn(`the laboratory of DNS and Postfix can not run here: ${missing}`);
  test(`the laboratory can not run here, and this is not CI: ${missing}`, () => undefined);
} else {
  test('the laboratory of DNS and Postfix can run', () => {
    throw new Error(missing);
  });
}

/** What the laboratory needs and does not find here; null if it can run. */
function whatIsMissing(): string | null {
  const path = `${process.env.PATH}:/usr/sbin:/sbin`;
  const found = (command: string) =>
    spawnSync('sh', ['-c', `command -v ${command}`], { env: { PATH: path } }).status === 0;
  const absent = ['nsd', 'unbound', 'ldns-signzone', 'postfix', 'ip', 'openssl', 'unshare'].filter(
    (name) => !found(name),
  );
  if (absent.length > 0) return `not installed: ${absent.join(', ')}`;
  const [command = '', ...before] = [...asRoot, 'unshare', '--net', '--mount', 'true'];
  const { status, stderr } = spawnSync(command, before, { encoding: 'utf8' });
  return status === 0 ? null : `root and a network namespace of its own are not to be had: ${stderr}`;
}
