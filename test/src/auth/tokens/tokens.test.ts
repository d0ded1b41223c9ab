// Tokens of an issuer: which are taken, which are not, and what happens while the issuer can't be asked.
import { createHmac } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { INTROSPECTIONS, KEYS_AGAIN_MS, KEYS_KEPT_MS, KEYS_STALE_MS } from '#src/auth/limits.ts';
import { readJwt } from '#src/auth/tokens/jwt.ts';
import { KeySet } from '#src/auth/tokens/key-set.ts';
import { createTokenVerifier, signedTokens } from '#src/auth/tokens/verifier.ts';
import { temporaryFolder } from '#test/support/folder.ts';
import { SECRET, startIssuer } from '#test/support/issuer.ts';
import { between, pick, seeded } from '#test/support/random.ts';

const TLS = { certificates: [], extraCa: null };
const encoded = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');

test('tokens signed by RS256, ES256 and EdDSA are taken, and say who it is', async () => {
  await using issuer = await startIssuer();
  const verifier = createTokenVerifier({
    oauth: { ...issuer.expected, keys: issuer.url, introspection: null },
    tls: TLS,
  });
  for (const algorithm of ['RS256', 'ES256', 'EdDSA'] as const) {
    expect(await verifier?.verify(issuer.token('Anna@Example.test', { algorithm })), algorithm).toBe(
      'anna@example.test',
    );
  }
  const several = issuer.token('anna@example.test', { claims: { aud: ['other', 'posthuis'], nbf: 1 } });
  expect(await verifier?.verify(several)).toBe('anna@example.test');
  expect(issuer.state.requests).toBe(1);
  expect(createTokenVerifier({ oauth: null, tls: TLS })).toBeUndefined();
});

test('keys can lie in a file', async () => {
  await using folder = await temporaryFolder();
  await using issuer = await startIssuer();
  const keys = join(folder.path, 'keys.json');
  await writeFile(keys, JSON.stringify(issuer.jwks()));
  const verifier = createTokenVerifier({ oauth: { ...issuer.expected, keys, introspection: null }, tls: TLS });
  expect(await verifier?.verify(issuer.token('anna@example.test'))).toBe('anna@example.test');
  expect(issuer.state.requests).toBe(0);
});

test('what is not signed by the issuer, not for us or not of now is taken for no token', async () => {
  await using issuer = await startIssuer();
  await using other = await startIssuer();
  const verifier = signedTokens(new KeySet(async () => JSON.stringify(issuer.jwks())), issuer.expected);
  const address = 'anna@example.test';
  const now = Math.floor(Date.now() / 1000);
  const good = issuer.token(address);
  const [head = '', body = '', signed = ''] = good.split('.');
  const [rsa] = issuer.jwks().keys;
  const unsigned = `${encoded({ alg: 'none' })}.${body}`;
  // The public key as the secret of HMAC (RFC 8725 2.1).
  const confused = `${encoded({ alg: 'HS256', kid: rsa?.kid })}.${body}`;
  const hmac = createHmac('sha256', JSON.stringify(rsa)).update(confused).digest('base64url');
  const wrong = {
    nothing: '',
    words: 'not.a.token',
    unsigned: `${unsigned}.`,
    'alg none with a signature': `${unsigned}.${signed}`,
    'HMAC with a public key': `${confused}.${hmac}`,
    'another algorithm than the key is for': `${encoded({ alg: 'RS256', kid: readJwt(good)?.kid })}.${body}.${signed}`,
    'a changed claim': `${head}.${encoded(issuer.claims('bert@example.test'))}.${signed}`,
    'a cut signature': good.slice(0, -4),
    'another signer': other.token(address, { claims: { iss: issuer.url } }),
    'another issuer': issuer.token(address, { claims: { iss: 'https://elsewhere.example' } }),
    'no issuer': issuer.token(address, { claims: { iss: undefined } }),
    'another audience': issuer.token(address, { claims: { aud: 'other' } }),
    'no audience': issuer.token(address, { claims: { aud: undefined } }),
    expired: issuer.token(address, { claims: { exp: now - 100 } }),
    'without an end': issuer.token(address, { claims: { exp: undefined } }),
    'an end that is no number': issuer.token(address, { claims: { exp: `${now + 600}` } }),
    'not yet': issuer.token(address, { claims: { nbf: now + 100 } }),
    'an address that is doubted': issuer.token(address, { claims: { email_verified: false } }),
    'no address': issuer.token(address, { claims: { email: undefined } }),
    'a name instead of an address': issuer.token('anna'),
    'a critical extension': issuer.token(address, { header: { crit: ['exp'] } }),
    'another kind of token': issuer.token(address, { header: { typ: 'logout+jwt' } }),
    'a key of its own': issuer.token(address, { header: { kid: 'mine', jwk: rsa } }),
  };
  for (const [what, token] of Object.entries(wrong)) expect(await verifier.verify(token), what).toBeNull();
  expect(await verifier.verify(good)).toBe(address);
  // A clock that differs a little is forgiven.
  expect(await verifier.verify(issuer.token(address, { claims: { exp: now - 30, nbf: now + 30 } }))).toBe(address);
});

