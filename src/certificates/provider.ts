// The server's certificates: several, chosen by SNI from their names, and read again when their files change.
import { X509Certificate } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { createSecureContext, type SecureContext, type TlsOptions } from 'node:tls';
import type { Logger } from 'pino';
import type { TlsProvider } from '#protocols/ports.ts';
import { NameTable, namesOf } from './names.ts';

/** How often the files are looked at: two stat calls a certificate, and a renewal is in use within seconds. */
const LOOK_EVERY_MS = 5_000;
/** A certificate that runs out within this time is named in the log at each start and reload. */
const EXPIRY_WARNING_DAYS = 14;
const DAY_MS = 86_400_000;

/** Paths of a certificate (with its chain) and of its key, which may be the same file. */
export interface CertificateFiles {
  readonly certificate: string;
  readonly key: string;
}

export interface CertificateOptions {
  readonly log: Logger;
  /** 48 bytes: TLS session tickets made by one thread are good in every other. */
  readonly ticketKeys?: Uint8Array;
  /** How often to look for changed files. */
  readonly lookEveryMs?: number;
}

interface Loaded {
  readonly context: SecureContext;
  readonly names: readonly string[];
  readonly expires: Date;
}

interface Entry {
  readonly files: CertificateFiles;
  loaded: Loaded;
  /** What the files looked like when they were last read, for better or worse. */
  signature: string;
}

/** A TlsProvider that watches its files until it is disposed of. */
export interface Certificates extends TlsProvider, Disposable {
  /** Looks at the files now; resolves with the number of certificates that were replaced. */
  reload(): Promise<number>;
  /** The first day on which one of them has run out. */
  readonly expires: Date;
}

/** Reads the certificates; rejects with a message that names the file if one can't be used. */
export async function loadCertificates(
  files: readonly CertificateFiles[],
  options: CertificateOptions,
): Promise<Certificates> {
  if (files.length === 0) throw new Error('no certificate is configured');
  const entries: Entry[] = [];
  for (const pair of files) {
    const signature = await signatureOf(pair);
    entries.push({ files: pair, loaded: await load(pair, options.ticketKeys), signature });
  }
  return new WatchedCertificates(entries, options);
}

async function load(files: CertificateFiles, ticketKeys: Uint8Array | undefined): Promise<Loaded> {
  try {
    const cert = await readFile(files.certificate);
    const key = files.key === files.certificate ? cert : await readFile(files.key);
    // Throws if either can't be read or they do not belong together. TLS 1.0 and 1.1 are gone (RFC 8996).
    const context = createSecureContext({
      cert,
      key,
      minVersion: 'TLSv1.2',
      ...(ticketKeys && { ticketKeys: Buffer.from(ticketKeys) }),
    });
    const certificate = new X509Certificate(cert);
    return { context, names: namesOf(certificate), expires: certificate.validToDate };
  } catch (error) {
    const { message } = error as Error;
    throw new Error(`certificate ${files.certificate} with key ${files.key} can't be used: ${message}`, {
      cause: error,
    });
  }
}

async function signatureOf(files: CertificateFiles): Promise<string> {
  const parts: string[] = [];
  for (const path of new Set([files.certificate, files.key])) {
    try {
      const { dev, ino, size, mtimeNs } = await stat(path, { bigint: true });
      parts.push(`${dev}:${ino}:${size}:${mtimeNs}`);
    } catch (error) {
      parts.push((error as NodeJS.ErrnoException).code ?? 'unreadable');
    }
  }
  return parts.join(' ');
}

class WatchedCertificates implements Certificates {
  readonly #entries: readonly Entry[];
  readonly #log: Logger;
  readonly #ticketKeys: Uint8Array | undefined;
  readonly #timer: NodeJS.Timeout;
  #table = new NameTable<SecureContext>();
  #looking: Promise<number> | undefined;

  constructor(entries: readonly Entry[], options: CertificateOptions) {
    this.#entries = entries;
    this.#log = options.log;
    this.#ticketKeys = options.ticketKeys;
    this.#index();
    this.#timer = setInterval(() => void this.reload(), options.lookEveryMs ?? LOOK_EVERY_MS).unref();
  }

  options(): TlsOptions & { secureContext: SecureContext } {
    const table = this.#table;
    return {
      // A client that sends no name, or one that is not ours, gets the first certificate and decides for itself.
      secureContext: this.#first,
      SNICallback: (servername, done) => done(null, table.find(servername) ?? this.#first),
      minVersion: 'TLSv1.2',
    };
  }

  get expires(): Date {
    return new Date(Math.min(...this.#entries.map(({ loaded }) => loaded.expires.getTime())));
  }

  reload(): Promise<number> {
    this.#looking ??= this.#look().finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  async #look(): Promise<number> {
    let replaced = 0;
    for (const entry of this.#entries) {
      const signature = await signatureOf(entry.files);
      if (signature === entry.signature) continue;
      // Remembered before reading: a broken file is logged once, and looked at again when it changes again.
      entry.signature = signature;
      try {
        entry.loaded = await load(entry.files, this.#ticketKeys);
        replaced += 1;
        this.#log.info({ certificate: entry.files.certificate, names: entry.loaded.names }, 'certificate reloaded');
      } catch (error) {
        this.#log.error({ err: error }, 'a changed certificate is broken; the one in use stays');
      }
    }
    if (replaced > 0) this.#index();
    return replaced;
  }

  get #first(): SecureContext {
    const [entry] = this.#entries;
    if (entry === undefined) throw new Error('no certificate is loaded');
    return entry.loaded.context;
  }

  #index(): void {
    const table = new NameTable<SecureContext>();
    for (const { files, loaded } of this.#entries) {
      for (const name of loaded.names) table.add(name, loaded.context);
      if (loaded.expires.getTime() < Date.now() + EXPIRY_WARNING_DAYS * DAY_MS) {
        this.#log.warn({ certificate: files.certificate, expires: loaded.expires }, 'certificate runs out soon');
      }
    }
    this.#table = table;
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}
