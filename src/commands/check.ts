// posthuis check: looks at everything that a server needs, and changes nothing.

import { X509Certificate } from 'node:crypto';
import { constants, existsSync } from 'node:fs';
import { access, readFile, stat, statfs } from 'node:fs/promises';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { createSecureContext } from 'node:tls';
import { isLoopback } from '#config/parts.ts';
import { ConfigError } from '#config/read.ts';
import { type Config, LISTENERS } from '#config/schema.ts';
import { formatSize } from '#config/size.ts';
import { namesOf } from '../certificates/names.ts';
import { connectControl } from '../control/client.ts';
import { perform } from '../control/session.ts';
import { command as checkDirectory } from './check-directory.ts';
import { type Invocation, type LoneCommand, type Terminal, takeWords } from './command.ts';
import { error, type Finding, warning } from './findings.ts';
import { settings } from './settings.ts';

const DAY = 86_400_000;

/** A certificate is renewed by now, if anything renews it. */
const EXPIRES_SOON_DAYS = 14;

/** With less, a day's mail may fill the disk. */
const FREE_BYTES = 1024 ** 3;

export const command: LoneCommand = {
  kind: 'alone',
  async main(invocation, terminal) {
    takeWords(invocation);
    const findings = await look(invocation, terminal);
    if (invocation.flags.has('json')) terminal.out(JSON.stringify(findings, null, 2));
    else if (findings.length === 0) terminal.out('nothing found: all is well');
    else for (const { level, what } of findings) terminal.out(`${level}: ${what}`);
    return findings.some(({ level }) => level === 'error') ? 1 : 0;
  },
};

async function look(invocation: Invocation, terminal: Terminal): Promise<Finding[]> {
  let config: Config;
  try {
    config = settings(invocation).config;
  } catch (cause) {
    if (cause instanceof ConfigError) return cause.problems.map(error);
    throw cause;
  }
  return [
    ...lookAtListeners(config),
    ...(await lookAtPorts(config)),
    ...(await lookAtCertificates(config)),
    ...(await lookAtData(config)),
    ...(await lookIntoStore(config, terminal, invocation.flags.has('dns'))),
  ];
}

function lookAtListeners(config: Config): Finding[] {
  const findings: Finding[] = [];
  if (!config.hostname.includes('.')) {
    findings.push(warning(`hostname "${config.hostname}" is not a full name such as mail.example.org`));
  }
  const all = LISTENERS.flatMap((name) => config.listen[name]);
  if (all.length === 0) findings.push(warning('no listener is configured: serve would listen nowhere'));
  for (const { host } of config.listen.lmtp) {
    if (!isLoopback(host))
      findings.push(warning(`listen.lmtp is open to the network (${host}): no limit applies there`));
  }
  for (const { host } of config.listen.http) {
    if (!isLoopback(host)) findings.push(warning(`listen.http is open to the network (${host}): /metrics tells much`));
  }
  return findings;
}

/** Listens on each address for a moment, if no server does. */
async function lookAtPorts(config: Config): Promise<Finding[]> {
  const running = existsSync(config.data) ? await connectControl(config.data) : undefined;
  running?.destroy();
  if (running !== undefined) return [];
  const findings: Finding[] = [];
  for (const name of LISTENERS) {
    for (const { host, port } of config.listen[name]) {
      const failure = await new Promise<Error | null>((resolve) => {
        const server = createServer().once('error', resolve);
        server.listen({ host, port, ipv6Only: host.includes(':') }, () => server.close(() => resolve(null)));
      });
      if (failure !== null) findings.push(error(`listen.${name}: ${failure.message}`));
    }
  }
  return findings;
}

async function lookAtCertificates(config: Config): Promise<Finding[]> {
  const { certificates } = config.tls;
  const reachable = LISTENERS.flatMap((name) => config.listen[name]).some(({ host }) => !isLoopback(host));
  if (certificates.length === 0) {
    return reachable ? [warning('no certificate is configured: mail programs will warn of the self-signed one')] : [];
  }
  const findings: Finding[] = [];
  const names: string[] = [];
  for (const files of certificates) {
    try {
      const certificate = await loadPair(files);
      names.push(...namesOf(certificate));
      findings.push(...lookAtValidity(files.certificate, certificate));
      if ((await stat(files.key)).mode & 0o077) findings.push(warning(`${files.key} can be read by other users`));
    } catch (cause) {
      findings.push(error(`${files.certificate} with ${files.key}: ${(cause as Error).message}`));
    }
  }
  const wildcard = `*.${config.hostname.split('.').slice(1).join('.')}`;
  if (findings.length === 0 && !names.includes(config.hostname) && !names.includes(wildcard)) {
    findings.push(warning(`no certificate is for ${config.hostname}, only for ${names.join(', ')}`));
  }
  return findings;
}

/** Throws if either can't be read or they don't belong together. */
async function loadPair(files: { certificate: string; key: string }): Promise<X509Certificate> {
  const cert = await readFile(files.certificate);
  const key = await readFile(files.key);
  createSecureContext({ cert, key });
  return new X509Certificate(cert);
}

function lookAtValidity(file: string, certificate: X509Certificate): Finding[] {
  const until = certificate.validToDate;
  const day = until.toISOString().slice(0, 10);
  if (certificate.validFromDate.getTime() > Date.now()) return [error(`${file} is not valid yet`)];
  if (until.getTime() < Date.now()) return [error(`${file} ran out on ${day}`)];
  return until.getTime() < Date.now() + EXPIRES_SOON_DAYS * DAY ? [warning(`${file} runs out on ${day}`)] : [];
}

async function lookAtData(config: Config): Promise<Finding[]> {
  const { data } = config;
  if (!existsSync(data)) {
    const parent = existingAbove(data);
    return (await mayWrite(parent)) ? [] : [error(`${data} is not there and can't be made: ${parent} is not writable`)];
  }
  const found = await stat(data);
  if (!found.isDirectory()) return [error(`${data} is not a directory`)];
  if (!(await mayWrite(data))) return [error(`${data} is not writable for this user`)];
  const findings: Finding[] = [];
  if (found.mode & 0o007) findings.push(warning(`${data} is open to other users: chmod 700 ${data}`));
  const { bavail, bsize } = await statfs(data);
  if (bavail * bsize < FREE_BYTES) findings.push(warning(`only ${formatSize(bavail * bsize)} are free in ${data}`));
  return findings;
}

function existingAbove(path: string): string {
  let parent = dirname(path);
  while (!existsSync(parent)) parent = dirname(parent);
  return parent;
}

async function mayWrite(path: string): Promise<boolean> {
  return access(path, constants.R_OK | constants.W_OK | constants.X_OK).then(
    () => true,
    () => false,
  );
}

/** Not where there is no store yet: looking must not make one. */
async function lookIntoStore(config: Config, terminal: Terminal, asked: boolean): Promise<readonly Finding[]> {
  if (!existsSync(join(config.data, 'directory.db'))) return [];
  try {
    // Who is only to be reached from this machine needs no name in the world.
    const dns = asked || config.listen.smtp.some(({ host }) => !isLoopback(host));
    const attempt = { args: { dns }, show: () => undefined };
    return await perform(config, 'check directory', checkDirectory, attempt, terminal);
  } catch (cause) {
    return [error(`${config.data}: ${(cause as Error).message}`)];
  }
}
