// What went out by a route in the last hours, where its provider limits a day: it outlives a restart.

import { all, type Op, run } from '../operation.ts';
import type { RouteUse } from '../ports.ts';

/** Hours that are kept: a day, and the one that has begun. */
const KEPT_HOURS = 25;

export function* used(route: string, since: number): Op<RouteUse[]> {
  return yield* all<RouteUse>(
    'SELECT hour, messages, recipients FROM route_use WHERE route = $1 AND hour >= $2 ORDER BY hour LIMIT 100',
    [route, since],
  );
}

export function* noteUse(route: string, { hour, messages, recipients }: RouteUse): Op<void> {
  yield* run(`UPDATE counter SET modseq = modseq + 1 WHERE account = 'queue'`);
  yield* run(
    `INSERT INTO route_use (route, hour, messages, recipients) VALUES ($1, $2, $3, $4)
     ON CONFLICT (route, hour) DO UPDATE SET messages = route_use.messages + excluded.messages,
       recipients = route_use.recipients + excluded.recipients`,
    [route, hour, messages, recipients],
  );
  yield* run('DELETE FROM route_use WHERE route = $1 AND hour < $2', [route, hour - KEPT_HOURS]);
}
