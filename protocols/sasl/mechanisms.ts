// The SASL mechanisms that are offered, in the order in which they are advertised.

import { login } from './login.ts';
import type { Mechanism } from './mechanism.ts';
import { plain } from './plain.ts';

const FACTORIES: ReadonlyMap<string, () => Mechanism> = new Map([
  ['PLAIN', plain],
  ['LOGIN', login],
]);

/** The names, upper case. */
export const MECHANISMS: readonly string[] = [...FACTORIES.keys()];

/** A new exchange of this mechanism (in any case), or undefined when there is no such mechanism. */
export function createMechanism(name: string): Mechanism | undefined {
  return FACTORIES.get(name.toUpperCase())?.();
}
