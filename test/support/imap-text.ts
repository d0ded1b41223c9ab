// Reads the parenthesised text of ENVELOPE and BODYSTRUCTURE by RFC 9051's own grammar, and refuses everything else: it
// is the judge of what the MIME reader writes, so it shares no code with it.

export type ImapValue = string | null | number | ImapValue[];

/** Parses one whole value; throws on the first byte that the grammar does not allow. */
export function parseImapText(text: string): ImapValue {
  let at = 0;
  const fail = (what: string): never => {
    throw new Error(`${what} at ${at} of ${text.slice(Math.max(0, at - 20), at + 20)}`);
  };
  const stack: ImapValue[][] = [];
  let result: ImapValue | undefined;
  const put = (value: ImapValue) => {
    const list = stack.at(-1);
    if (list !== undefined) list.push(value);
    else if (result === undefined) result = value;
    else fail('a second value');
  };
  while (at < text.length) {
    const character = text[at];
    if (character === '(') {
      stack.push([]);
      at++;
      if (text[at] === ' ') fail('a space after (');
      continue;
    }
    if (character === ')') {
      const list = stack.pop() ?? fail('an unopened )');
      if (list.length === 0) fail('an empty list');
      put(list);
      at++;
    } else if (character === '"') {
      let value = '';
      for (at++; text[at] !== '"'; at++) {
        if (at >= text.length) fail('an endless string');
        if (text[at] === '\\') {
          at++;
          if (text[at] !== '"' && text[at] !== '\\') fail('a wrong escape');
        }
        const code = text.charCodeAt(at);
        if (code === 0 || code === 10 || code === 13 || code > 127) fail('a character that no quoted string may hold');
        value += text[at];
      }
      put(value);
      at++;
    } else {
      const [atom] = /^(?:NIL|\d+)/.exec(text.slice(at, at + 20)) ?? fail('neither NIL nor a number');
      put(atom === 'NIL' ? null : Number(atom));
      at += atom.length;
    }
    const next = text[at];
    // One space between values; none between two lists.
    if (next === ' ') {
      at++;
      if (text[at] === ' ' || text[at] === ')' || text[at] === undefined) fail('a needless space');
    } else if (next !== undefined && next !== ')' && !(character === ')' && next === '(')) fail('a missing space');
  }
  if (stack.length > 0) fail('an unclosed (');
  return result ?? fail('nothing');
}

function check(condition: boolean, what: string): asserts condition {
  if (!condition) throw new Error(`not ${what}`);
}

const isString = (value: ImapValue | undefined): value is string => typeof value === 'string';
const isNstring = (value: ImapValue | undefined): boolean => value === null || isString(value);

/** RFC 9051 9: envelope. */
export function checkEnvelope(value: ImapValue): ImapValue[] {
  check(Array.isArray(value) && value.length === 10, 'an envelope of ten');
  for (const index of [0, 1, 8, 9]) check(isNstring(value[index]), `a nstring in envelope field ${index}`);
  for (const list of value.slice(2, 8)) {
    if (list === null) continue;
    check(Array.isArray(list), 'an address list');
    for (const address of list) {
      check(Array.isArray(address) && address.length === 4 && address.every(isNstring), 'an address');
    }
  }
  return value;
}

function checkParameters(value: ImapValue | undefined): void {
  if (value === null) return;
  check(Array.isArray(value) && value.length % 2 === 0 && value.every(isString), 'parameters');
}

/** body-ext-1part and body-ext-mpart, after the MD5 or the parameters: disposition, language, location. */
function checkExtension(rest: ImapValue[]): void {
  check(rest.length === 3, 'disposition, language and location');
  const [disposition, language, location] = rest;
  if (disposition !== null) {
    check(Array.isArray(disposition) && disposition.length === 2 && isString(disposition[0]), 'a disposition');
    checkParameters(disposition[1]);
  }
  check(isNstring(language) || (Array.isArray(language) && language.every(isString)), 'a language');
  check(isNstring(location), 'a location');
}

/** One part as BODYSTRUCTURE tells it. */
export interface ToldPart {
  type: string;
  encoding: string;
  size: number;
  lines: number | null;
  children: ToldPart[];
}

/** RFC 9051 9: body, with all extension data. */
export function checkBody(value: ImapValue): ToldPart {
  check(Array.isArray(value), 'a body');
  if (Array.isArray(value[0])) {
    const count = value.findIndex((item) => !Array.isArray(item));
    check(count > 0, 'a multipart with parts');
    const [subtype, parameters, ...rest] = value.slice(count);
    check(isString(subtype), 'a subtype');
    checkParameters(parameters);
    checkExtension(rest);
    const children = value.slice(0, count).map(checkBody);
    return { type: `multipart/${subtype}`, encoding: '', size: 0, lines: null, children };
  }
  const [type, subtype, parameters, id, description, encoding, size, ...more] = value;
  check(isString(type) && isString(subtype), 'a media type');
  checkParameters(parameters);
  check(isNstring(id) && isNstring(description), 'an id and a description');
  check(isString(encoding) && typeof size === 'number', 'an encoding and a size');
  const part: ToldPart = { type: `${type}/${subtype}`, encoding, size, lines: null, children: [] };
  let rest = more;
  if (type === 'message' && (subtype === 'rfc822' || subtype === 'global')) {
    const [envelope = null, body = null, lines] = rest;
    checkEnvelope(envelope);
    check(typeof lines === 'number', 'lines');
    part.children = [checkBody(body)];
    part.lines = lines;
    rest = rest.slice(3);
  } else if (type === 'text') {
    const [lines] = rest;
    check(typeof lines === 'number', 'lines');
    part.lines = lines;
    rest = rest.slice(1);
  }
  check(isNstring(rest[0]), 'an MD5');
  checkExtension(rest.slice(1));
  return part;
}
