// By which route a recipient's mail goes (F207): the first rule decides of which all conditions hold. First and not most
// specific, because who writes the rules sees their order, and nobody remembers how five kinds of conditions would rank.

import type { RouteConfig, RoutingCondition, RoutingRule } from '#config/routes.ts';
import { canonicalDomain } from '#storage/directory/addresses.ts';
import type { Account } from '#storage/ports.ts';
import { networkMatcher } from '../../peers.ts';

/** Whose mail it is. */
export interface Origin {
  /** MAIL FROM; '' for the null sender. */
  readonly sender: string;
  /** The account that has handed it in; null: it is ours. */
  readonly account: Pick<Account, 'id' | 'address'> | null;
  /** The IP address that it was handed in from; null: none. */
  readonly network: string | null;
}

/** The lane of a recipient in this domain, as it stands in the queue; '': the mail hosts of its domain. */
export type ChooseRoute = (origin: Origin, domain: string) => string;

type Holds = (origin: Origin, domain: string) => boolean;

/** Reads the rules once. */
export function chooseRoute(routes: readonly RouteConfig[], rules: readonly RoutingRule[]): ChooseRoute {
  const byName = new Map(routes.map((route) => [route.name, route]));
  const compiled = rules.map(({ route, conditions }) => ({
    route: route === null ? null : byName.get(route),
    conditions: conditions.map(compile),
  }));
  return (origin, domain) => {
    for (const { route, conditions } of compiled) {
      // A login of each account's own is nobody's for what is our own.
      if (route === undefined || (route?.auth === 'user' && origin.account === null)) continue;
      if (conditions.every((holds) => holds(origin, domain))) return route === null ? '' : laneOf(route, origin);
    }
    return '';
  };
}

/** Each login has a lane of its own: what its provider limits is the login. */
function laneOf({ name, auth }: RouteConfig, { account }: Origin): string {
  return auth === 'user' && account !== null ? `=${name}/${account.id}` : `=${name}`;
}

function compile({ kind, value }: RoutingCondition): Holds {
  switch (kind) {
    case 'sender':
      if (value === '<>') return ({ sender }) => sender === '';
      if (value.startsWith('@')) {
        const domain = canonicalDomain(value.slice(1));
        return ({ sender }) => sender !== '' && canonicalDomain(sender.slice(sender.lastIndexOf('@') + 1)) === domain;
      }
      return ({ sender }) => sender.toLowerCase() === value;
    case 'account':
      return ({ account }) => account?.address.toLowerCase() === value;
    case 'recipient': {
      const wanted = canonicalDomain(value);
      return (_origin, domain) => domain === wanted;
    }
    case 'network': {
      const matches = networkMatcher([value]);
      return ({ network }) => network !== null && matches(network);
    }
  }
}

/** A lane read again: the route's name, and the account whose login it takes. */
export function readLane(lane: string): { readonly name: string; readonly owner: string } {
  const [name = '', owner = ''] = lane.slice(1).split('/', 2);
  return { name, owner };
}
