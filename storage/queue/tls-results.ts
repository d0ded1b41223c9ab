// How TLS with other domains went, counted by day until it is reported (RFC 8460).

import type { DatabaseKey, Engine } from '../engines/port.ts';
import { all, type Op, one, run } from '../operation.ts';
import type { TlsResult, TlsResults } from '../ports.ts';
import { TLS_RESULTS } from './limits.ts';

const DB: DatabaseKey = { kind: 'queue' };

export class SqlTlsResults implements TlsResults {
  readonly #engine: Engine;

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  async add(day: number, domain: string, { policy, result, detail }: Omit<TlsResult, 'sessions'>): Promise<void> {
    await this.#engine.write(DB, function* (): Op<void> {
      yield* run(`UPDATE counter SET modseq = modseq + 1 WHERE account = 'queue'`);
      const counted = yield* one(
        `UPDATE tls_result SET sessions = sessions + 1
         WHERE day = $1 AND domain = $2 AND policy = $3 AND result = $4 AND detail = $5 RETURNING sessions`,
        [day, domain, policy, result, detail],
      );
      if (counted !== undefined) return;
      const full = yield* one(
        `SELECT sessions FROM tls_result WHERE day = $1 AND domain = $2 LIMIT 1 OFFSET ${TLS_RESULTS}`,
        [day, domain],
      );
      if (full !== undefined) return;
      yield* run(
        'INSERT INTO tls_result (day, domain, policy, result, detail, sessions) VALUES ($1, $2, $3, $4, $5, 1)',
        [day, domain, policy, result, detail],
      );
    });
  }

  async first(before: number, after: { readonly day: number; readonly domain: string }) {
    const sql = `SELECT day, domain FROM tls_result WHERE (day, domain) > ($1, $2) AND day < $3
      ORDER BY day, domain LIMIT 1`;
    const args = [after.day, after.domain, before];
    return await this.#engine.read(DB, () => one<{ day: number; domain: string }>(sql, args));
  }

  of(day: number, domain: string): Promise<TlsResult[]> {
    const sql = `SELECT policy, result, detail, sessions FROM tls_result WHERE day = $1 AND domain = $2
      ORDER BY policy, result, detail LIMIT ${TLS_RESULTS + 1}`;
    return this.#engine.read(DB, () => all<TlsResult>(sql, [day, domain]));
  }

  async remove(day: number, domain: string): Promise<void> {
    await this.#engine.write(DB, function* (): Op<void> {
      yield* run(`UPDATE counter SET modseq = modseq + 1 WHERE account = 'queue'`);
      yield* run('DELETE FROM tls_result WHERE day = $1 AND domain = $2', [day, domain]);
    });
  }
}
