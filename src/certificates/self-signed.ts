// DATA/tls/self-signed.pem: the certificate of a server that has been given none. Made once and kept, so that a mail
// program's "trust this certificate" stays good; made anew only when it has run out or no longer names the host.
import { X509Certificate } from 'node:crypto';
import { chmod, mkdir, open, readFile, rename } from 'node:fs/promises';
import { isIP } from 'node:net';
import { dirname, join } from 'node:path';
import { createSecureContext } from 'node:tls';

/** Apple's systems refuse a server certificate that is valid for longer than 825 days, trusted by hand or not. */
const VALID_DAYS = 825;
/** Made anew this long before it runs out, at a start of the server. */
const RENEW_DAYS = 30;
const DAY_MS = 86_400_000;

/** Where the self-signed certificate and its key are, in one PEM file. */
export function selfSignedPath(data: string): string {
  return join(data, 'tls', 'self-signed.pem');
}

/**
 * Makes DATA/tls/self-signed.pem (ECDSA P-256, key and certificate) unless a usable one is there: for the hostname,
 * localhost and 127.0.0.1. Readable by the owner alone, and synced before it is used. Resolves with its path.
 */
export async function ensureSelfSigned(data: string, hostname: string, now = Date.now()): Promise<string> {
  const path = selfSignedPath(data);
  if (usable(await readIfThere(path), hostname, now)) {
    await chmod(path, 0o600);
    return path;
  }
  const folder = dirname(path);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await writeDurably(path, await makePem(hostname, now));
  await syncFolder(dirname(folder));
  return path;
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function usable(pem: string | undefined, hostname: string, now: number): boolean {
  if (pem === undefined) return false;
  try {
    createSecureContext({ cert: pem, key: pem });
    const certificate = new X509Certificate(pem);
    const named = isIP(hostname) ? certificate.checkIP(hostname) : certificate.checkHost(hostname);
    return named !== undefined && certificate.validToDate.getTime() > now + RENEW_DAYS * DAY_MS;
  } catch {
    // Cut short or damaged: it can serve nobody, so a new one takes its place.
    return false;
  }
}

async function makePem(hostname: string, now: number): Promise<string> {
  // Loaded here because it is large and most starts do not need it.
  const { generate } = await import('selfsigned');
  const names = new Set([hostname, 'localhost', '127.0.0.1', '::1']);
  const made = await generate([{ name: 'commonName', value: hostname }], {
    keyType: 'ec',
    curve: 'P-256',
    algorithm: 'sha256',
    notBeforeDate: new Date(now - DAY_MS),
    notAfterDate: new Date(now + (VALID_DAYS - 1) * DAY_MS),
    extensions: [
      // Not a CA, so that a program that trusts it trusts it for this server alone.
      { name: 'basicConstraints', cA: false, critical: true },
      { name: 'keyUsage', digitalSignature: true, critical: true },
      { name: 'extKeyUsage', serverAuth: true },
      {
        name: 'subjectAltName',
        altNames: [...names].map((name) => (isIP(name) ? { type: 7, ip: name } : { type: 2, value: name })),
      },
    ],
  });
  return `${made.private.trim()}\n${made.cert.trim()}\n`;
}

/** Written beside, synced and renamed: a crash leaves the old file or the new one, never half of one. */
async function writeDurably(path: string, text: string): Promise<void> {
  const beside = `${path}.new`;
  const file = await open(beside, 'w', 0o600);
  try {
    await file.chmod(0o600);
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(beside, path);
  await syncFolder(dirname(path));
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
