// Secrets that must be readable again (DESIGN 4) are sealed with AES-256-GCM under a key that is in no database: who has
// the databases alone has none of them.

import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { link, open, readFile, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { StoreError } from '../errors.ts';

/** The key's file in the data directory. A backup does not hold it: it is kept apart. */
export const KEY_FILE = 'secret.key';

const KEY_BYTES = 32;
const IV_BYTES = 12;
const TAG_BYTES = 16;
const VERSION = 'v1:';

export class Sealer {
  readonly #key: Buffer;

  constructor(key: Buffer) {
    if (key.length !== KEY_BYTES) throw new StoreError('corrupt', `a key of ${key.length} bytes`);
    this.#key = key;
  }

  /** `context`: whose it is and what for; only there can it be opened. */
  seal(secret: string, context: string): string {
    const iv = randomBytes(IV_BYTES);
    const cipher = createCipheriv('aes-256-gcm', this.#key, iv).setAAD(Buffer.from(context));
    const sealed = Buffer.concat([iv, cipher.update(secret, 'utf8'), cipher.final(), cipher.getAuthTag()]);
    return VERSION + sealed.toString('base64');
  }

  /** A key of its own for a purpose: always the same, and it tells nothing of the others (RFC 5869). */
  derive(purpose: string): Uint8Array {
    return new Uint8Array(hkdfSync('sha256', this.#key, '', purpose, KEY_BYTES));
  }

  /** The secret, or null if it was sealed under another key, for something else, or is damaged. */
  open(sealed: string, context: string): string | null {
    const bytes = Buffer.from(sealed.slice(VERSION.length), 'base64');
    if (!sealed.startsWith(VERSION) || bytes.length < IV_BYTES + TAG_BYTES) return null;
    const decipher = createDecipheriv('aes-256-gcm', this.#key, bytes.subarray(0, IV_BYTES))
      .setAAD(Buffer.from(context))
      .setAuthTag(bytes.subarray(-TAG_BYTES));
    try {
      const plain = decipher.update(bytes.subarray(IV_BYTES, -TAG_BYTES));
      return Buffer.concat([plain, decipher.final()]).toString('utf8');
    } catch {
      return null; // the tag says no: there is no other error here
    }
  }
}

/** The sealer of a data directory; its key is made, durably, when there is none. */
export async function loadSealer(data: string): Promise<Sealer> {
  const path = join(data, KEY_FILE);
  if (!existsSync(path)) await makeKey(path);
  return new Sealer(await readFile(path));
}

/** Under its name there is a whole key or none, also after a kill; of two who make one, the first wins. */
async function makeKey(path: string): Promise<void> {
  const making = `${path}.${randomBytes(8).toString('hex')}`;
  try {
    await using file = await open(making, 'wx', 0o600);
    await file.writeFile(randomBytes(KEY_BYTES));
    await file.sync();
    await link(making, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    await rm(making, { force: true });
  }
  await using folder = await open(dirname(path), 'r');
  await folder.sync();
}
