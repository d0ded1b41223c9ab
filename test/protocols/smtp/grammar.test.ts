// The grammar of SMTP command lines.
import { describe, expect, test } from 'vitest';
import { decodeLine, parseHello, parseMail, parseMailbox, parseRcpt, splitVerb } from '#protocols/smtp/grammar.ts';

const code = (value: object | string) => (typeof value === 'object' && 'code' in value ? value.code : undefined);

describe('lines', () => {
  test('end in CR LF, and a bare LF is forgiven only to those who log in', () => {
    expect(decodeLine(Buffer.from('NOOP\r'), false)).toBe('NOOP');
    expect(decodeLine(Buffer.from('NOOP'), false)).toBeNull();
    expect(decodeLine(Buffer.from('NOOP'), true)).toBe('NOOP');
  });

  test.each([
    ['a bare CR', 'NO\rOP\r'],
    ['a NUL', 'NO\0OP\r'],
    ['bytes that are not UTF-8', '\xff\r'],
  ])('with %s are no commands', (_name, line) => {
    expect(decodeLine(Buffer.from(line, 'latin1'), true)).toBeNull();
  });

  test.each([
    ['EHLO peer.example', 'EHLO', 'peer.example'],
    ['mail FROM:<a@b.example>', 'MAIL', 'FROM:<a@b.example>'],
    ['NOOP', 'NOOP', ''],
    ['DATA  ', 'DATA', ''],
    ['AUTH  PLAIN  xx ', 'AUTH', 'PLAIN  xx'],
    ['', '', ''],
    [' NOOP', '', ''],
    ['NO-OP', '', ''],
    ['MAIL\tFROM', '', ''],
  ])('%j is the verb %j with %j', (line, verb, rest) => {
    expect(splitVerb(line)).toEqual({ verb, rest });
  });
});

describe('MAIL', () => {
  const plain = {
    size: null,
    smtputf8: false,
    body: '7bit',
    ret: null,
    envid: null,
    requireTls: false,
    verp: null,
    releaseAt: null,
  };

  test.each([
    ['FROM:<a@peer.example>', 'a@peer.example'],
    ['from:<a@peer.example>', 'a@peer.example'],
    ['FROM: <a@peer.example>', 'a@peer.example'],
    ['FROM:a@peer.example', 'a@peer.example'],
    ['FROM:<>', ''],
    ['FROM:<@relay.example,@other.example:a@peer.example>', 'a@peer.example'],
    ['FROM:<a+b/c=d@peer.example>', 'a+b/c=d@peer.example'],
    ['FROM:<a.@peer.example>', 'a.@peer.example'],
    ['FROM:<"a"@peer.example>', 'a@peer.example'],
    ['FROM:<"a b"@peer.example>', '"a b"@peer.example'],
    ['FROM:<"a\\"b>@c"@peer.example>', '"a\\"b>@c"@peer.example'],
    ['FROM:<a@[192.0.2.1]>', 'a@[192.0.2.1]'],
    ['FROM:<a@[IPv6:2001:db8::1]>', 'a@[IPv6:2001:db8::1]'],
    ['FROM:<a%b@peer.example>', 'a%b@peer.example'],
    ['FROM:<other!a@peer.example>', 'other!a@peer.example'],
  ])('%j gives the sender %j', (rest, address) => {
    expect(parseMail(rest, {})).toEqual({ address, ...plain });
  });

  test.each([
    'FROM:',
    'FROM:<a@peer.example',
    'FROM:a@peer.example>',
    'FROM:<a@peer.example>x',
    'FROM:<a>',
    'FROM:<@peer.example>',
    'FROM:<a@>',
    'FROM:<a@@peer.example>',
    'FROM:<a b@peer.example>',
    'FROM:<"a@peer.example>',
    'FROM:<a@peer..example>',
    'FROM:<a@-peer.example>',
    'FROM:<a@[300.0.0.1]>',
    'FROM:<a@[IPv6:zz]>',
    'FROM:<<a@peer.example>>',
    `FROM:<${'a'.repeat(600)}@peer.example>`,
    `FROM:<a@${'b.'.repeat(130)}example>`,
    `FROM:<a@${'b'.repeat(64)}.example>`,
  ])('%j is refused as a bad address', (rest) => {
    expect(parseMail(rest, {})).toMatchObject({ code: 501, enhanced: '5.1.7' });
  });

  test.each(['TO:<a@peer.example>', 'FROM <a@peer.example>', ''])('%j is refused as bad syntax', (rest) => {
    expect(parseMail(rest, {})).toMatchObject({ code: 501, enhanced: '5.5.4' });
  });

  test('knows SIZE, BODY and SMTPUTF8, in any case and order', () => {
    expect(parseMail('FROM:<> body=8bitmime SIZE=1000 SmtpUtf8', {})).toEqual({
      ...plain,
      address: '',
      size: 1000,
      smtputf8: true,
      body: '8bitmime',
    });
  });

  test.each([
    ['SIZE', 501],
    ['SIZE=', 501],
    ['SIZE=-1', 501],
    ['SIZE=1e3', 501],
    ['SIZE=999999999999999999999', 501],
    ['SIZE=1 SIZE=1', 501],
    ['BODY', 501],
    ['SMTPUTF8=1', 501],
    ['AUTH=<>', 555],
    ['FOO', 555],
    ['FOO=BAR', 555],
    ['HOLDFOR=100', 555],
    ['=1', 555],
  ])('with %s is answered %i', (parameters, expected) => {
    expect(code(parseMail(`FROM:<> ${parameters}`, {}))).toBe(expected);
  });

  test('takes BODY with its three values', () => {
    for (const body of ['7bit', '8bitmime', 'binarymime']) {
      expect(parseMail(`FROM:<> BODY=${body.toUpperCase()}`, {})).toMatchObject({ body });
    }
    expect(code(parseMail('FROM:<> BODY=BINARY', {}))).toBe(501);
  });

  test('takes the AUTH parameter where AUTH is offered, and does nothing with it', () => {
    expect(parseMail('FROM:<> AUTH=<>', { auth: true })).toMatchObject({ address: '' });
    expect(code(parseMail('FROM:<> AUTH=', { auth: true }))).toBe(501);
  });

  test.each([
    ['RET=FULL', { ret: 'full' }],
    ['ret=hdrs ENVID=QQ+3D1', { ret: 'hdrs', envid: 'QQ+3D1' }],
    ['RET=BODY', 501],
    ['RET', 501],
    ['ENVID=', 501],
    ['ENVID=a=b', 501],
    ['ENVID=a+3d', 501],
    [`ENVID=${'x'.repeat(101)}`, 501],
    ['REQUIRETLS', { requireTls: true }],
    ['REQUIRETLS=1', 501],
  ])('with %s, where it is offered, means %j, and is 555 where it is not', (parameters, expected) => {
    const offered = parseMail(`FROM:<> ${parameters}`, { dsn: true, requireTls: true });
    if (typeof expected === 'number') expect(code(offered)).toBe(expected);
    else expect(offered).toMatchObject(expected);
    expect(code(parseMail(`FROM:<> ${parameters}`, {}))).toBe(555);
  });

  test('an address that is not ASCII needs SMTPUTF8', () => {
    expect(parseMail('FROM:<ä@peer.example>', {})).toMatchObject({ code: 553, enhanced: '5.6.7' });
    expect(parseMail('FROM:<ä@bücher.example> SMTPUTF8', {})).toMatchObject({ address: 'ä@bücher.example' });
  });
});

