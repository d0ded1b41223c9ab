// SPF (RFC 7208): may a host send mail for a domain? Asked by our own resolver, within the bounds of section 4.6.4, and at
// most for SPF_MS; whatever can't be found out is temperror.

import { BlockList, isIP, isIPv4, isIPv6 } from 'node:net';
import type { Answer } from 'dns-packet';
import type { Resolving } from '#protocols/dns/mail-hosts.ts';
import { DnsFailure } from '#protocols/dns/resolver.ts';
import { reverseNames } from '#protocols/dns/reverse.ts';
import { textOf } from '#protocols/dns/text.ts';
import { canonicalDomain } from '#storage/directory/addresses.ts';
import { SPF_LOOKUPS, SPF_MS, SPF_NAMES, SPF_VOID } from './limits.ts';
import { expand, needsName } from './spf-macro.ts';
import { type Directive, isPolicy, readPolicy, type Verdict } from './spf-record.ts';

export type SpfResult = Verdict | 'none' | 'temperror' | 'permerror';

export interface SpfQuestion {
  readonly ip: string;
  /** MAIL FROM; '' for the null sender, in whose place HELO stands (2.4). */
  readonly sender: string;
  readonly helo: string;
}

/** Ends an evaluation. */
class SpfFailure extends Error {
  readonly result: 'temperror' | 'permerror';

  constructor(result: 'temperror' | 'permerror') {
    super(result);
    this.result = result;
  }
}

/** Evaluates the policy of the sender's domain. `limitMs`: for tests. */
export async function checkSpf(resolver: Resolving, question: SpfQuestion, limitMs = SPF_MS): Promise<SpfResult> {
  const ip = plainAddress(question.ip);
  const sender = question.sender === '' ? `postmaster@${question.helo}` : question.sender;
  const at = sender.lastIndexOf('@');
  const domain = canonicalDomain(sender.slice(at + 1));
  // 4.3: what is no name of several labels has no policy.
  if (isIP(ip) === 0 || !isName(domain) || !domain.includes('.')) return 'none';
  const local = sender.slice(0, Math.max(0, at)) || 'postmaster';
  const evaluation = new Evaluation(resolver, { ...question, ip, sender: `${local}@${domain}` });
  const { promise: late, resolve } = Promise.withResolvers<SpfResult>();
  const timer = setTimeout(() => {
    evaluation.over = true;
    resolve('temperror');
  }, limitMs);
  try {
    return await Promise.race([late, evaluation.result(domain)]);
  } finally {
    clearTimeout(timer);
  }
}

class Evaluation {
  /** Its time is over: nothing more is asked. */
  over = false;
  readonly #resolver: Resolving;
  readonly #about: SpfQuestion;
  #lookups = 0;
  #voids = 0;
  #names: Promise<readonly string[]> | null = null;

  constructor(resolver: Resolving, about: SpfQuestion) {
    this.#resolver = resolver;
    this.#about = about;
  }

  async result(domain: string): Promise<SpfResult> {
    try {
      return await this.#check(domain);
    } catch (error) {
      if (error instanceof SpfFailure) return error.result;
      if (error instanceof DnsFailure) return 'temperror';
      throw error;
    }
  }

