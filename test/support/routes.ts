// Routes for tests, read from what the settings would hold.
import { Expected } from '#config/parts.ts';
import { parseRoutes, parseRouting, type RouteConfig, type RoutingRule } from '#config/routes.ts';

export interface RouteSettings {
  /** Tables of [[outbound.routes]]. */
  readonly routes?: readonly Readonly<Record<string, unknown>>[];
  readonly routing?: readonly string[];
}

export function readRoutes({ routes = [], routing = [] }: RouteSettings): {
  readonly routes: readonly RouteConfig[];
  readonly routing: readonly RoutingRule[];
} {
  const read = <T>(value: T | Expected): T => {
    if (value instanceof Expected) throw new Error(`expected ${value.what}`);
    return value;
  };
  return { routes: read(parseRoutes(routes)), routing: routing.map((line) => read(parseRouting(line))) };
}