describe('RCPT', () => {
  test('takes an address, and postmaster without a domain', () => {
    expect(parseRcpt('TO:<anna@example.test>', false, {})).toEqual({
      address: 'anna@example.test',
      request: { notify: null, orcpt: null },
    });
    expect(parseRcpt('TO:<Postmaster>', false, {})).toMatchObject({ address: 'postmaster' });
  });

  test('refuses the null path, other bare words and every parameter, since none is offered', () => {
    expect(code(parseRcpt('TO:<>', false, {}))).toBe(501);
    expect(code(parseRcpt('TO:<anna>', false, {}))).toBe(501);
    expect(code(parseRcpt('TO:<anna@example.test> NOTIFY=NEVER', false, {}))).toBe(555);
  });

  test.each([
    ['NOTIFY=NEVER', { notify: [] }],
    ['notify=Success,DELAY', { notify: ['success', 'delay'] }],
    ['NOTIFY=NEVER,FAILURE', 501],
    ['NOTIFY=FAILURE,FAILURE', 501],
    ['NOTIFY=', 501],
    ['NOTIFY', 501],
    ['ORCPT=rfc822;a+2Bb@peer.example', { orcpt: 'rfc822;a+2Bb@peer.example' }],
    ['ORCPT=utf-8;\u00e4@peer.example NOTIFY=FAILURE', { orcpt: 'utf-8;\u00e4@peer.example', notify: ['failure'] }],
    ['ORCPT=rfc822;\u00e4@peer.example', 501],
    ['ORCPT=a@peer.example', 501],
    ['ORCPT=rfc822;', 501],
    [`ORCPT=rfc822;${'x'.repeat(500)}`, 501],
  ])('with %s, where it is offered, means %j', (parameters, expected) => {
    const parsed = parseRcpt(`TO:<anna@example.test> ${parameters}`, false, { dsn: true });
    if (typeof expected === 'number') expect(code(parsed)).toBe(expected);
    else expect(parsed).toMatchObject({ request: expected });
  });

  test('follows the transaction in SMTPUTF8', () => {
    expect(code(parseRcpt('TO:<ä@example.test>', false, {}))).toBe(553);
    expect(parseRcpt('TO:<ä@example.test>', true, {})).toMatchObject({ address: 'ä@example.test' });
  });
});

test('a mailbox is spelled in one way only', () => {
  expect(parseMailbox('"anna"@example.test')).toBe('anna@example.test');
  expect(parseMailbox('"an\\na"@example.test')).toBe('anna@example.test');
  expect(parseMailbox('"an na"@example.test')).toBe('"an na"@example.test');
});

test('EHLO takes whatever a client calls itself, as long as it is one word', () => {
  expect(parseHello('[192.0.2.1]')).toBe('[192.0.2.1]');
  expect(parseHello('MY_PC')).toBe('MY_PC');
  for (const bad of ['', 'a b', 'a\tb', 'a\u0085b', 'x'.repeat(300)]) expect(code(parseHello(bad))).toBe(501);
});
