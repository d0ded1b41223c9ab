// What is set for a domain, by name: rows of the table of settings whose owner is `@` and the domain, which no account is
// called.

import { begin, finish } from '../account/unit.ts';
import { log } from '../changes/log.ts';
import type { DatabaseKey, Engine } from '../engines/port.ts';
import { StoreError } from '../errors.ts';
import { type Op, run } from '../operation.ts';
import type { DomainSettings } from '../ports.ts';
import { canonicalDomain } from './addresses.ts';
import { KEPT_DOMAINS, SETTING_VALUES } from './limits.ts';
import { Collection, DIRECTORY, domainRow, readSettings } from './rows.ts';

const DB: DatabaseKey = { kind: 'directory' };

export class SqlDomainSettings implements DomainSettings {
  readonly #engine: Engine;
  /** Read at each submission: kept while the directory is as it was. */
  readonly #kept = new Map<string, ReadonlyMap<string, readonly string[]>>();
  #generation = -1;

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  async get(text: string): Promise<ReadonlyMap<string, readonly string[]>> {
    const domain = canonicalDomain(text);
    const generation = this.#engine.generation(DB);
    if (generation !== this.#generation) this.#kept.clear();
    this.#generation = generation;
    const kept = this.#kept.get(domain);
    if (kept !== undefined) return kept;
    const settings = await this.#engine.read(DB, () => readSettings(ownerOf(domain)));
    // Read while the directory moved it may be of either side: it is good once, and not kept.
    if (this.#engine.generation(DB) !== generation || this.#generation !== generation) return settings;
    if (this.#kept.size >= KEPT_DOMAINS) this.#kept.clear();
    this.#kept.set(domain, settings);
    return settings;
  }

  async set(text: string, name: string, values: readonly string[]): Promise<void> {
    const domain = canonicalDomain(text);
    if (values.length > SETTING_VALUES) throw new StoreError('limit', `more than ${SETTING_VALUES} values`);
    await this.#engine.write(DB, function* (): Op<void> {
      const unit = yield* begin(DIRECTORY);
      const row = yield* domainRow(domain);
      if (row === undefined) throw new StoreError('not-found', `no domain ${domain}`);
      yield* run('DELETE FROM setting WHERE owner = $1 AND name = $2', [ownerOf(domain), name]);
      for (const value of new Set(values)) {
        yield* run('INSERT INTO setting (owner, name, value) VALUES ($1, $2, $3)', [ownerOf(domain), name, value]);
      }
      const about = { kind: 'set', reason: 'domain', collection: Collection.domain, object: row.id } as const;
      yield* log(unit, 'directory', { ...about, name: domain });
      yield* finish(unit);
    });
  }
}

/** Of a domain that is removed. */
export function* forgetDomainSettings(domain: string): Op<void> {
  yield* run('DELETE FROM setting WHERE owner = $1', [ownerOf(domain)]);
}

function ownerOf(domain: string): string {
  return `@${domain}`;
}
