// DKIM signatures of mail that comes in (RFC 6376, RFC 8463, RFC 8301): which domains have signed it, as it is? What is said
// to be signed is all of the body, whatever l= says: a message with more than was signed is not the one that was.

import { createHash, verify as verifyWith } from 'node:crypto';
import { promisify } from 'node:util';
import type { Resolving } from '#protocols/dns/mail-hosts.ts';
import { DnsFailure } from '#protocols/dns/resolver.ts';
import { canonicalDomain } from '#storage/directory/addresses.ts';
import { type Field, fields, latin1 } from '#storage/message/headers.ts';
import { type CanonicalBody, RelaxedBody, relaxedField, SimpleBody } from './canonical.ts';
import { dkimKey } from './dkim-key.ts';
import { SIGNATURES } from './limits.ts';
import { listOf, octetsOf, readTags } from './tags.ts';

/** neutral: it can't be read, or has run out; fail: it is not of this message, or there is no such key. */
export type DkimResult = 'pass' | 'fail' | 'neutral' | 'temperror';

export interface DkimVerdict {
  /** d=, as A-labels; '' where it can't be read. */
  readonly domain: string;
  readonly result: DkimResult;
}

export interface Received {
  /** The header block. */
  readonly header: Uint8Array;
  /** What follows it, from its first octet on, as it came: asked for once, if at all. */
  readonly body: () => AsyncIterable<Uint8Array>;
  /** Unix seconds. */
  readonly now: number;
  /** Whose signatures matter; absent: all. */
  readonly about?: (domain: string) => boolean;
}

type Form = 'relaxed' | 'simple';

interface Signature {
  readonly field: Field;
  readonly kind: 'rsa' | 'ed25519';
  readonly headerForm: Form;
  readonly bodyForm: Form;
  readonly domain: string;
  readonly selector: string;
  readonly identity: string;
  readonly names: readonly string[];
  readonly bodyHash: string;
  readonly signature: Buffer;
}

const verifyAsync = promisify(verifyWith);
const SELECTOR = /^[a-z0-9](?:[a-z0-9_.-]{0,251}[a-z0-9])?$/i;

/** A verdict for each signature that matters, the first SIGNATURES of them, in order. */
export async function verifyDkim(resolver: Resolving, message: Received): Promise<readonly DkimVerdict[]> {
  const block = latin1(message.header);
  const present = fields(block);
  const read = present
    .filter(({ name }) => name === 'dkim-signature')
    .map((field) => readSignature(block, field, message.now))
    .filter(({ domain }) => message.about?.(domain) ?? true)
    .slice(0, SIGNATURES);
  const good = read.filter((signature) => 'field' in signature);
  if (good.length === 0) return read.map(({ domain }) => ({ domain, result: 'neutral' }));
  const hashes = await bodyHashes(new Set(good.map(({ bodyForm }) => bodyForm)), message.body());
  const verdicts: DkimVerdict[] = [];
  for (const signature of read) {
    const { domain } = signature;
    if (!('field' in signature)) verdicts.push({ domain, result: 'neutral' });
    else if (hashes.get(signature.bodyForm) !== signature.bodyHash) verdicts.push({ domain, result: 'fail' });
    else verdicts.push({ domain, result: await verifyHeader(resolver, signature, block, present) });
  }
  return verdicts;
}

