// The grammar of SPF policies (RFC 7208 12): from the text of a record to its terms. A single fault makes all of it worth
// nothing (4.6), so that nobody is let in by half of what was meant.

import { isIPv4, isIPv6 } from 'node:net';
import { SPF_OCTETS } from './limits.ts';

export type Verdict = 'pass' | 'fail' | 'softfail' | 'neutral';

export interface Directive {
  readonly verdict: Verdict;
  readonly mechanism: 'all' | 'include' | 'a' | 'mx' | 'ptr' | 'exists' | 'ip4' | 'ip6';
  /** The domain-spec, or the network of ip4 and ip6; '' for none. */
  readonly value: string;
  readonly bits4: number;
  readonly bits6: number;
}

export interface Policy {
  readonly directives: readonly Directive[];
  /** A domain-spec; null for none. */
  readonly redirect: string | null;
}

const VERDICTS: Readonly<Record<string, Verdict>> = {
  '': 'pass',
  '+': 'pass',
  '-': 'fail',
  '~': 'softfail',
  '?': 'neutral',
};
const DIRECTIVE = /^([-+~?]?)(all|include|a|mx|ptr|ip4|ip6|exists)((?:[:/].*)?)$/i;
const MODIFIER = /^([a-z][a-z0-9_.-]*)=(.*)$/i;
/** Macros of 7.1; c, r and t only stand in explanations. */
const MACRO_STRING = /^(?:%\{[slodiphv]\d{0,3}r?[-.+,/_=]*\}|%[%_-]|[!-$&-~])*$/i;
const EXPLANATION = /^(?:%\{[slodiphvcrt]\d{0,3}r?[-.+,/_=]*\}|%[%_-]|[!-$&-~])*$/i;
const ENDS_IN_MACRO = /(?:\}|%[%_-])$/;
const TOP_LABEL = /^(?=.*[a-z-])[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/i;
const LENGTHS = /^(.*?)(?:\/(0|[1-9]\d?))?(?:\/\/(0|[1-9]\d{0,2}))?$/;

/** Is it an SPF record at all (RFC 7208 4.5)? */
export function isPolicy(text: string): boolean {
  return /^v=spf1(?: |$)/i.test(text);
}

/** The terms of a record; null if one can't be read. */
export function readPolicy(text: string): Policy | null {
  if (text.length > SPF_OCTETS) return null;
  const directives: Directive[] = [];
  const modifiers = new Map<string, string>();
  for (const term of text.slice('v=spf1'.length).split(' ')) {
    if (term === '') continue;
    const [, sign = '', name = '', rest = ''] = DIRECTIVE.exec(term) ?? [];
    const directive = name === '' ? null : readDirective(VERDICTS[sign], name.toLowerCase(), rest);
    if (directive !== null) directives.push(directive);
    else if (name !== '' || !takeModifier(modifiers, term)) return null;
  }
  return { directives, redirect: modifiers.get('redirect') ?? null };
}

/** RFC 7208 6: redirect and exp once each; whatever else there is has to be well-formed and says nothing. */
function takeModifier(modifiers: Map<string, string>, term: string): boolean {
  const [, name = '', value = ''] = MODIFIER.exec(term) ?? [];
  const known = name.toLowerCase();
  if (known !== 'redirect' && known !== 'exp') return name !== '' && EXPLANATION.test(value);
  if (modifiers.has(known) || !isDomainSpec(value)) return false;
  modifiers.set(known, value);
  return true;
}

function readDirective(verdict: Verdict | undefined, mechanism: string, rest: string): Directive | null {
  if (verdict === undefined) return null;
  const made = (name: Directive['mechanism'], value = '', bits4 = 32, bits6 = 128) => {
    return bits4 > 32 || bits6 > 128 ? null : { verdict, mechanism: name, value, bits4, bits6 };
  };
  const named = rest.startsWith(':') && isDomainSpec(rest.slice(1));
  switch (mechanism) {
    case 'all':
      return rest === '' ? made('all') : null;
    case 'include':
    case 'exists':
      return named ? made(mechanism, rest.slice(1)) : null;
    case 'ptr':
      return rest === '' || named ? made('ptr', rest.slice(1)) : null;
    case 'a':
    case 'mx': {
      const [, value = '', bits4, bits6] = LENGTHS.exec(rest) ?? [];
      if (value !== '' && !(value.startsWith(':') && isDomainSpec(value.slice(1)))) return null;
      return made(mechanism, value.slice(1), numberOf(bits4, 32), numberOf(bits6, 128));
    }
    case 'ip4': {
      const [, network = '', bits] = /^:([\d.]+)(?:\/(0|[1-9]\d?))?$/.exec(rest) ?? [];
      return isIPv4(network) ? made('ip4', network, numberOf(bits, 32)) : null;
    }
    default: {
      const [, network = '', bits] = /^:([\da-f:.]+)(?:\/(0|[1-9]\d{0,2}))?$/i.exec(rest) ?? [];
      return isIPv6(network) ? made('ip6', network, 32, numberOf(bits, 128)) : null;
    }
  }
}

function numberOf(text: string | undefined, otherwise: number): number {
  return text === undefined ? otherwise : Number(text);
}

/** RFC 7208 7.1: it ends in a macro or in a label that can be a top-level domain's. */
function isDomainSpec(text: string): boolean {
  if (text === '' || !MACRO_STRING.test(text)) return false;
  if (ENDS_IN_MACRO.test(text)) return true;
  const name = text.endsWith('.') ? text.slice(0, -1) : text;
  const dot = name.lastIndexOf('.');
  return dot >= 0 && TOP_LABEL.test(name.slice(dot + 1));
}
