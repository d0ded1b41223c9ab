// Tokens of URLs that carry the right to read what they name (RFC 4467), by the mechanism INTERNAL. A mailbox's key is
// made of a secret of the server, the mailbox and a number that RESETKEY draws anew: what lies in the database alone opens
// nothing.

import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { AccountId, MailAccount, Mailbox } from '#storage/ports.ts';
import type { ImapUrl, UrlAuth } from './imap-url.ts';

/** What URLs of other accounts' mail need of the server. */
export interface UrlAuthority {
  readonly secret: Uint8Array;
  /** The account of an address of ours, or null. */
  account(address: string): Promise<AccountId | null>;
}

/** Stands before the digest, so that another way to make it can be told from this one (RFC 4467 9: at least 32 digits). */
const VERSION = '01';
/** What RESETKEY drew is kept with the annotations, under a name that no client can ask for. */
const RESET = 'urlauth';
const RESET_BYTES = 16;

/** The token for a URL's text up to its access identifier. Errors: those of the mailbox's annotations. */
export async function tokenFor(
  { secret }: UrlAuthority,
  mail: MailAccount,
  { id }: Mailbox,
  rump: string,
): Promise<string> {
  const drawn = (await mail.metadata(id)).get(RESET) ?? new Uint8Array(0);
  const key = createHmac('sha256', secret).update(`${mail.id}/${id}/`).update(drawn).digest();
  return VERSION + createHmac('sha256', key).update(rump).digest('hex');
}

/** Every token that there is for the mailbox is void from now on. */
export async function resetKey(mail: MailAccount, { id }: Mailbox): Promise<void> {
  await mail.setMetadata(id, [[RESET, randomBytes(RESET_BYTES)]]);
}

/** Compares without telling by its time where they differ. */
export function isSameToken(given: string, right: string): boolean {
  const [a, b] = [Buffer.from(given.toLowerCase()), Buffer.from(right)];
  return a.length === b.length && timingSafeEqual(a, b);
}

/** May who is logged in as this address use it now? `submit+` is for a message submission server: we have none that asks. */
export function mayUse({ access, expires }: UrlAuth, url: ImapUrl, address: string, now: number): boolean {
  if (expires !== null && expires <= now) return false;
  if (access === 'anonymous' || access === 'authuser') return true;
  return access.startsWith('user+') && isUser(access.slice(5), url, address);
}

/** A name without a domain is one of the URL's host. */
function isUser(name: string, { server }: ImapUrl, address: string): boolean {
  return name === address || (!name.includes('@') && `${name}@${server?.host}` === address);
}

/** The address of whose mail a URL names, by the user and the host in it. */
export function ownerOf({ server }: ImapUrl, hostname: string): string | null {
  if (server === null || server.user === '') return null;
  const user = server.user.toLowerCase();
  if (!user.includes('@')) return `${user}@${server.host}`;
  return server.host === hostname.toLowerCase() ? user : null;
}

const ACCESS = /^(?:anonymous|authuser|(?:user|submit)\+.+)$/;

/** Is it one of the access identifiers of RFC 4467 2.3? */
export function isAccess(access: string): boolean {
  return ACCESS.test(access);
}
