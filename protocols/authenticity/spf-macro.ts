// Macros in SPF policies (RFC 7208 7): names that are made of who sends and from where.

import { isIPv4 } from 'node:net';
import { reverseName } from '#protocols/dns/reverse.ts';

export interface MacroValues {
  /** An address; its local part is `postmaster` where it has none. */
  readonly sender: string;
  readonly ip: string;
  readonly helo: string;
  /** Whose policy it is. */
  readonly domain: string;
  /** The validated name of the address; `unknown` where there is none. */
  readonly name: string;
}

const MACRO = /%(?:\{([a-z])(\d*)(r?)([-.+,/_=]*)\}|([%_-]))/gi;
const LITERALS: Readonly<Record<string, string>> = { '%': '%', _: ' ', '-': '%20' };

/** Does it need the validated name of the address? */
export function needsName(text: string): boolean {
  return /%\{p/i.test(text);
}

/** What a macro-string comes to. */
export function expand(text: string, values: MacroValues): string {
  return text.replace(MACRO, (_all, letter?: string, digits = '', reverse = '', delimiters = '', literal = '') => {
    if (letter === undefined) return LITERALS[literal] ?? '';
    const value = transform(macroValue(letter.toLowerCase(), values), digits, reverse !== '', delimiters);
    // 7.3: an upper-case letter asks for what a URL takes.
    return letter === letter.toLowerCase() ? value : encodeURIComponent(value).replace(/[!'()*]/g, percent);
  });
}

function macroValue(letter: string, { sender, ip, helo, domain, name }: MacroValues): string {
  const at = sender.lastIndexOf('@');
  switch (letter) {
    case 's':
      return sender;
    case 'l':
      return sender.slice(0, at);
    case 'o':
      return sender.slice(at + 1);
    case 'd':
      return domain;
    case 'i':
      return isIPv4(ip) ? ip : reverseName(ip).slice(0, -'.ip6.arpa'.length).split('.').reverse().join('.');
    case 'p':
      return name;
    case 'v':
      return isIPv4(ip) ? 'in-addr' : 'ip6';
    default:
      return helo;
  }
}

/** 7.3: split at the delimiters, turned round, the last so many, and joined by dots. */
function transform(value: string, digits: string, reverse: boolean, delimiters: string): string {
  if (digits === '' && !reverse && delimiters === '') return value;
  const marks = new Set(delimiters === '' ? '.' : delimiters);
  const parts = [''];
  for (const char of value) {
    if (marks.has(char)) parts.push('');
    else parts[parts.length - 1] += char;
  }
  if (reverse) parts.reverse();
  const count = Number(digits);
  return (count > 0 ? parts.slice(-count) : parts).join('.');
}

function percent(char: string): string {
  return `%${char.charCodeAt(0).toString(16).toUpperCase()}`;
}
