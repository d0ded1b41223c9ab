// Drafts that a route has begun elsewhere and may have left behind: they outlive a restart.

import { all, type Op, run } from '../operation.ts';
import { DRAFTS } from './limits.ts';

export function* drafts(route: string): Op<string[]> {
  const rows = yield* all<{ draft: string }>('SELECT draft FROM route_draft WHERE route = $1 ORDER BY draft LIMIT $2', [
    route,
    DRAFTS,
  ]);
  return rows.map(({ draft }) => draft);
}

export function* noteDraft(route: string, draft: string, there: boolean, now: number): Op<void> {
  yield* run(`UPDATE counter SET modseq = modseq + 1 WHERE account = 'queue'`);
  if (!there) {
    yield* run('DELETE FROM route_draft WHERE route = $1 AND draft = $2', [route, draft]);
    return;
  }
  yield* run('INSERT INTO route_draft (route, draft, at) VALUES ($1, $2, $3) ON CONFLICT (route, draft) DO NOTHING', [
    ...[route, draft, now],
  ]);
}
