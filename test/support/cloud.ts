// Local fakes of what Google and Microsoft document: a token endpoint (RFC 6749) with refresh tokens that it replaces, a
// page at which everybody agrees (codes with PKCE, RFC 7636), and Microsoft Graph's `user: sendMail` with MIME, and its
// drafts with attachments. Each can be told to fail.
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface CloudMail {
  readonly user: string;
  readonly mime: string;
  /** Those that came by themselves. */
  readonly attachments: readonly CloudAttachment[];
}

/** What is answered instead of the usual, once a request. */
export interface Failure {
  readonly status: number;
  readonly body?: object | string;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface CloudAttachment {
  readonly name: string;
  readonly contentType: string;
  readonly contentId?: string;
  readonly isInline: boolean;
  readonly content: Buffer;
}

/** A message that is not sent yet. */
interface Draft {
  readonly user: string;
  readonly mime: string;
  readonly attachments: CloudAttachment[];
}

/** An attachment that comes in pieces. */
interface Upload {
  readonly draft: Draft;
  readonly item: Omit<CloudAttachment, 'content'> & { readonly size: number };
  readonly pieces: Buffer[];
}

export class Cloud implements AsyncDisposable {
  /** The form of each request for a token. */
  readonly asked: URLSearchParams[] = [];
  readonly mails: CloudMail[] = [];
  /** Requests to sendMail, whatever became of them. */
  posts = 0;
  /** The refresh token that is good; every use replaces it if `rotates`. */
  refreshToken = 'refresh-1';
  rotates = false;
  /** Also good: the one before, until the new one is used (as Microsoft's stay good for a while). */
  before = '';
  readonly secret = 'client secret';
  /** Access tokens that are good. */
  readonly tokens = new Set<string>();
  lifeSeconds = 3_600;
  failToken: (form: URLSearchParams) => Failure | undefined = () => undefined;
  /** What was asked of the page, last; the code that it gave is good once. */
  page: URLSearchParams | null = null;
  failPage: () => string | undefined = () => undefined;
  /** Drafts by id, and uploads by path. */
  readonly drafts = new Map<string, Draft>();
  readonly uploads = new Map<string, Upload>();
  /** Of a request about a draft: `POST messages`, `POST attachments`, `POST createUploadSession`, `PUT`, `POST send`. */
  failDraft: (what: string) => Failure | 'cut' | undefined = () => undefined;
  /** Method and last name of each such request. */
  readonly steps: string[] = [];
  failSend: () => Failure | undefined = () => undefined;
  /** Waits before a token is given. */
  pause: Promise<void> = Promise.resolve();
  readonly #server: Server = createServer((request, response) => void this.#answer(request, response));

  async start(): Promise<this> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return this;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const bytes = Buffer.concat(await Array.fromAsync(request as AsyncIterable<Buffer>));
    const body = bytes.toString();
    const say = ({ status, body: text = '', headers = {} }: Failure) => {
      response.writeHead(status, { 'content-type': 'application/json', ...headers });
      response.end(typeof text === 'string' ? text : JSON.stringify(text));
    };
    if (request.url?.startsWith('/auth?') === true) say(this.#agree(new URL(request.url, this.url).searchParams));
    else if (request.url === '/devicecode') say(this.#device(new URLSearchParams(body)));
    else if (request.url === '/token' && request.method === 'POST') say(await this.#token(new URLSearchParams(body)));
    else if (!/^\/v1\.0\/users\/[^/]+\/messages|^\/upload\//.test(request.url ?? '')) say(this.#send(request, body));
    else {
      const answer = this.#draft(request, bytes);
      if (answer === 'cut') request.socket.destroy();
      else say(answer);
    }
  }

  /** RFC 8628 3.2; agreed to at the third question. */
  #device(form: URLSearchParams): Failure {
    if (form.get('client_id') !== 'app') return { status: 400, body: { error: 'invalid_client' } };
    const page = 'https://login.example/device';
    const rest = { user_code: 'WDJB-MJHT', verification_uri: page, expires_in: 900, interval: 0 };
    return { status: 200, body: { device_code: 'device-1', ...rest } };
  }

  /** RFC 6749 4.1.2: the browser goes back with a code, or with the error. */
  #agree(asked: URLSearchParams): Failure {
    this.page = asked;
    const back = new URL(asked.get('redirect_uri') ?? '');
    const error = this.failPage();
    if (error === undefined) back.searchParams.set('code', 'code-1');
    else back.searchParams.set('error', error);
    back.searchParams.set('state', asked.get('state') ?? '');
    return { status: 302, headers: { location: back.href } };
  }

  /** RFC 7636 4.6. */
  #knows(form: URLSearchParams): boolean {
    const { page } = this;
    this.page = null;
    const challenge = createHash('sha256')
      .update(form.get('code_verifier') ?? '')
      .digest('base64url');
    return (
      page !== null &&
      form.get('code') === 'code-1' &&
      page.get('code_challenge_method') === 'S256' &&
      page.get('code_challenge') === challenge &&
      page.get('redirect_uri') === form.get('redirect_uri')
    );
  }

