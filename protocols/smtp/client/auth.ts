// Logs in at another server (RFC 4954), as a smarthost asks for it: with a token by XOAUTH2 or OAUTHBEARER, with a password
// by SCRAM-SHA-256, PLAIN or LOGIN, whichever of them it offers first in this order (F218).

import { ScramExchange, ScramFailure } from '#protocols/sasl/scram-client.ts';
import { AUTH_LINE_OCTETS } from './limits.ts';
import { formatReply, type ServerReply } from './reply.ts';
import { type Session, SessionFailure } from './session.ts';

export type ClientLogin =
  | { readonly kind: 'password'; readonly user: string; readonly password: string }
  | { readonly kind: 'token'; readonly user: string; readonly token: string };

/** Logs in; rejects with a SessionFailure of kind `login` where that is refused. */
export async function logIn(session: Session, login: ClientLogin): Promise<void> {
  const offered = new Set((session.extensions.get('AUTH') ?? '').toUpperCase().split(' '));
  const mechanisms = login.kind === 'token' ? TOKENS : PASSWORDS;
  const found = Object.entries(mechanisms).find(([name]) => offered.has(name));
  if (found === undefined) {
    const names = Object.keys(mechanisms).join(', ');
    throw refused(`the server offers none of ${names}; it offers ${[...offered].join(' ') || 'no login at all'}`);
  }
  const [name, attempt] = found;
  const reply = await attempt(session, name, login as never);
  if (reply.code === 235) return;
  if (reply.code >= 400 && reply.code < 500) throw new SessionFailure('reply', reply);
  throw refused(formatReply(reply));
}

type Attempt<L> = (session: Session, name: string, login: L) => Promise<ServerReply>;
type PasswordLogin = Extract<ClientLogin, { readonly kind: 'password' }>;
type TokenLogin = Extract<ClientLogin, { readonly kind: 'token' }>;

/** By preference. */
const PASSWORDS: Readonly<Record<string, Attempt<PasswordLogin>>> = {
  'SCRAM-SHA-256': scram,
  PLAIN: (session, name, { user, password }) => initial(session, name, `\0${user}\0${password}`),
  async LOGIN(session, name, { user, password }) {
    const asked = await session.ask(`AUTH ${name}`);
    if (asked.code !== 334) return asked;
    const again = await session.askSecretly(base64(user));
    return again.code === 334 ? await session.askSecretly(base64(password)) : again;
  },
};

const TOKENS: Readonly<Record<string, Attempt<TokenLogin>>> = {
  XOAUTH2: (session, name, { user, token }) =>
    withToken(session, name, `user=${user}\x01auth=Bearer ${token}\x01\x01`, ''),
  // RFC 7628 3.1, and 3.2.3 for what is said to an error.
  OAUTHBEARER: (session, name, { user, token }) =>
    withToken(
      session,
      name,
      `n,a=${user.replaceAll('=', '=3D').replaceAll(',', '=2C')},\x01auth=Bearer ${token}\x01\x01`,
      base64('\x01'),
    ),
};

/** Google's and Microsoft's error dialogue: a 334 with JSON is a refusal, which an empty line (or ^A) is the answer to. */
async function withToken(session: Session, name: string, message: string, end: string): Promise<ServerReply> {
  const reply = await initial(session, name, message);
  if (reply.code !== 334) return reply;
  const { text } = reply;
  const last = await session.askSecretly(end);
  session.transcript.note(`the token was refused: ${printable(Buffer.from(text, 'base64').toString())}`);
  // Who says yes after that has not understood what he said.
  return last.code >= 400 ? last : { code: 535, enhanced: '5.7.8', text: `the token was refused: ${last.text}` };
}

/** RFC 4954 4: an initial response goes with the command only where the line stays short. */
async function initial(session: Session, name: string, message: string): Promise<ServerReply> {
  const line = `AUTH ${name} ${base64(message)}`;
  if (line.length + 2 <= AUTH_LINE_OCTETS) return session.ask(line);
  const asked = await session.ask(`AUTH ${name}`);
  return asked.code === 334 ? session.askSecretly(base64(message)) : asked;
}

async function scram(session: Session, name: string, { user, password }: PasswordLogin): Promise<ServerReply> {
  const exchange = new ScramExchange(user, password);
  const first = await initial(session, name, exchange.first());
  if (first.code !== 334) return first;
  let proof: string;
  try {
    proof = await exchange.final(Buffer.from(first.text, 'base64').toString());
  } catch (error) {
    if (!(error instanceof ScramFailure)) throw error;
    await session.askSecretly('*');
    throw refused(`SCRAM-SHA-256: ${error.message}`);
  }
  const reply = await session.askSecretly(base64(proof));
  if (reply.code >= 400) return reply;
  // RFC 5802 3: who can't prove that he knows the password gets no mail. What proves it is a challenge, since a success
  // of SMTP carries no data (RFC 4954 4).
  const proven = reply.code === 334 && exchange.verifies(Buffer.from(reply.text, 'base64').toString());
  if (!proven) throw refused('SCRAM-SHA-256: the server does not know the password');
  return session.askSecretly('');
}

/** Not a fault of the message: it waits until somebody has put the login right. */
function refused(text: string): SessionFailure {
  return new SessionFailure('login', { code: 454, enhanced: '4.7.8', text: `the login was refused: ${text}` });
}

function base64(text: string): string {
  return Buffer.from(text, 'utf8').toString('base64');
}

function printable(text: string): string {
  return text.replace(/\p{Cc}/gu, ' ').slice(0, 300);
}
