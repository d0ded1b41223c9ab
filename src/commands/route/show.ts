// posthuis route show NAME [--json]

import type { RouteConfig, RoutingRule } from '#config/routes.ts';
import { formatSize } from '#config/size.ts';
import type { RouteUse } from '#storage/ports.ts';
import { type StoreCommand, takeWords } from '../command.ts';
import { type ShownCredential, shownCredentials } from './credentials.ts';
import { findRoute, loginKindOf, placeOf } from './find.ts';

interface Shown {
  readonly route: RouteConfig;
  /** Those of the settings that name it. */
  readonly rules: readonly RoutingRule[];
  readonly credentials: readonly ShownCredential[];
  /** By its one login for all; counted where a day is limited. */
  readonly lastDay: Omit<RouteUse, 'hour'>;
  /** Messages; at most this many are counted. */
  readonly waiting: number;
}

const DAY_MS = 86_400_000;
const COUNTED = 10_000;

export const command: StoreCommand<{ readonly name: string }, Shown> = {
  kind: 'store',
  prepare(invocation, terminal) {
    const { NAME: name } = takeWords(invocation, 'NAME');
    return {
      args: { name },
      show(shown) {
        if (invocation.flags.has('json')) terminal.out(JSON.stringify(shown, null, 2));
        else for (const line of linesOf(shown)) terminal.out(line);
        return undefined;
      },
    };
  },
  async run({ config, store }, { name }) {
    const route = findRoute(config, name);
    const used = await store.queue.used(`=${name}`, Date.now() - DAY_MS);
    return {
      route,
      rules: config.outbound.routing.filter((rule) => rule.route === name),
      credentials: (await shownCredentials(store)).filter((credential) => credential.route === name),
      lastDay: {
        messages: used.reduce((sum, { messages }) => sum + messages, 0),
        recipients: used.reduce((sum, { recipients }) => sum + recipients, 0),
      },
      waiting: (await store.queue.list({ route: name }, 0, COUNTED)).length,
    };
  },
};

function linesOf({ route, rules, credentials, lastDay, waiting }: Shown): string[] {
  const { limits } = route;
  const counts = Object.entries({
    'messages a minute': limits.messagesAMinute,
    'messages a day': limits.messagesADay,
    'recipients a day': limits.recipientsADay,
    'recipients a message': limits.recipientsAMessage,
    connections: limits.connections,
  }).filter(([, value]) => value !== null);
  return [
    `${route.name}: ${route.driver} to ${placeOf(route)}`,
    ...(route.driver === 'smtp' ? [`TLS: ${route.tls}${route.verify ? '' : ', certificate not checked'}`] : []),
    `login: ${loginKindOf(route)}${route.login === '' ? '' : `, ${route.login}`}`,
    `largest message: ${limits.messageSize === null ? 'no limit' : formatSize(limits.messageSize)}`,
    ...counts.map(([what, value]) => `${what}: ${value}`),
    ...rules.map(
      ({ conditions }) => `takes: ${conditions.map(({ kind, value }) => `${kind}=${value}`).join(' ') || 'all'}`,
    ),
    ...credentials.map(({ account, kind, login, changed }) => {
      const whose = account === null ? 'for all' : `of ${account}`;
      return `${kind} ${whose}${login === '' ? '' : ` (${login})`}, set ${new Date(changed).toISOString()}`;
    }),
    `last 24 hours: ${lastDay.messages} messages to ${lastDay.recipients} recipients, ${waiting} messages wait`,
  ];
}
