// The SASL state machines that IMAP, POP3 and SMTP share.
import { describe, expect, test } from 'vitest';
import { decodeInitialResponse, decodeResponse } from '#protocols/sasl/mechanism.ts';
import { createMechanism, MECHANISMS } from '#protocols/sasl/mechanisms.ts';

const bytes = (value: string) => Buffer.from(value, 'utf8');
const malformed = { kind: 'failed', reason: 'malformed' };

test('PLAIN and LOGIN are offered, by name in any case', () => {
  expect(MECHANISMS).toEqual(['PLAIN', 'LOGIN']);
  expect(createMechanism('plain')).toBeDefined();
  expect(createMechanism('CRAM-MD5')).toBeUndefined();
});

describe('PLAIN (RFC 4616)', () => {
  const plain = (response: Uint8Array | null) => createMechanism('PLAIN')?.next(response);

  test('without an initial response an empty challenge asks for it', () => {
    expect(plain(null)).toEqual({ kind: 'challenge', data: new Uint8Array(0) });
  });

  test('login and password are read as UTF-8', () => {
    expect(plain(bytes('\0anna@example.test\0pä ss'))).toEqual({
      kind: 'password',
      login: 'anna@example.test',
      password: 'pä ss',
    });
  });

  test('an authorization identity is taken only if it is the login itself', () => {
    expect(plain(bytes('anna\0anna\0secret'))).toMatchObject({ kind: 'password', login: 'anna' });
    expect(plain(bytes('bert\0anna\0secret'))).toEqual({ kind: 'failed', reason: 'authorization' });
  });

  test.each([
    ['nothing', ''],
    ['one NUL', 'anna\0secret'],
    ['three NULs', '\0anna\0sec\0ret'],
    ['no login', '\0\0secret'],
    ['no password', '\0anna\0'],
    ['a login over the limit', `\0${'a'.repeat(321)}\0secret`],
    ['a password over the limit', `\0anna\0${'p'.repeat(1025)}`],
  ])('%s is malformed', (_name, message) => {
    expect(plain(bytes(message))).toEqual(malformed);
  });

  test('bytes that are not UTF-8 are malformed', () => {
    expect(plain(Buffer.from([0, 0x61, 0, 0xff, 0xfe]))).toEqual(malformed);
  });
});

describe('LOGIN (F218)', () => {
  test('the prompts are `Username:` and `Password:`', () => {
    const login = createMechanism('LOGIN');
    expect(login?.next(null)).toEqual({ kind: 'challenge', data: bytes('Username:') });
    expect(login?.next(bytes('anna'))).toEqual({ kind: 'challenge', data: bytes('Password:') });
    expect(login?.next(bytes('secret'))).toEqual({ kind: 'password', login: 'anna', password: 'secret' });
  });

  test('an initial response is the user name', () => {
    const login = createMechanism('LOGIN');
    expect(login?.next(bytes('anna'))).toEqual({ kind: 'challenge', data: bytes('Password:') });
    expect(login?.next(bytes('secret'))).toEqual({ kind: 'password', login: 'anna', password: 'secret' });
  });

  test('an empty name or password, or one with a NUL, is malformed', () => {
    expect(createMechanism('LOGIN')?.next(bytes(''))).toEqual(malformed);
    expect(createMechanism('LOGIN')?.next(bytes('an\0na'))).toEqual(malformed);
    const login = createMechanism('LOGIN');
    login?.next(bytes('anna'));
    expect(login?.next(bytes(''))).toEqual(malformed);
  });
});

describe('response lines', () => {
  test('base64 is decoded, with blanks around it and without padding too', () => {
    expect(decodeResponse('YW5uYQ==')).toEqual(bytes('anna'));
    expect(decodeResponse('  YW5uYQ \t')).toEqual(bytes('anna'));
    expect(decodeResponse('')).toEqual(bytes(''));
  });

  test('`*` cancels', () => {
    expect(decodeResponse('*')).toBe('cancelled');
  });

  test('`=` is the empty initial response and nothing else', () => {
    expect(decodeInitialResponse('=')).toHaveLength(0);
    expect(decodeResponse('=')).toBe('malformed');
  });

  test.each(['YW5u YQ==', 'Y', 'YW5uYQ=', '====', 'YW5u\0', 'a'.repeat(12_292)])('%j is malformed', (line) => {
    expect(decodeResponse(line)).toBe('malformed');
  });
});