test('keys are read again when they are old or a new one is named, and not oftener', async () => {
  await using issuer = await startIssuer();
  let now = 0;
  let reads = 0;
  let fault = false;
  const keys = new KeySet(
    async () => {
      reads++;
      if (fault) throw new Error('ill');
      return JSON.stringify(issuer.jwks());
    },
    () => now,
  );
  const verifier = signedTokens(keys, issuer.expected);
  const verify = () => verifier.verify(issuer.token('anna@example.test'));
  const made = () => verifier.verify(issuer.token('anna@example.test', { header: { kid: 'made up' } }));
  await Promise.all([verify(), verify(), verify()]);
  expect(reads).toBe(1);
  for (let time = 0; time < 100; time++) expect(await made()).toBeNull();
  expect(reads).toBe(1);
  issuer.rotate();
  expect(await verify()).toBeNull();
  now += KEYS_AGAIN_MS + 1;
  expect(await verify()).toBe('anna@example.test');
  expect(reads).toBe(2);
  // While the issuer can't be asked its keys are used for longer; of a key that is not known nothing can be said.
  fault = true;
  now += KEYS_KEPT_MS + 1;
  expect(await verify()).toBe('anna@example.test');
  await expect(made()).rejects.toThrow('ill');
  now += KEYS_STALE_MS;
  await expect(verify()).rejects.toThrow('ill');
  fault = false;
  await expect(verify()).rejects.toThrow('ill');
  now += KEYS_AGAIN_MS + 1;
  expect(await verify()).toBe('anna@example.test');
});

test('a key set that is none, is empty or has only keys that we don’t use is a fault of the issuer', async () => {
  await using issuer = await startIssuer();
  const [rsa] = issuer.jwks().keys;
  for (const set of [
    ...['', '{}', '[]', '{"keys":1}', '{"keys":[]}', `{"keys":[${'{},'.repeat(300)}{}]}`],
    ...['{"keys":[{"kty":"oct","k":"c2VjcmV0","alg":"RS256"},{"kty":"RSA"},null,7]}', ' '.repeat(300_000)],
    JSON.stringify({
      keys: [
        { ...rsa, use: 'enc' },
        { ...rsa, alg: 'RS512' },
      ],
    }),
  ]) {
    const verifier = signedTokens(new KeySet(async () => set), issuer.expected);
    await expect(verifier.verify(issuer.token('anna@example.test')), set.slice(0, 40)).rejects.toThrow();
  }
});

test('an issuer that is asked is asked with its credentials, once for several connections, and its word counts', async () => {
  await using folder = await temporaryFolder();
  await using issuer = await startIssuer();
  const secretFile = join(folder.path, 'secret');
  await writeFile(secretFile, `${SECRET}\n`);
  const introspection = { url: `${issuer.url}/introspect`, clientId: 'mail server', secretFile };
  const verifier = createTokenVerifier({ oauth: { ...issuer.expected, keys: null, introspection }, tls: TLS });
  const { known } = issuer.state;
  known.set('good', { active: true, email: 'anna@example.test' });
  known.set('full', { active: true, ...issuer.claims('anna@example.test') });
  known.set('other', { active: true, email: 'anna@example.test', iss: 'https://elsewhere.example' });
  known.set('not ours', { active: true, email: 'anna@example.test', aud: 'other' });
  known.set('over', { active: true, email: 'anna@example.test', exp: 1 });
  known.set('nobody', { active: true });
  known.set('string', { active: 'true', email: 'anna@example.test' });
  for (const token of ['good', 'full']) expect(await verifier?.verify(token), token).toBe('anna@example.test');
  const credentials = Buffer.from(`mail%20server:${encodeURIComponent(SECRET)}`).toString('base64');
  expect(issuer.state.authorization).toBe(`Basic ${credentials}`);
  for (const token of ['other', 'not ours', 'over', 'nobody', 'string', 'unknown'])
    expect(await verifier?.verify(token), token).toBeNull();
  const { requests } = issuer.state;
  await verifier?.verify('good');
  expect(issuer.state.requests).toBe(requests);
  issuer.state.fault = 'error';
  await expect(verifier?.verify('new')).rejects.toThrow('answers 503');
  issuer.state.fault = 'nonsense';
  await expect(verifier?.verify('new')).rejects.toThrow();
  const many = Array.from({ length: INTROSPECTIONS + 1 }, (_, at) => verifier?.verify(`made up ${at}`));
  expect((await Promise.allSettled(many)).at(-1)).toMatchObject({ reason: new Error('too many tokens at once') });
});

test('20,000 damaged tokens are none, and nothing is thrown', async () => {
  await using issuer = await startIssuer();
  const random = seeded(31);
  const verifier = signedTokens(new KeySet(async () => JSON.stringify(issuer.jwks())), issuer.expected);
  const tokens = (['RS256', 'ES256', 'EdDSA'] as const).map((algorithm) =>
    issuer.token('anna@example.test', { algorithm }),
  );
  for (let round = 0; round < 20_000; round++) {
    const token = pick(random, tokens);
    const at = between(random, 0, token.length - 1);
    const splice = pick(random, ['', '.', 'A', '=', 'e30', '\0', '%', token.slice(0, between(random, 0, 40))]);
    const damaged = token.slice(0, at) + splice + token.slice(at + between(random, 0, 3));
    const last = token.lastIndexOf('.');
    // The last bits of base64 say nothing, so another letter there may be the same signature.
    const same =
      at > last && Buffer.from(damaged.slice(last), 'base64url').equals(Buffer.from(token.slice(last), 'base64url'));
    if (damaged !== token && !same) expect(await verifier.verify(damaged), damaged).toBeNull();
  }
});