/** RFC 6376 6.1.1. */
function readSignature(block: string, field: Field, now: number): Signature | { readonly domain: string } {
  const tags = readTags(block.slice(field.value, field.end));
  const domain = canonicalDomain(utf8(tags?.get('d') ?? ''));
  const unread = { domain };
  if (tags === null || tags.get('v') !== '1' || domain === '') return unread;
  const [, kind] = /^(rsa|ed25519)-sha256$/.exec(tags.get('a') ?? '') ?? [];
  const [headerForm, bodyForm = 'simple'] = (tags.get('c') ?? 'simple').toLowerCase().split('/');
  const selector = tags.get('s') ?? '';
  const identity = canonicalDomain(utf8((tags.get('i') ?? `@${domain}`).split('@').pop() ?? ''));
  const names = listOf((tags.get('h') ?? '').toLowerCase());
  const bodyHash = octetsOf(tags.get('bh')).toString('base64');
  const signature = octetsOf(tags.get('b'));
  if ((kind !== 'rsa' && kind !== 'ed25519') || !isForm(headerForm) || !isForm(bodyForm)) return unread;
  if (!SELECTOR.test(selector) || !names.includes('from') || bodyHash === '' || signature.length === 0) return unread;
  if (identity !== domain && !identity.endsWith(`.${domain}`)) return unread;
  if (tags.has('q') && !listOf(tags.get('q') ?? '').includes('dns/txt')) return unread;
  if (!isInTime(tags, now)) return unread;
  return { field, kind, headerForm, bodyForm, domain, selector, identity, names, bodyHash, signature };
}

/** RFC 6376 3.5: x= is over, or not after t=. */
function isInTime(tags: ReadonlyMap<string, string>, now: number): boolean {
  const signed = tags.get('t') ?? '0';
  const until = tags.get('x');
  if (!/^\d{1,12}$/.test(signed)) return false;
  return until === undefined || (/^\d{1,12}$/.test(until) && Number(until) > now && Number(until) > Number(signed));
}

function isForm(text: string | undefined): text is Form {
  return text === 'relaxed' || text === 'simple';
}

async function bodyHashes(
  forms: ReadonlySet<Form>,
  body: AsyncIterable<Uint8Array>,
): Promise<ReadonlyMap<Form, string>> {
  const hashed = [...forms].map((form): readonly [Form, CanonicalBody] => {
    return [form, new (form === 'relaxed' ? RelaxedBody : SimpleBody)(createHash('sha256'))];
  });
  for await (const chunk of body) for (const [, canonical] of hashed) canonical.write(chunk);
  return new Map(hashed.map(([form, canonical]) => [form, canonical.digest().toString('base64')]));
}

/** RFC 6376 3.7, 6.1.2, 6.1.3. */
async function verifyHeader(
  resolver: Resolving,
  signature: Signature,
  block: string,
  present: readonly Field[],
): Promise<DkimResult> {
  const { kind, selector, domain, identity, signature: made } = signature;
  try {
    const found = await dkimKey(resolver, selector, domain);
    if (found === null || found.kind !== kind || (found.exact && identity !== domain)) return 'fail';
    const text = Buffer.from(signedText(signature, block, present), 'latin1');
    const right =
      kind === 'rsa'
        ? await verifyAsync('sha256', text, found.key, made)
        : await verifyAsync(null, createHash('sha256').update(text).digest(), found.key, made); // RFC 8463 3
    return right ? 'pass' : 'fail';
  } catch (error) {
    if (error instanceof DnsFailure) return 'temperror';
    throw error;
  }
}

/** RFC 6376 5.4.2: of several fields of a name the last is taken first; the signature itself is without its b=. */
function signedText({ field, headerForm, names }: Signature, block: string, present: readonly Field[]): string {
  const left = new Map<string, Field[]>();
  for (const one of present) left.set(one.name, [...(left.get(one.name) ?? []), one]);
  const form = ({ name, start, value, end }: Field, text = block.slice(value, end)) => {
    return headerForm === 'relaxed' ? relaxedField(name, text) : `${block.slice(start, value)}${text}`;
  };
  const chosen = names.flatMap((name) => left.get(name)?.pop() ?? []);
  const own = block.slice(field.value, field.end).replace(/((?:^|;)\s*b\s*=)[^;]*/, '$1');
  const last = form(field, own).replace(/\r\n$/, '');
  return `${chosen.map((one) => form(one)).join('')}${last}`;
}

function utf8(text: string): string {
  return Buffer.from(text, 'latin1').toString('utf8');
}
