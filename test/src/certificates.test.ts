// The certificates: which one a client gets, what happens when the files change, and the self-signed one.
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { readFile, rename, stat, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { connect, TLSSocket } from 'node:tls';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import type { TlsProvider } from '#protocols/ports.ts';
import { NameTable } from '#src/certificates/names.ts';
import { type CertificateFiles, loadCertificates } from '#src/certificates/provider.ts';
import { ensureSelfSigned } from '#src/certificates/self-signed.ts';
import { makeCertificate } from '#test/support/certificate.ts';
import { temporaryFolder } from '#test/support/folder.ts';

const silent = pino({ level: 'silent' });

function collectingLog(): { log: pino.Logger; lines: string[] } {
  const lines: string[] = [];
  const sink = new Writable({
    write(chunk, _encoding, done) {
      lines.push(String(chunk));
      done();
    },
  });
  return { log: pino(sink), lines };
}

async function write(
  folder: string,
  name: string,
  names: readonly string[],
  commonName?: string,
): Promise<CertificateFiles> {
  const made = await makeCertificate(names, commonName);
  const files = { certificate: join(folder, `${name}.crt`), key: join(folder, `${name}.key`) };
  await writeFile(files.certificate, made.certificate);
  await writeFile(files.key, made.key);
  return files;
}

/** The CN of the certificate that a client with this SNI name gets. */
async function served(tls: TlsProvider, servername?: string, version?: 'TLSv1.1' | 'TLSv1.2'): Promise<string> {
  const server = createServer((socket) => {
    const secured = new TLSSocket(socket, { isServer: true, ...tls.options() });
    secured.on('error', () => secured.destroy());
    secured.resume();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    const client = connect({
      host: '127.0.0.1',
      port: (server.address() as AddressInfo).port,
      rejectUnauthorized: false,
      ...(servername && { servername }),
      ...(version && { minVersion: version, maxVersion: version, ciphers: 'DEFAULT@SECLEVEL=0' }),
    });
    await once(client, 'secureConnect');
    const { subject } = client.getPeerCertificate();
    client.destroy();
    return String(subject.CN);
  } finally {
    server.close();
  }
}

test('a client gets the certificate whose name it asks for, a wildcard covers one label, and others get the first', async () => {
  await using folder = await temporaryFolder();
  using tls = await loadCertificates(
    [
      await write(folder.path, 'first', ['mail.first.test', 'imap.first.test'], 'first'),
      await write(folder.path, 'second', ['*.second.test', 'second.test'], 'second'),
      await write(folder.path, 'third', [], 'third.test'),
    ],
    { log: silent },
  );
  expect(await served(tls, 'imap.first.test')).toBe('first');
  expect(await served(tls, 'mail.second.test')).toBe('second');
  expect(await served(tls, 'SECOND.test')).toBe('second');
  expect(await served(tls, 'third.test')).toBe('third.test');
  expect(await served(tls, 'a.b.second.test')).toBe('first');
  expect(await served(tls, 'elsewhere.test')).toBe('first');
  expect(await served(tls)).toBe('first');
});

test('the exact name wins over a wildcard, and the first of two equal names', () => {
  const table = new NameTable<number>();
  table.add('*.example.test', 1);
  table.add('mail.example.test', 2);
  table.add('mail.example.test', 3);
  expect(table.find('mail.example.test')).toBe(2);
  expect(table.find('other.example.test.')).toBe(1);
  expect(table.find('example.test')).toBeUndefined();
  expect(table.find('__proto__')).toBeUndefined();
});

test('a changed certificate is used by the next connection, named in the files or the default', async () => {
  await using folder = await temporaryFolder();
  const files = await write(folder.path, 'mail', ['mail.test'], 'before');
  using tls = await loadCertificates([files], { log: silent });
  expect(await tls.reload()).toBe(0);
  await write(folder.path, 'mail', ['mail.test'], 'after');
  expect(await tls.reload()).toBe(1);
  expect(await served(tls, 'mail.test')).toBe('after');
  expect(await served(tls)).toBe('after');
});

test('a changed certificate is noticed without being told', async () => {
  await using folder = await temporaryFolder();
  const files = await write(folder.path, 'mail', ['mail.test'], 'before');
  using tls = await loadCertificates([files], { log: silent, lookEveryMs: 10 });
  await write(folder.path, 'mail', ['mail.test'], 'after');
  await expect.poll(() => served(tls, 'mail.test')).toBe('after');
});

test('a broken new file keeps the old certificate and is logged once; the repaired one is taken', async () => {
  await using folder = await temporaryFolder();
  const files = await write(folder.path, 'mail', ['mail.test'], 'before');
  const { log, lines } = collectingLog();
  using tls = await loadCertificates([files], { log });
  const good = await readFile(files.certificate);
  await writeFile(files.certificate, good.subarray(0, 100));
  expect(await tls.reload()).toBe(0);
  expect(await tls.reload()).toBe(0);
  expect(await served(tls, 'mail.test')).toBe('before');
  expect(lines.filter((line) => line.includes('is broken'))).toHaveLength(1);
  expect(lines.join('')).toContain(files.certificate);
  await write(folder.path, 'mail', ['mail.test'], 'after');
  expect(await tls.reload()).toBe(1);
  expect(await served(tls, 'mail.test')).toBe('after');
});

test('a renewal that replaces certificate and key one after the other never breaks the service', async () => {
  await using folder = await temporaryFolder();
  const files = await write(folder.path, 'mail', ['mail.test'], 'before');
  const next = await write(folder.path, 'next', ['mail.test'], 'after');
  using tls = await loadCertificates([files], { log: silent });
  await rename(next.certificate, files.certificate);
  expect(await tls.reload()).toBe(0);
  expect(await served(tls, 'mail.test')).toBe('before');
  await rename(next.key, files.key);
  expect(await tls.reload()).toBe(1);
  expect(await served(tls, 'mail.test')).toBe('after');
});

test('at the start a certificate that can not be used is refused by the name of its file', async () => {
  await using folder = await temporaryFolder();
  const one = await write(folder.path, 'one', ['one.test']);
  const two = await write(folder.path, 'two', ['two.test']);
  const mixed = { certificate: one.certificate, key: two.key };
  await expect(loadCertificates([mixed], { log: silent })).rejects.toThrow(one.certificate);
  const missing = { certificate: join(folder.path, 'none.crt'), key: two.key };
  await expect(loadCertificates([missing], { log: silent })).rejects.toThrow('none.crt');
});

test('TLS 1.1 is refused, TLS 1.2 is taken', async () => {
  await using folder = await temporaryFolder();
  using tls = await loadCertificates([await write(folder.path, 'mail', ['mail.test'], 'mail')], { log: silent });
  expect(await served(tls, 'mail.test', 'TLSv1.2')).toBe('mail');
  await expect(served(tls, 'mail.test', 'TLSv1.1')).rejects.toThrow();
});

test('the self-signed certificate is made once, for the host, localhost and 127.0.0.1, and for the owner alone', async () => {
  await using folder = await temporaryFolder();
  const path = await ensureSelfSigned(folder.path, 'mail.example.test');
  expect(path).toBe(join(folder.path, 'tls', 'self-signed.pem'));
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  const pem = await readFile(path, 'utf8');
  const certificate = new X509Certificate(pem);
  expect(certificate.checkHost('mail.example.test')).toBe('mail.example.test');
  expect(certificate.checkHost('localhost')).toBe('localhost');
  expect(certificate.checkIP('127.0.0.1')).toBe('127.0.0.1');
  expect(certificate.publicKey.asymmetricKeyDetails?.namedCurve).toBe('prime256v1');
  await ensureSelfSigned(folder.path, 'mail.example.test');
  expect(await readFile(path, 'utf8')).toBe(pem);
  using tls = await loadCertificates([{ certificate: path, key: path }], { log: silent });
  expect(await served(tls, 'localhost')).toBe('mail.example.test');
});

test('the self-signed certificate is made anew when it is damaged, has run out or is for another host', async () => {
  await using folder = await temporaryFolder();
  const path = await ensureSelfSigned(folder.path, 'one.test');
  const first = await readFile(path, 'utf8');
  await ensureSelfSigned(folder.path, 'two.test');
  const second = await readFile(path, 'utf8');
  expect(second).not.toBe(first);
  await writeFile(path, second.slice(0, 200));
  await ensureSelfSigned(folder.path, 'two.test');
  const third = await readFile(path, 'utf8');
  expect(new X509Certificate(third).checkHost('two.test')).toBe('two.test');
  await ensureSelfSigned(folder.path, 'two.test', Date.now() + 900 * 86_400_000);
  expect(await readFile(path, 'utf8')).not.toBe(third);
});
