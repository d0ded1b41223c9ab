// One request to another server by HTTP: bounded in time and size, to addresses that we looked up ourselves, without
// redirects. Over TLS the certificate is one of a known authority for that very name.

import type { IncomingHttpHeaders } from 'node:http';
import { isIP } from 'node:net';
import { rootCertificates } from 'node:tls';

export interface HttpRequest {
  readonly url: URL;
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  /** Of the URL's host; tried in turn until one is reached. */
  readonly addresses: readonly string[];
  /** More authorities, PEM. */
  readonly extraCa: readonly string[];
  /** For all of it. */
  readonly waitMs: number;
  /** Characters of the reply. */
  readonly most: number;
  readonly signal?: AbortSignal;
}

export interface HttpReply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

/** No reply. */
export class HttpFailure extends Error {
  /** The request may have arrived. */
  readonly sent: boolean;

  constructor(message: string, sent: boolean, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'HttpFailure';
    this.sent = sent;
  }
}

/** The reply, whatever its status. Rejects with HttpFailure. */
export async function request(options: HttpRequest): Promise<HttpReply> {
  const { url, addresses } = options;
  let failure = new HttpFailure(`${url.hostname} has no address`, false);
  for (const address of addresses) {
    try {
      return await requestAt(options, address);
    } catch (error) {
      if (!(error instanceof HttpFailure)) throw error;
      failure = error;
      if (error.sent) break;
    }
  }
  throw failure;
}

async function requestAt(options: HttpRequest, address: string): Promise<HttpReply> {
  const { url, method, body, extraCa, waitMs, most } = options;
  const secure = url.protocol === 'https:';
  // Loaded when it is first used: it brings a good deal with it.
  const { request: ask } = await (secure ? import('node:https') : import('node:http'));
  const { promise, resolve, reject } = Promise.withResolvers<HttpReply>();
  let sent = false;
  const fail = (text: string, cause?: unknown) => reject(new HttpFailure(`${url.host}: ${text}`, sent, { cause }));
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const signals = [AbortSignal.timeout(waitMs), ...(options.signal === undefined ? [] : [options.signal])];
  const asked = ask({
    ...{ host: address, port: url.port || (secure ? 443 : 80), method, path: url.pathname + url.search, agent: false },
    ...(isIP(host) === 0 ? { servername: host } : {}),
    ...(extraCa.length === 0 ? {} : { ca: [...rootCertificates, ...extraCa] }),
    headers: { host: url.host, ...options.headers, ...(body && { 'content-length': Buffer.byteLength(body) }) },
    signal: AbortSignal.any(signals),
  });
  asked.on('socket', (socket) => socket.once(secure ? 'secureConnect' : 'connect', () => (sent = true)));
  asked.on('error', (error) => fail('code' in error ? `${error.code}: ${error.message}` : error.message, error));
  asked.on('response', (response) => {
    let text = '';
    response.setEncoding('utf8');
    response.on('data', (chunk: string) => {
      text += chunk;
      if (text.length <= most) return;
      fail('it sends too much');
      asked.destroy();
    });
    response.on('error', (error) => fail(error.message, error));
    response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, text }));
  });
  asked.end(body);
  return promise;
}