  async #token(form: URLSearchParams): Promise<Failure> {
    this.asked.push(form);
    const failure = this.failToken(form);
    if (failure !== undefined) return failure;
    const refused = (error: string) => ({ status: 400, body: { error, error_description: 'AADSTS70000: no' } });
    if (form.get('client_id') !== 'app' || (form.get('client_secret') ?? this.secret) !== this.secret) {
      return { status: 401, body: { error: 'invalid_client' } };
    }
    const used = form.get('refresh_token');
    if (form.get('device_code') === 'device-1') {
      if (this.asked.length < 3) return refused('authorization_pending');
      return { status: 200, body: { access_token: 'first', expires_in: 3_600, refresh_token: this.refreshToken } };
    }
    if (form.get('grant_type') === 'authorization_code') {
      if (!this.#knows(form)) return refused('invalid_grant');
      return { status: 200, body: { access_token: 'first', expires_in: 3_600, refresh_token: this.refreshToken } };
    }
    if (form.get('grant_type') === 'refresh_token') {
      if (used !== this.refreshToken && used !== this.before) return refused('invalid_grant');
      if (this.rotates && used === this.refreshToken) {
        this.before = this.refreshToken;
        this.refreshToken = `refresh-${this.asked.length + 1}`;
      }
    } else if (form.get('grant_type') !== 'client_credentials') return refused('unsupported_grant_type');
    await this.pause;
    const token = `access-${this.asked.length}`;
    this.tokens.add(token);
    const rotated = this.rotates && used !== null ? { refresh_token: this.refreshToken } : {};
    const rest = { token_type: 'Bearer', expires_in: this.lifeSeconds, ...rotated };
    return { status: 200, body: { access_token: token, ...rest } };
  }

