// The keys that a domain's mail is signed with (DKIM), in sets of which one signs. The private halves are sealed.

import type { DatabaseKey, Engine } from '../engines/port.ts';
import { StoreError } from '../errors.ts';
import { all, type Op, one, run } from '../operation.ts';
import type { NewSigningKey, SigningKey, SigningKeys } from '../ports.ts';
import type { Sealer } from '../secrets/sealing.ts';
import { canonicalDomain } from './addresses.ts';
import { KEY_SETS } from './limits.ts';
import { domainRow } from './rows.ts';

export interface SigningKeysParts {
  readonly engine: Engine;
  readonly sealer: Sealer;
  /** Unix ms. */
  readonly now: () => number;
}

interface KeyRow {
  readonly domain: string;
  readonly selector: string;
  readonly key_set: string;
  readonly algorithm: SigningKey['algorithm'];
  readonly public_key: string;
  readonly sealed: string;
  readonly signs: number;
  readonly created: number;
}

const DB: DatabaseKey = { kind: 'directory' };
const COLUMNS = 'domain, selector, key_set, algorithm, public_key, sealed, signs, created';

export class SqlSigningKeys implements SigningKeys {
  readonly #parts: SigningKeysParts;

  constructor(parts: SigningKeysParts) {
    this.#parts = parts;
  }

  async list(domain: string): Promise<SigningKey[]> {
    const rows = await this.#parts.engine.read(DB, () => rowsOf(canonicalDomain(domain)));
    return rows.map(({ key_set: set, public_key: publicKey, signs, sealed: _, ...rest }) => ({
      ...{ ...rest, set, publicKey, signs: signs === 1 },
    }));
  }

  async signing(domain: string): Promise<{ readonly key: SigningKey; readonly privateKey: Uint8Array }[]> {
    const rows = await this.#parts.engine.read(DB, () => rowsOf(domain));
    return rows
      .filter(({ signs }) => signs === 1)
      .map(({ key_set: set, public_key: publicKey, sealed, ...rest }) => ({
        key: { ...rest, set, publicKey, signs: true },
        privateKey: this.#unsealed(sealed, about(rest.domain, rest.selector)),
      }));
  }

  async add(name: string, set: string, keys: readonly NewSigningKey[]): Promise<void> {
    const domain = canonicalDomain(name);
    const now = this.#parts.now();
    const sealed = keys.map(({ selector, privateKey }) =>
      this.#parts.sealer.seal(Buffer.from(privateKey).toString('base64'), about(domain, selector)),
    );
    await this.#parts.engine.write(DB, function* (): Op<void> {
      yield* lock();
      if ((yield* domainRow(domain)) === undefined) throw new StoreError('not-found', `no domain ${domain}`);
      const known = yield* rowsOf(domain);
      const sets = new Set(known.map((row) => row.key_set));
      if (sets.has(set)) throw new StoreError('exists', `${domain} has keys ${set}`);
      if (sets.size >= KEY_SETS) throw new StoreError('limit', `more than ${KEY_SETS} sets of keys`);
      for (const [i, key] of keys.entries()) {
        yield* run(`INSERT INTO signing_key (${COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`, [
          ...[domain, key.selector, set, key.algorithm, key.publicKey],
          ...[sealed[i] ?? '', known.length === 0 ? 1 : 0, now],
        ]);
      }
    });
  }

  #unsealed(sealed: string, what: string): Uint8Array {
    const secret = this.#parts.sealer.open(sealed, what);
    // Unsigned it would be taken for a forgery, so it is not sent like that.
    if (secret === null) throw new StoreError('unavailable', `the ${what} was sealed with another secret.key`);
    return Buffer.from(secret, 'base64');
  }

  async use(name: string, set: string): Promise<void> {
    const domain = canonicalDomain(name);
    await this.#parts.engine.write(DB, function* (): Op<void> {
      yield* lock();
      yield* theSet(domain, set);
      yield* run('UPDATE signing_key SET signs = CASE WHEN key_set = $2 THEN 1 ELSE 0 END WHERE domain = $1', [
        domain,
        set,
      ]);
    });
  }

  async remove(name: string, set: string): Promise<void> {
    const domain = canonicalDomain(name);
    await this.#parts.engine.write(DB, function* (): Op<void> {
      yield* lock();
      yield* theSet(domain, set);
      yield* run('DELETE FROM signing_key WHERE domain = $1 AND key_set = $2', [domain, set]);
    });
  }
}

/** Where a sealed key belongs. */
function about(domain: string, selector: string): string {
  return `signing key ${selector} of ${domain}`;
}

function* lock(): Op<void> {
  yield* one(`SELECT modseq FROM counter WHERE account = 'directory' /*FOR UPDATE*/`);
}

function* rowsOf(domain: string): Op<KeyRow[]> {
  return yield* all<KeyRow>(`SELECT ${COLUMNS} FROM signing_key WHERE domain = $1 ORDER BY selector LIMIT 100`, [
    domain,
  ]);
}

function* theSet(domain: string, set: string): Op<void> {
  const row = yield* one('SELECT selector FROM signing_key WHERE domain = $1 AND key_set = $2 LIMIT 1', [domain, set]);
  if (row === undefined) throw new StoreError('not-found', `${domain} has no keys ${set}`);
}
