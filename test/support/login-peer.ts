// The AUTH of a peer: what a smarthost says to each mechanism, written from the RFCs and from what Google and Microsoft
// document of XOAUTH2.
import { createHash, createHmac, pbkdf2Sync } from 'node:crypto';
import type { Act, PeerSession } from './smtp-peer.ts';

export interface PeerLogin {
  readonly user: string;
  readonly password?: string;
  /** Asked at each login. */
  readonly token?: () => string;
  /** Instead of one token. */
  readonly takes?: (token: string) => boolean;
}

const base64 = (text: string) => Buffer.from(text).toString('base64');
const decoded = (text: string) => Buffer.from(text, 'base64').toString();
const hmac = (key: Buffer, text: string) => createHmac('sha256', key).update(text).digest();
const YES = '235 2.7.0 Welcome';
const NO = '535 5.7.8 Bad credentials';

/** Makes the `act` of a peer that takes this login; commands before it that need one are refused. */
export function loginAct(login: PeerLogin): (command: string, session: PeerSession) => Act | undefined {
  /** What the next line of a session answers. */
  const awaiting = new Map<PeerSession, (line: string) => Act>();
  const inside = new Set<PeerSession>();
  const settle = (session: PeerSession, ok: boolean): Act => {
    if (ok) inside.add(session);
    return ok ? YES : NO;
  };
  const plain = (session: PeerSession) => (line: string) =>
    settle(session, decoded(line) === `\0${login.user}\0${login.password}`);
  const token = (session: PeerSession) => (line: string) => {
    const [user = '', given = ''] = decoded(line)
      .replace(/^user=/, '')
      .split('\x01auth=Bearer ');
    const taken = login.takes?.(given.slice(0, -2)) ?? given === `${login.token?.()}\x01\x01`;
    if (user === login.user && taken) return settle(session, true);
    // https://developers.google.com/workspace/gmail/imap/xoauth2-protocol: an error is a challenge, its answer empty.
    awaiting.set(session, (last) => (last === '' ? NO : '500 5.5.1 That was to be an empty line'));
    return `334 ${base64('{"status":"401","schemes":"bearer","scope":"https://mail.google.com/"}')}`;
  };
  const bearer = (session: PeerSession) => (line: string) =>
    settle(session, decoded(line) === `n,a=${login.user},\x01auth=Bearer ${login.token?.()}\x01\x01`);
  const name = (session: PeerSession) => (user: string) => {
    awaiting.set(session, (password) =>
      settle(session, decoded(user) === login.user && decoded(password) === login.password),
    );
    return `334 ${base64('Password:')}`;
  };
  const scram = (session: PeerSession) => (first: string) => {
    const bare = decoded(first).slice('n,,'.length);
    const nonce = `${/r=(.*)$/.exec(bare)?.[1]}theirs`;
    const salt = Buffer.from('salt and pepper');
    const challenge = `r=${nonce},s=${salt.toString('base64')},i=4096`;
    awaiting.set(session, (line) => {
      const [, without = '', proof = ''] = /^(.*),p=(.*)$/.exec(decoded(line)) ?? [];
      const salted = pbkdf2Sync(login.password ?? '', salt, 4096, 32, 'sha256');
      const message = `${bare},${challenge},${without}`;
      const key = hmac(salted, 'Client Key');
      const signature = hmac(createHash('sha256').update(key).digest(), message);
      const right = Buffer.from(key.map((byte, at) => byte ^ (signature[at] ?? 0))).toString('base64') === proof;
      if (!right || bare.split(',')[0] !== `n=${login.user}`) return NO;
      awaiting.set(session, () => settle(session, true));
      return `334 ${base64(`v=${hmac(hmac(salted, 'Server Key'), message).toString('base64')}`)}`;
    });
    return `334 ${base64(challenge)}`;
  };
  const mechanisms: Record<string, (session: PeerSession) => (line: string) => Act> = {
    PLAIN: plain,
    LOGIN: name,
    XOAUTH2: token,
    OAUTHBEARER: bearer,
    'SCRAM-SHA-256': scram,
  };
  return (command, session) => {
    const next = awaiting.get(session);
    if (next !== undefined) {
      awaiting.delete(session);
      return next(command);
    }
    const [, mechanism = '', response] = /^AUTH (\S+)(?: (.*))?$/i.exec(command) ?? [];
    const answer = mechanisms[mechanism]?.(session);
    if (answer !== undefined) {
      if (response !== undefined) return answer(response);
      awaiting.set(session, answer);
      return mechanism === 'LOGIN' ? `334 ${base64('Username:')}` : '334 ';
    }
    return command.startsWith('MAIL') && !inside.has(session) ? '530 5.7.0 Log in first' : undefined;
  };
}
