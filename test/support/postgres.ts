// A PostgreSQL server for tests: Debian's, on a scratch folder, without syncs.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';

const DEBIAN = '/usr/lib/postgresql';

export interface PostgresServer extends AsyncDisposable {
  /** How to reach a new, empty database. */
  emptyDatabase(): Promise<pg.ClientConfig>;
}

/** The newest installed server's programs, or undefined. */
export function postgresPrograms(): string | undefined {
  if (!existsSync(DEBIAN)) return undefined;
  const versions = readdirSync(DEBIAN).sort((a, b) => Number(b) - Number(a));
  return versions.map((version) => join(DEBIAN, version, 'bin')).find((bin) => existsSync(join(bin, 'initdb')));
}

/** Starts a server of its own. */
export async function startPostgres(programs: string): Promise<PostgresServer> {
  const folder = mkdtempSync(join(tmpdir(), 'posthuis-postgres-'));
  const user = whoRuns();
  if (user.uid !== undefined && user.gid !== undefined) chownSync(folder, user.uid, user.gid);
  const data = join(folder, 'data');
  const options = { ...user, cwd: folder, env: { PATH: process.env.PATH ?? '', LC_ALL: 'C.UTF-8' } };
  execFileSync(join(programs, 'initdb'), ['-D', data, '-U', 'posthuis', '-A', 'trust', '--no-sync', '-E', 'UTF8'], {
    ...options,
    stdio: 'ignore',
  });
  // On a socket in its own folder, and on no port that somebody else could have.
  const settings = { listen_addresses: '', port: 5432, unix_socket_directories: folder, fsync: 'off' };
  const server = spawn(
    join(programs, 'postgres'),
    ['-D', data, ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])],
    { ...options, stdio: 'ignore' },
  );
  const connection = { host: folder, port: 5432, user: 'posthuis', database: 'postgres' };
  await untilReady(server, connection);
  let databases = 0;
  return {
    async emptyDatabase() {
      const database = `store${databases++}`;
      await once1(connection, `CREATE DATABASE ${database}`);
      return { ...connection, database };
    },
    async [Symbol.asyncDispose]() {
      const exited = once(server, 'exit');
      // Immediate shutdown: nothing of it is kept.
      server.kill('SIGQUIT');
      await exited;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** The server refuses to run as root. */
function whoRuns(): { uid?: number; gid?: number } {
  if (process.getuid?.() !== 0) return {};
  const accounts = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'));
  const account = accounts.find(([name]) => name === 'postgres') ?? accounts.find(([name]) => name === 'nobody');
  if (account === undefined) throw new Error('neither postgres nor nobody is an account here');
  return { uid: Number(account[2]), gid: Number(account[3]) };
}

async function untilReady(server: ChildProcess, connection: pg.ClientConfig): Promise<void> {
  for (let tries = 0; ; tries++) {
    if (server.exitCode !== null) throw new Error(`postgres ended with ${server.exitCode}`);
    try {
      return await once1(connection, 'SELECT 1');
    } catch (error) {
      if (tries > 1_000) throw error;
      await sleep(100);
    }
  }
}

async function once1(connection: pg.ClientConfig, sql: string): Promise<void> {
  const client = new pg.Client(connection);
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}