  #send(request: IncomingMessage, body: string): Failure {
    this.posts++;
    const user = /^\/v1\.0\/users\/([^/]+)\/sendMail$/.exec(request.url ?? '')?.[1];
    const error = (status: number, code: string) => ({ status, body: { error: { code, message: 'no' } } });
    if (user === undefined || request.method !== 'POST') return error(404, 'ResourceNotFound');
    const token = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1] ?? '';
    if (!this.tokens.has(token)) return error(401, 'InvalidAuthenticationToken');
    if (request.headers['content-type'] !== 'text/plain') return error(400, 'ErrorInvalidRequest');
    const failure = this.failSend();
    if (failure !== undefined) return failure;
    if (body.length > 4 * 1024 ** 2) return error(413, 'ErrorMessageSizeExceeded');
    const mime = Buffer.from(body, 'base64');
    if (mime.toString('base64') !== body) return error(400, 'ErrorMimeContentInvalidBase64String');
    const text = mime.toString('latin1');
    if (!/^(?:To|Cc|Bcc):/im.test(text.split('\r\n\r\n', 1)[0] ?? '')) return error(400, 'ErrorInvalidRecipients');
    this.mails.push({ user: decodeURIComponent(user), mime: text, attachments: [] });
    return { status: 202 };
  }

  /** "Create message" in MIME, "Add attachment", "createUploadSession" and what follows it, "message: send". */
  #draft(request: IncomingMessage, bytes: Buffer): Failure | 'cut' {
    const { method, url = '', headers } = request;
    const error = (status: number, code: string) => ({ status, body: { error: { code, message: 'no' } } });
    const step = method === 'PUT' ? 'PUT' : `${method} ${url.split('/').at(-1)}`;
    this.steps.push(method === 'DELETE' ? 'DELETE' : step);
    const failure = this.failDraft(step);
    if (failure !== undefined) return failure;
    if (bytes.length > 4 * 1024 ** 2) return error(413, 'ErrorMessageSizeExceeded');
    const upload = this.uploads.get(url);
    if (upload !== undefined)
      return headers.authorization === undefined ? take(upload, request, bytes) : error(400, 'x');
    const [, user = '', id, action] = /^\/v1\.0\/users\/([^/]+)\/messages(?:\/([^/]+))?(?:\/(.+))?$/.exec(url) ?? [];
    if (!this.tokens.has(/^Bearer (.+)$/.exec(headers.authorization ?? '')?.[1] ?? '')) return error(401, 'x');
    if (id === undefined) {
      if (headers['content-type'] !== 'text/plain') return error(400, 'ErrorInvalidRequest');
      const mime = Buffer.from(bytes.toString(), 'base64').toString('latin1');
      const made = `draft=${this.steps.length}`;
      this.drafts.set(made, { user: decodeURIComponent(user), mime, attachments: [] });
      return { status: 201, body: { id: made, subject: 'x' } };
    }
    const draft = this.drafts.get(decodeURIComponent(id));
    if (draft === undefined) return error(404, 'ErrorItemNotFound');
    if (action === undefined || action === 'send') {
      this.drafts.delete(decodeURIComponent(id));
      if (action === 'send') this.mails.push(draft);
      return { status: action === 'send' ? 202 : 204 };
    }
    const said = JSON.parse(bytes.toString());
    if (action === 'attachments') {
      const { '@odata.type': type, contentBytes, ...rest } = said;
      if (type !== '#microsoft.graph.fileAttachment') return error(400, 'ErrorInvalidRequest');
      draft.attachments.push({ ...rest, content: Buffer.from(contentBytes, 'base64') });
      return { status: 201, body: { id: 'a' } };
    }
    const { AttachmentItem: item } = said;
    if (item.size < 3 * 1024 ** 2) return error(400, 'ErrorAttachmentSizeShouldNotBeLessThanMinimumSize');
    const path = `/upload/${this.steps.length}?authtoken=secret`;
    this.uploads.set(path, { draft, item, pieces: [] });
    return { status: 201, body: { uploadUrl: `${this.url}${path}`, nextExpectedRanges: ['0-'] } };
  }
}

/** Pieces come in order, and the last one completes it. */
function take({ draft, item, pieces }: Upload, { headers }: IncomingMessage, bytes: Buffer): Failure {
  const at = pieces.reduce((sum, { length }) => sum + length, 0);
  const wanted = `bytes ${at}-${at + bytes.length - 1}/${item.size}`;
  if (headers['content-range'] !== wanted || headers['content-type'] !== 'application/octet-stream') {
    return { status: 416, body: { error: { code: 'InvalidRange', message: wanted } } };
  }
  pieces.push(bytes);
  if (at + bytes.length < item.size) return { status: 200, body: { nextExpectedRanges: [`${at + bytes.length}`] } };
  const { name, contentType, isInline, contentId } = item;
  const about = { name, contentType, isInline, ...(contentId !== undefined && { contentId }) };
  draft.attachments.push({ ...about, content: Buffer.concat(pieces) });
  return { status: 201, headers: { location: 'https://outlook.office.com/a' } };
}

export function cloud(): Promise<Cloud> {
  return new Cloud().start();
}