  /** check_host() of RFC 7208 4. */
  async #check(domain: string): Promise<SpfResult> {
    if (!isName(domain)) return 'none';
    const texts = (await this.#ask(domain, 'TXT')).map(textOf).filter(isPolicy);
    const [text, more] = texts;
    if (text === undefined) return 'none';
    const policy = more === undefined ? readPolicy(text) : null; // 4.5: one, or it says nothing
    if (policy === null) throw new SpfFailure('permerror');
    for (const directive of policy.directives) {
      if (await this.#matches(directive, domain)) return directive.verdict;
    }
    if (policy.redirect === null) return 'neutral';
    this.#count();
    const result = await this.#check(await this.#target(policy.redirect, domain));
    if (result === 'none') throw new SpfFailure('permerror'); // 6.1
    return result;
  }

  async #matches({ mechanism, value, bits4, bits6 }: Directive, domain: string): Promise<boolean> {
    const { ip } = this.#about;
    if (mechanism === 'all') return true;
    if (mechanism === 'ip4') return isIPv4(ip) && within(ip, value, bits4);
    if (mechanism === 'ip6') return isIPv6(ip) && within(ip, value, bits6);
    this.#count();
    const target = value === '' ? domain : await this.#target(value, domain);
    if (mechanism === 'include') return await this.#included(target);
    if (!isName(target)) return false; // 4.8
    const covers = (addresses: readonly string[]) => {
      return addresses.some((address) => within(ip, address, isIPv4(ip) ? bits4 : bits6));
    };
    switch (mechanism) {
      case 'a':
        return covers(this.#found(await this.#addresses(target)));
      case 'exists':
        return this.#found(await this.#ask(target, 'A')).length > 0; // 5.7: an A, whatever the address is
      case 'mx': {
        const hosts = this.#found(await this.#ask(target, 'MX'));
        if (hosts.length > SPF_NAMES) throw new SpfFailure('permerror');
        for (const host of hosts) {
          const name = host.type === 'MX' ? host.data.exchange : '';
          if (isName(name) && covers(await this.#addresses(name))) return true;
        }
        return false;
      }
      default: {
        const names = this.#found(await this.#validatedNames());
        return names.some((name) => isBelow(name, target));
      }
    }
  }

  /** 5.2. */
  async #included(target: string): Promise<boolean> {
    const result = await this.#check(target);
    if (result === 'none') throw new SpfFailure('permerror');
    return result === 'pass';
  }

  /** A domain-spec with its macros filled in; what is too long loses labels at the left (7.3). */
  async #target(spec: string, domain: string): Promise<string> {
    const names = needsName(spec) ? await this.#validatedNames() : [];
    const name = names.find((found) => found === domain) ?? names.find((found) => isBelow(found, domain)) ?? names[0];
    let target = expand(spec, { ...this.#about, domain, name: name ?? 'unknown' }).replace(/\.$/, '');
    while (target.length > 253 && target.includes('.')) target = target.slice(target.indexOf('.') + 1);
    return target.toLowerCase();
  }

  /** The names of the address that lead back to it (5.5); a look-up that fails finds none. */
  #validatedNames(): Promise<readonly string[]> {
    this.#names ??= this.#lookUpNames();
    return this.#names;
  }

  async #lookUpNames(): Promise<readonly string[]> {
    const { ip } = this.#about;
    const found: string[] = [];
    for (const name of (await quietly(reverseNames(this.#resolver, ip))).slice(0, SPF_NAMES)) {
      const addresses = isName(name) ? await quietly(this.#addresses(name)) : [];
      if (addresses.some((address) => within(ip, address, isIPv4(ip) ? 32 : 128))) found.push(name);
    }
    return found;
  }

  /** Of the family that is asked about. */
  async #addresses(name: string): Promise<readonly string[]> {
    const records = await this.#ask(name, isIPv4(this.#about.ip) ? 'A' : 'AAAA');
    return records.flatMap((record) => (record.type === 'A' || record.type === 'AAAA' ? [record.data] : []));
  }

  async #ask(name: string, type: 'A' | 'AAAA' | 'MX' | 'TXT'): Promise<readonly Answer[]> {
    if (this.over) throw new SpfFailure('temperror');
    return (await this.#resolver.resolve(name, type)).records;
  }

  /** A term that asks DNS. */
  #count(): void {
    if (++this.#lookups > SPF_LOOKUPS) throw new SpfFailure('permerror');
  }

  /** What a term found; nothing, too often, is a fault. */
  #found<T>(records: readonly T[]): readonly T[] {
    if (records.length === 0 && ++this.#voids > SPF_VOID) throw new SpfFailure('permerror');
    return records;
  }
}

async function quietly(asked: Promise<readonly string[]>): Promise<readonly string[]> {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof DnsFailure) return [];
    throw error;
  }
}

/** A name that can be asked for: labels of 1 to 63 visible characters. */
function isName(name: string): boolean {
  const labels = (name.endsWith('.') ? name.slice(0, -1) : name).split('.');
  return name.length <= 254 && labels.every((label) => label.length <= 63 && /^[!-~]+$/.test(label));
}

function isBelow(name: string, domain: string): boolean {
  return name === domain || name.endsWith(`.${domain}`);
}

/** RFC 7208 5: an IPv4 address in IPv6 clothing is an IPv4 address. */
function plainAddress(address: string): string {
  return /^::ffff:([\d.]+)$/i.exec(address)?.[1] ?? address.replace(/%.*$/, '');
}

function within(ip: string, network: string, bits: number): boolean {
  const family = isIPv4(ip) ? 'ipv4' : 'ipv6';
  if (isIP(network) !== (family === 'ipv4' ? 4 : 6)) return false;
  const list = new BlockList();
  list.addSubnet(network, bits, family);
  return list.check(ip, family);
}
