// What is advertised, by state (RFC 9051 6.1.1). Everything here has a test that uses it over a socket.

import { MECHANISMS } from '#protocols/sasl/mechanisms.ts';

const ALWAYS = ['IMAP4rev1', 'SASL-IR', 'LITERAL+', 'ID', 'ENABLE', 'IDLE'];
const AFTER_LOGIN = [
  ...['NAMESPACE', 'CHILDREN', 'UNSELECT', 'UIDPLUS', 'MOVE', 'SPECIAL-USE'],
  ...['CREATE-SPECIAL-USE', 'XLIST', 'LIST-EXTENDED', 'LIST-STATUS', 'STATUS=SIZE'],
];

/** `secure`: TLS is on; `mayLogIn`: passwords may be sent now. */
export function capabilities(state: { loggedIn: boolean; secure: boolean; mayLogIn: boolean }): string {
  if (state.loggedIn) return [...ALWAYS, ...AFTER_LOGIN].join(' ');
  const names = [...ALWAYS];
  if (!state.secure) names.push('STARTTLS');
  // RFC 3501 6.2.3, RFC 9051 7.2.2
  if (state.mayLogIn) names.push(...MECHANISMS.map((name) => `AUTH=${name}`));
  else names.push('LOGINDISABLED');
  return names.join(' ');
}
