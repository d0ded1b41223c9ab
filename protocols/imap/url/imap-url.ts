// IMAP URLs (RFC 5092) as CATENATE and URLAUTH use them: a message of this server, or a part of it.

import { URL_CHARS } from '../limits.ts';

export interface ImapUrl {
  /** Who and where, of an absolute URL; null for a relative one. */
  readonly server: { readonly user: string; readonly host: string } | null;
  /** The mailbox's path; '' is the selected one. */
  readonly mailbox: string;
  readonly uidvalidity: number | null;
  readonly uid: number;
  /** As in FETCH, without brackets. */
  readonly section: string;
  readonly partial: { readonly offset: number; readonly length: number | null } | null;
  readonly auth: UrlAuth | null;
}

/** [";EXPIRE=" date-time] ";URLAUTH=" access [":" mechanism ":" token] (RFC 4467 9). */
export interface UrlAuth {
  /** The URL's text that the token covers: up to the access identifier's end. */
  readonly rump: string;
  /** Unix ms, or null. */
  readonly expires: number | null;
  /** In lower case: `anonymous`, `authuser`, `user+anna`, `submit+anna`. */
  readonly access: string;
  readonly mechanism: string;
  /** In hexadecimal digits; '' in a URL that is not authorized yet. */
  readonly token: string;
}

const SERVER = /^imap:\/\/(?:([^@/?#:]*)@)?([^/?#@:]+)(?::\d{1,5})?\//i;
const MESSAGE =
  /^(.*?)(?:;uidvalidity=([1-9]\d{0,9}))?\/?;uid=([1-9]\d{0,9})(?:\/;section=([^;/?#]+))?(?:\/;partial=(\d{1,10})(?:\.([1-9]\d{0,9}))?)?$/i;
const AUTH = /^(.*?)((?:;expire=([^;]+))?;urlauth=([a-z]+(?:\+[^:;/?#]+)?))(?::([a-z0-9.-]+)(?::([0-9a-f]+))?)?$/i;
const EXPIRE = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/i;

/** What a URL names, or null if it is none of a message. */
export function parseImapUrl(text: string): ImapUrl | null {
  if (text.length > URL_CHARS || /[^\x21-\x7e]/.test(text)) return null;
  const auth = parseAuth(text);
  if (auth === undefined) return null;
  const plain = auth === null ? text : text.slice(0, auth.plain);
  const server = SERVER.exec(plain);
  const path = server === null ? plain.replace(/^\//, '') : plain.slice(server[0].length);
  const message = MESSAGE.exec(path);
  if (message === null || (server === null && /^[a-z]+:/i.test(plain))) return null;
  const [user, mailbox, section] = [server?.[1] ?? '', message[1] ?? '', message[4] ?? ''].map(unescaped);
  if (user === undefined || mailbox === undefined || section === undefined) return null;
  const offset = message[5];
  return {
    server: server === null ? null : { user, host: (server[2] ?? '').toLowerCase() },
    mailbox: mailbox.normalize('NFC'),
    uidvalidity: message[2] === undefined ? null : Number(message[2]),
    uid: Number(message[3]),
    section,
    partial:
      offset === undefined
        ? null
        : { offset: Number(offset), length: message[6] === undefined ? null : Number(message[6]) },
    auth: auth?.auth ?? null,
  };
}

/** Does it name this account's mail here? The host is ours, or it and the user are the account's address. */
export function isOurs({ server }: ImapUrl, address: string, hostname: string): boolean {
  if (server === null) return true;
  const user = server.user.toLowerCase();
  return (
    `${user}@${server.host}` === address || (server.host === hostname.toLowerCase() && [address, ''].includes(user))
  );
}

/** null: there is none; undefined: it is malformed. */
function parseAuth(text: string): { readonly auth: UrlAuth; readonly plain: number } | null | undefined {
  if (!/;urlauth=/i.test(text)) return /;expire=/i.test(text) ? undefined : null;
  const found = AUTH.exec(text);
  if (found === null) return undefined;
  const [, plain = '', terms = '', expire, access = '', mechanism = '', token = ''] = found;
  const expires = expire === undefined ? null : EXPIRE.test(expire) ? Date.parse(expire) : Number.NaN;
  const decoded = unescaped(access);
  if (Number.isNaN(expires) || decoded === undefined) return undefined;
  const auth = {
    rump: plain + terms,
    expires,
    access: decoded.toLowerCase(),
    mechanism: mechanism.toUpperCase(),
    token,
  };
  return { auth, plain: plain.length };
}

/** Percent-encoding undone, in UTF-8; undefined if it is not that. */
function unescaped(text: string): string | undefined {
  if (!text.includes('%')) return text;
  try {
    return decodeURIComponent(text);
  } catch (error) {
    if (error instanceof URIError) return undefined;
    throw error;
  }
}
