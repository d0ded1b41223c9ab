// What is advertised, by state (RFC 9051 6.1.1). Everything here has a test that uses it over a socket.

const ALWAYS = ['IMAP4rev1', 'IMAP4rev2', 'SASL-IR'];
const LITERALS = { plus: 'LITERAL+', minus: 'LITERAL-' };
const AFTER_LITERALS = ['ID', 'ENABLE', 'IDLE'];
const AFTER_LOGIN = [
  ...['NAMESPACE', 'CHILDREN', 'UNSELECT', 'UIDPLUS', 'MOVE', 'SPECIAL-USE'],
  ...[
    'COMPRESS=DEFLATE',
    'UNAUTHENTICATE',
    'MULTIAPPEND',
    'BINARY',
    'CATENATE',
    'URLAUTH',
    'URLAUTH=BINARY',
    'REPLACE',
    'UTF8=ACCEPT',
  ],
  ...['OBJECTID', 'SAVEDATE', 'PREVIEW'],
  ...['QUOTA', 'QUOTA=RES-STORAGE', 'QUOTA=RES-MESSAGE', 'METADATA', 'LIST-METADATA', 'ANNOTATE-EXPERIMENT-1'],
  ...['CREATE-SPECIAL-USE', 'XLIST', 'LIST-EXTENDED', 'LIST-STATUS', 'LIST-MYRIGHTS', 'STATUS=SIZE'],
  ...['ACL', 'RIGHTS=kxten'],
  ...[
    'CONDSTORE',
    'QRESYNC',
    'ESEARCH',
    'SEARCHRES',
    'WITHIN',
    'PARTIAL',
    'SEARCH=FUZZY',
    'UIDBATCHES',
    'MULTISEARCH',
    'CONTEXT=SEARCH',
    'NOTIFY',
    'INPROGRESS',
  ],
  ...['SORT', 'SORT=DISPLAY', 'ESORT', 'THREAD=REFERENCES', 'THREAD=ORDEREDSUBJECT', 'I18NLEVEL=1'],
];

export interface CapabilityState {
  readonly loggedIn: boolean;
  /** TLS is on. */
  readonly secure: boolean;
  /** SASL mechanisms that may be used now; none while nobody may log in. */
  readonly mechanisms: readonly string[];
  readonly literals: 'plus' | 'minus';
  /** The largest message that is taken. */
  readonly messageSize: number;
}

export function capabilities(state: CapabilityState): string[] {
  const names = [...ALWAYS, LITERALS[state.literals], ...AFTER_LITERALS];
  // RFC 7889 2: the same for every mailbox.
  if (state.loggedIn) return [...names, ...AFTER_LOGIN, `APPENDLIMIT=${state.messageSize}`];
  if (!state.secure) names.push('STARTTLS');
  // RFC 3501 6.2.3, RFC 9051 7.2.2
  if (state.mechanisms.length === 0) names.push('LOGINDISABLED');
  names.push(...state.mechanisms.map((name) => `AUTH=${name}`));
  return names;
}
