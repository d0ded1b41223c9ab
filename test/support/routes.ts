// Routes for tests, read from what the settings would hold.
import { type GatewayConfig, parseGateways } from '#config/gateways.ts';
import { Expected } from '#config/parts.ts';
import { parseRoutes, parseRouting, type RouteConfig, type RoutingRule } from '#config/routes.ts';

export interface RouteSettings {
  /** Tables of [[outbound.routes]]. */
  readonly routes?: readonly Readonly<Record<string, unknown>>[];
  readonly routing?: readonly string[];
  /** Tables of [[outbound.gateways]]. */
  readonly gateways?: readonly Readonly<Record<string, unknown>>[];
}

export function readRoutes({ routes = [], routing = [], gateways = [] }: RouteSettings): {
  readonly routes: readonly RouteConfig[];
  readonly routing: readonly RoutingRule[];
  readonly gateways: readonly GatewayConfig[];
} {
  const read = <T>(value: T | Expected): T => {
    if (value instanceof Expected) throw new Error(`expected ${value.what}`);
    return value;
  };
  const found = read(parseGateways(gateways));
  return {
    gateways: found,
    routes: read(parseRoutes(routes)),
    routing: routing.map((line) => read(parseRouting(line))),
  };
}
