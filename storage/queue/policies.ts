// MTA-STS policies of other domains, kept as long as they say: what a domain has once promised can't be taken back by
// whoever is in between (RFC 8461 3.3).

import type { DatabaseKey, Engine } from '../engines/port.ts';
import { type Op, one, run } from '../operation.ts';
import type { KeptPolicy, Policies } from '../ports.ts';
import { POLICIES } from './limits.ts';

const DB: DatabaseKey = { kind: 'queue' };

interface PolicyRow {
  readonly id: string;
  readonly mode: KeptPolicy['mode'];
  readonly hosts: string;
  readonly expires: number;
}

export class SqlPolicies implements Policies {
  readonly #engine: Engine;

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  async get(domain: string): Promise<KeptPolicy | undefined> {
    const sql = 'SELECT id, mode, hosts, expires FROM sts_policy WHERE domain = $1';
    const row = await this.#engine.read(DB, () => one<PolicyRow>(sql, [domain]));
    return row === undefined ? undefined : { ...row, hosts: row.hosts.split(' ').filter((host) => host !== '') };
  }

  async put(domain: string, { id, mode, hosts, expires }: KeptPolicy): Promise<void> {
    await this.#engine.write(DB, function* (): Op<void> {
      yield* run(`UPDATE counter SET modseq = modseq + 1 WHERE account = 'queue'`);
      yield* run(
        `INSERT INTO sts_policy (domain, id, mode, hosts, expires) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (domain) DO UPDATE SET id = excluded.id, mode = excluded.mode, hosts = excluded.hosts,
           expires = excluded.expires`,
        [domain, id, mode, hosts.join(' '), expires],
      );
      // The one that expires first goes when there are too many.
      const last = yield* one<{ expires: number }>(
        `SELECT expires FROM sts_policy ORDER BY expires DESC LIMIT 1 OFFSET ${POLICIES}`,
      );
      if (last !== undefined) yield* run('DELETE FROM sts_policy WHERE expires <= $1', [last.expires]);
    });
  }
}
