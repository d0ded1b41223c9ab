// As much of ACME (RFC 8555) as a tool like certbot needs to get one certificate by http-01: an account, an order, a challenge.
import { execFileSync } from 'node:child_process';
import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

export interface AcmeOptions {
  readonly directory: string;
  /** PEM: who vouches for the directory. */
  readonly ca: string;
  readonly name: string;
  /** For the request and its key. */
  readonly folder: string;
  /** What the name's host has to answer at /.well-known/acme-challenge/TOKEN from now on. */
  readonly answer: (token: string, text: string) => void;
}

export interface Issued {
  /** PEM, with those that vouch for it. */
  readonly chain: string;
  /** PEM. */
  readonly key: string;
}

interface Answer {
  readonly body: string;
  readonly location: string;
  readonly nonce: string;
}

/** What the steps answer, as far as it is read here. */
interface Resource {
  readonly status: string;
  readonly authorizations: readonly string[];
  readonly challenges: readonly { readonly type: string; readonly url: string; readonly token: string }[];
  readonly finalize: string;
  readonly certificate: string;
}

export async function issue({ directory, ca, name, folder, answer }: AcmeOptions): Promise<Issued> {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const { crv, kty, x, y } = publicKey.export({ format: 'jwk' });
  const jwk = { crv, kty, x, y }; // RFC 7638 3.2: in this order
  const urls = JSON.parse((await call(ca, 'GET', directory)).body) as Record<string, string>;
  let { nonce } = await call(ca, 'HEAD', urls.newNonce ?? '');
  let account: Record<string, unknown> = { jwk };
  /** RFC 8555 6.2; no payload is POST-as-GET. */
  const post = async (url: string, payload?: object): Promise<Answer> => {
    const head = encoded(JSON.stringify({ alg: 'ES256', nonce, url, ...account }));
    const body = payload === undefined ? '' : encoded(JSON.stringify(payload));
    const signature = signed(privateKey, `${head}.${body}`);
    const said = await call(ca, 'POST', url, JSON.stringify({ protected: head, payload: body, signature }));
    nonce = said.nonce;
    return said;
  };
  const at = async (url: string, payload?: object) => JSON.parse((await post(url, payload)).body) as Resource;
  const until = async (url: string, status: string): Promise<Resource> => {
    for (let tries = 0; tries < 600; tries++) {
      const found = await at(url);
      if (found.status === status) return found;
      if (found.status === 'invalid') throw new Error(`${url}: ${JSON.stringify(found)}`);
      await sleep(100);
    }
    throw new Error(`${url} is not ${status}`);
  };

  account = { kid: (await post(urls.newAccount ?? '', { termsOfServiceAgreed: true })).location };
  const ordered = await post(urls.newOrder ?? '', { identifiers: [{ type: 'dns', value: name }] });
  const order = JSON.parse(ordered.body) as Resource;
  for (const authorization of order.authorizations) {
    const challenge = (await at(authorization)).challenges.find(({ type }) => type === 'http-01');
    if (challenge === undefined) throw new Error('no http-01');
    const thumbprint = createHash('sha256').update(JSON.stringify(jwk)).digest('base64url');
    answer(challenge.token, `${challenge.token}.${thumbprint}`); // RFC 8555 8.1
    await at(challenge.url, {});
    await until(authorization, 'valid');
  }
  const { csr, key } = certificateRequest(folder, name);
  await at(order.finalize, { csr });
  const { certificate } = await until(ordered.location, 'valid');
  return { chain: (await post(certificate)).body, key };
}

function certificateRequest(folder: string, name: string): { csr: string; key: string } {
  const [key, csr] = [join(folder, 'acme.key'), join(folder, 'acme.csr')];
  const words = 'req -new -nodes -newkey ec -pkeyopt ec_paramgen_curve:P-256 -outform DER'.split(' ');
  const about = ['-subj', '/', '-addext', `subjectAltName=DNS:${name}`, '-keyout', key, '-out', csr];
  execFileSync('openssl', [...words, ...about], { stdio: ['ignore', 'ignore', 'ignore'] });
  return { csr: readFileSync(csr).toString('base64url'), key: readFileSync(key, 'utf8') };
}

function encoded(text: string): string {
  return Buffer.from(text).toString('base64url');
}

function signed(key: KeyObject, text: string): string {
  return sign('sha256', Buffer.from(text), { key, dsaEncoding: 'ieee-p1363' }).toString('base64url');
}

async function call(ca: string, method: string, url: string, body?: string): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const headers = { 'content-type': 'application/jose+json' };
  const asked = request(url, { ca, method, headers, agent: false }, (response) => {
    const chunks: Buffer[] = [];
    response.on('data', (chunk: Buffer) => chunks.push(chunk));
    response.on('end', () => {
      const text = Buffer.concat(chunks).toString();
      if ((response.statusCode ?? 500) >= 300) reject(new Error(`${method} ${url}: ${text}`));
      else
        resolve({
          body: text,
          location: response.headers.location ?? '',
          nonce: `${response.headers['replay-nonce']}`,
        });
    });
  });
  asked.on('error', reject);
  asked.end(body);
  return await promise;
}
