// What we log in with at smarthosts and their token services, sealed: the databases alone open nothing.

import type { DatabaseKey, Engine } from '../engines/port.ts';
import { StoreError } from '../errors.ts';
import { all, type Op, one, run } from '../operation.ts';
import type { AccountId, RouteCredential, RouteCredentials, RouteSecretKind } from '../ports.ts';
import type { Sealer } from '../secrets/sealing.ts';
import { ROUTE_SECRET } from './limits.ts';

export interface RouteCredentialsParts {
  readonly engine: Engine;
  readonly sealer: Sealer;
  /** Unix ms. */
  readonly now: () => number;
}

interface Row extends RouteCredential {
  readonly sealed: string;
}

const DB: DatabaseKey = { kind: 'directory' };
const COLUMNS = 'route, owner, kind, login, sealed, version, changed';
const PAGE = 500;

export class SqlRouteCredentials implements RouteCredentials {
  readonly #parts: RouteCredentialsParts;

  constructor(parts: RouteCredentialsParts) {
    this.#parts = parts;
  }

  async list(): Promise<RouteCredential[]> {
    const found: RouteCredential[] = [];
    for (let after: [string, string, string] = ['', '', '']; ; ) {
      const from = after;
      const rows = await this.#parts.engine.read(DB, () =>
        all<Row>(
          `SELECT ${COLUMNS} FROM route_credential WHERE (owner, route, kind) > ($1, $2, $3)
           ORDER BY owner, route, kind LIMIT ${PAGE}`,
          from,
        ),
      );
      found.push(...rows.map(shown));
      const last = rows.at(-1);
      if (last === undefined || rows.length < PAGE) return found;
      after = [last.owner, last.route, last.kind];
    }
  }

  async secret(route: string, owner: AccountId | '', kind: RouteSecretKind) {
    const row = await this.#parts.engine.read(DB, () => rowOf(route, owner, kind));
    if (row === undefined) return undefined;
    const secret = this.#parts.sealer.open(row.sealed, about(row));
    if (secret === null) {
      throw new StoreError('unavailable', `the ${kind} of route ${route} was sealed with another secret.key`);
    }
    return { credential: shown(row), secret };
  }

  async set(
    credential: Pick<RouteCredential, 'route' | 'owner' | 'kind' | 'login'>,
    secret: string,
    replaces?: number,
  ): Promise<boolean> {
    if (secret.length > ROUTE_SECRET) throw new StoreError('limit', `a secret of more than ${ROUTE_SECRET} characters`);
    const { route, owner, kind, login } = credential;
    const sealed = this.#parts.sealer.seal(secret, about(credential));
    const now = this.#parts.now();
    return await this.#parts.engine.write(DB, function* (): Op<boolean> {
      const version = yield* nextVersion();
      const known = yield* rowOf(route, owner, kind);
      if (replaces !== undefined && known?.version !== replaces) return false;
      yield* run(
        `INSERT INTO route_credential (${COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7)
         ON CONFLICT (owner, route, kind) DO UPDATE SET login = excluded.login, sealed = excluded.sealed,
           version = excluded.version, changed = excluded.changed`,
        [route, owner, kind, login, sealed, version, now],
      );
      return true;
    });
  }

  async remove(route: string, owner: AccountId | ''): Promise<void> {
    await this.#parts.engine.write(DB, function* (): Op<void> {
      yield* nextVersion();
      const removed = yield* all('DELETE FROM route_credential WHERE route = $1 AND owner = $2 RETURNING kind', [
        route,
        owner,
      ]);
      if (removed.length === 0) throw new StoreError('not-found', `no credential of route ${route}`);
    });
  }
}

/** Where a sealed secret belongs. */
function about({ route, owner, kind }: Pick<RouteCredential, 'route' | 'owner' | 'kind'>): string {
  return `${kind} of route ${route} for ${owner}`;
}

function shown({ sealed: _, ...row }: Row): RouteCredential {
  return row;
}

function* rowOf(route: string, owner: string, kind: string): Op<Row | undefined> {
  return yield* one<Row>(`SELECT ${COLUMNS} FROM route_credential WHERE route = $1 AND owner = $2 AND kind = $3`, [
    route,
    owner,
    kind,
  ]);
}

/** Locks the directory, as every writer does first; the modseq of this change. */
function* nextVersion(): Op<number> {
  const row = yield* one<{ modseq: number }>(
    `UPDATE counter SET modseq = modseq + 1 WHERE account = 'directory' RETURNING modseq`,
  );
  if (row === undefined) throw new StoreError('corrupt', 'the directory has no counter row');
  return row.modseq;
}
