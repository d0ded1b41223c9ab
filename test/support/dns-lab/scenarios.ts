// What is tried in the laboratory: a domain for each case, how the peers behind it behave, and what Postfix and we are
// expected to make of it alike.
import type { Act, PeerOptions, PeerSession } from '../smtp-peer.ts';

export interface LabPeer {
  /** 127.0.0.`at` or this very address, port 25. */
  readonly at: number | `fd00::${number}`;
  /** Its name in plain.test, for those that are not in lab.sh. */
  readonly name?: string;
  /** The certificate (lab.sh) that it has; absent: no STARTTLS; '': STARTTLS, and no handshake. */
  readonly certificate?: string;
  readonly extensions?: PeerOptions['extensions'];
  readonly act?: (command: string, session: PeerSession) => Act | undefined;
}

/** At one command something else than the usual. */
const at =
  (verb: string, act: Act) =>
  (command: string): Act | undefined =>
    command.startsWith(verb) ? act : undefined;

/** Refuses a sender's first attempt. */
function greylist(): NonNullable<LabPeer['act']> {
  const seen = new Set<string>();
  return (command, { commands }) => {
    if (!command.startsWith('RCPT')) return undefined;
    const sender = commands.findLast((line) => line.startsWith('MAIL'))?.split(' ')[1] ?? '';
    if (seen.has(sender)) return undefined;
    seen.add(sender);
    return '451 4.7.1 Greylisted, try again';
  };
}

/** Says nothing any more. */
function muteFrom(verb: string): NonNullable<LabPeer['act']> {
  const mute = new WeakSet<PeerSession>();
  return (command, session) => {
    if (command.startsWith(verb)) mute.add(session);
    return mute.has(session) ? { silent: true } : undefined;
  };
}

/** Offers to go on protecting the mail (RFC 8689). */
const REQUIRETLS = ['PIPELINING', '8BITMIME', 'ENHANCEDSTATUSCODES', 'REQUIRETLS'];

export const PEERS: readonly LabPeer[] = [
  // good.test
  { at: 11, certificate: 'mx1.good.test', extensions: REQUIRETLS },
  { at: 12, certificate: 'mx2.good.test' },
  { at: 13 },
  { at: 14, certificate: 'mxta.good.test' },
  { at: 25, certificate: 'wrong' },
  { at: 26, certificate: 'tadomain.good.test' },
  { at: 27, certificate: 'old' },
  { at: 28 },
  { at: 29, certificate: '' },
  { at: 30, certificate: 'wrong' },
  { at: 33, certificate: 'wrong' },
  // bogus.test, expired.test
  { at: 15, certificate: 'wrong' },
  { at: 16, certificate: 'wrong' },
  { at: 19, certificate: 'wrong' },
  // plain.test
  { at: 17, certificate: 'mx.plain.test' },
  { at: 21, name: 'alive' },
  { at: 70, name: 'stsw', certificate: 'wrong' },
  { at: 71, name: 'stso', certificate: 'old' },
  { at: 73, name: 'stsn' },
  { at: 40, name: 'grey', act: greylist() },
  { at: 41, name: 'mail4', act: at('MAIL', '451 4.3.2 Not now') },
  { at: 42, name: 'rcpt5', act: at('RCPT', '550 5.1.1 Nobody here') },
  { at: 43, name: 'rcpt5bare', act: at('RCPT', '550 Nobody here') },
  { at: 44, name: 'data4', act: at('DATA', '451 4.3.0 Not now') },
  { at: 45, name: 'data5', act: at('DATA', '554 5.7.1 No') },
  { at: 46, name: 'dot4', act: at('DOT', '452 4.3.1 Full') },
  { at: 47, name: 'dot5', act: at('DOT', '550 5.7.1 Spam') },
  { at: 48, name: 'greet4', act: at('CONNECT', '421 4.3.2 Busy') },
  { at: 49, name: 'greet5', act: at('CONNECT', '554 5.3.2 Go away') },
  { at: 50, name: 'cutdot', act: at('DOT', { cut: true }) },
  { at: 51, name: 'cutrcpt', act: at('RCPT', { cut: true }) },
  {
    at: 52,
    name: 'slow',
    act: (command) => (/^(CONNECT|EHLO|MAIL|RCPT|DATA|DOT)/.test(command) ? { late: 700 } : undefined),
  },
  { at: 53, name: 'starttls4', certificate: 'wrong', act: at('STARTTLS', '454 4.7.0 Not now') },
  { at: 54, name: 'nohandshake', certificate: '' },
  { at: 55, name: 'oldtls', certificate: 'old' },
  { at: 56, name: 'wrongtls', certificate: 'wrong' },
  { at: 57, name: 'helo', extensions: null },
  {
    at: 58,
    name: 'nohelo',
    act: (command) => (/^(EHLO|HELO)/.test(command) ? '550 5.7.1 I do not know you' : undefined),
  },
  { at: 59, name: 'quota', act: at('RCPT', '552 5.2.2 Over quota') },
  { at: 60, name: 'rcpt4', act: at('RCPT', '450 4.2.1 Not now') },
  { at: 61, name: 'first4', act: at('RCPT', '450 4.2.1 Not now') },
  { at: 62, name: 'second' },
  { at: 63, name: 'firstcut', act: at('DATA', { cut: true }) },
  { at: 64, name: 'first5', act: at('RCPT', '550 5.1.1 Nobody here') },
  { at: 65, name: 'firstdot4', act: at('DOT', '451 4.3.0 Not now') },
  { at: 66, name: 'rcpt421', act: at('RCPT', '421 4.3.2 Shutting down') },
  { at: 67, name: 'small', extensions: ['SIZE 100'] },
  { at: 68, name: 'mail5', act: at('MAIL', '550 5.7.1 Not from you') },
  { at: 'fd00::80', name: 'six' },
  { at: 'fd00::81', name: 'sixalive' },
  { at: 'fd00::82', certificate: 'wrong' },
  { at: 'fd00::83', certificate: 'wrong' },
  { at: 'fd00::84', name: 'both', act: at('CONNECT', '421 4.3.2 Busy') },
  { at: 84, name: 'both' },
  { at: 85, name: 'utf8', extensions: ['PIPELINING', '8BITMIME', 'SMTPUTF8', 'ENHANCEDSTATUSCODES'] },
  { at: 86, name: 'noutf8' },
  { at: 87, name: 'mute', act: muteFrom('CONNECT') },
  { at: 88, name: 'muteehlo', act: muteFrom('EHLO') },
  { at: 89, name: 'mutemail', act: muteFrom('MAIL') },
  { at: 90, name: 'mutercpt', act: muteFrom('RCPT') },
  { at: 91, name: 'mutedata', act: muteFrom('DATA') },
  { at: 92, name: 'mutedot', act: muteFrom('DOT') },
  { at: 93, name: 'mutetls', certificate: 'wrong', act: muteFrom('STARTTLS') },
  { at: 94, name: 'longgreeting', act: at('CONNECT', { lines: 5_000 }) },
  { at: 95, name: 'longline', act: at('RCPT', `250 2.1.5 ${'x'.repeat(100_000)}`) },
];

/** MX records of plain.test beside those of lab.sh. `dead` has an address where nobody listens. */
export const MXS: readonly string[] = [
  'order 10 dead',
  'order 20 alive',
  'nohost 10 gone',
  'halfhost 10 gone',
  'halfhost 20 alive',
  'nobody 10 dead',
  'cname 10 cmx',
  'tosecure 10 mx1.good.test.',
  'tosecurebad 10 mx2.good.test.',
  'two4 10 first4',
  'two4 20 second',
  'twocut 10 firstcut',
  'twocut 20 second',
  'two5 10 first5',
  'two5 20 second',
  'twodot4 10 firstdot4',
  'twodot4 20 second',
  'twocutdot 10 cutdot',
  'twocutdot 20 second',
  'twogreet5 10 greet5',
  'twogreet5 20 second',
  'two421 10 rcpt421',
  'two421 20 second',
  'enforce 10 mx',
  'stswrong 10 stsw',
  'ststest 10 stsw',
  'stsother 10 mx',
  'stsold 10 stso',
  'stsno 10 stsn',
  'twomute 10 mute',
  'twomute 20 second',
  'crowd 10 crowdhost',
  'selfposthuis 10 alpha',
  'selfpostfix 10 postfix',
];
export const HOSTS: readonly string[] = [
  ...['dead 99', 'alpha 31', 'beta 32', 'postfix 1'],
  // One family is dead: nobody listens at .99, and nobody has fd00::99.
  ...['sixalive 99', 'fouralive 21', 'fouralive fd00::99'],
  ...[101, 102, 103, 104, 105, 106].map((octet) => `crowdhost ${octet}`),
  'crowdhost fd00::80',
];

/** What the laboratory's loopback interface has beside 127.0.0.0/8. */
export const IPV6: readonly string[] = PEERS.flatMap(({ at }) => (typeof at === 'string' ? [at] : []));

/** MTA-STS policies by domain: mode and mail host; and what postfix-mta-sts-resolver answers to them. */
export const POLICIES: Readonly<Record<string, readonly [mode: string, host: string]>> = {
  'plain.test': ['testing', 'other.plain.test'],
  'enforce.plain.test': ['enforce', 'mx.plain.test'],
  'stswrong.plain.test': ['enforce', 'stsw.plain.test'],
  'ststest.plain.test': ['testing', 'stsw.plain.test'],
  'stsother.plain.test': ['enforce', 'other.plain.test'],
  'stsold.plain.test': ['enforce', 'stso.plain.test'],
  'stsno.plain.test': ['enforce', 'stsn.plain.test'],
  // Postfix is not told of these: DANE goes first (RFC 8461 2).
  'daneok.good.test': ['enforce', 'other.good.test'],
  'danebad.good.test': ['enforce', 'mx2.good.test'],
};

export interface Scenario {
  readonly what: string;
  readonly domain: string;
  /** The recipient's local part, if it is not `probe`. */
  readonly to?: string;
  /** The message asks for REQUIRETLS, of us. */
  readonly requireTls?: true;
  /** `sent 127.0.0.x plain|tls|verified`, `bounced STATUS` or `deferred STATUS`. */
  readonly expected: string;
  /** Where we differ from Postfix on purpose: what Postfix says, and why. */
  readonly postfix?: { readonly says: string; readonly why: string };
  /** The domain for Postfix, where it is another one. */
  readonly postfixDomain?: string;
  /** Deferred at first; `expected` is the end. */
  readonly first?: string;
}

const plain = (name: string) => `${name}.plain.test`;
const good = (name: string) => `${name}.good.test`;

/** REQUIRETLS (RFC 8689): what becomes of it with us, and without it with Postfix. */
const REQUIRED: readonly { what: string; domain: string; expected: readonly [string, string] }[] = [
  {
    what: 'REQUIRETLS, DANE and a server that takes it on',
    domain: 'good.test',
    expected: ['sent 127.0.0.11 verified', 'sent 127.0.0.11 verified'],
  },
  {
    what: 'REQUIRETLS, DANE and a server that does not know it',
    domain: good('usage2'),
    expected: ['bounced 5.7.30', 'sent 127.0.0.14 verified'],
  },
  {
    what: 'REQUIRETLS and a certificate that nobody has named',
    domain: plain('wrongtls'),
    expected: ['bounced 5.7.30', 'sent 127.0.0.56 tls'],
  },
  { what: 'REQUIRETLS without TLS', domain: plain('alive'), expected: ['bounced 5.7.30', 'sent 127.0.0.21 plain'] },
];

export const SCENARIOS: readonly Scenario[] = [
  { what: 'DANE-EE that matches', domain: 'good.test', expected: 'sent 127.0.0.11 verified' },
  { what: 'DANE-EE that does not match', domain: good('mismatch'), expected: 'deferred 4.7.5' },
  {
    what: 'a host that DANE refuses, then one that it takes',
    domain: good('failover'),
    expected: 'sent 127.0.0.11 verified',
  },
  { what: 'DANE-TA', domain: good('usage2'), expected: 'sent 127.0.0.14 verified' },
  { what: 'DANE-TA, a certificate for another name', domain: good('taname'), expected: 'deferred 4.7.5' },
  { what: 'DANE-TA, a certificate for the domain', domain: good('tadomain'), expected: 'sent 127.0.0.26 verified' },
  { what: 'DANE-EE with an expired certificate', domain: good('oldcert'), expected: 'sent 127.0.0.27 verified' },
  { what: 'DANE without STARTTLS', domain: good('notls'), expected: 'deferred 4.7.4' },
  { what: 'DANE and a handshake that fails', domain: good('broken'), expected: 'deferred 4.7.5' },
  { what: 'TLSA that can not be used', domain: good('unusable'), expected: 'sent 127.0.0.30 tls' },
  { what: 'TLSA of an implicit MX', domain: good('nomxtls'), expected: 'sent 127.0.0.33 verified' },
  { what: "TLSA at the end of a mail host's alias", domain: good('aliasmx'), expected: 'sent 127.0.0.11 verified' },
  { what: 'TLSA at the end of an alias, mismatch', domain: good('aliasbad'), expected: 'deferred 4.7.5' },
  {
    what: 'TLSA at the beginning of an alias that leaves the signed zone',
    domain: good('aliasout'),
    expected: 'sent 127.0.0.17 verified',
  },
  { what: 'the same, mismatch', domain: good('aliasoutbad'), expected: 'deferred 4.7.5' },
  {
    what: 'DANE before an MTA-STS policy that names another host',
    domain: good('daneok'),
    expected: 'sent 127.0.0.11 verified',
  },
  { what: 'DANE before an MTA-STS policy that is kept', domain: good('danebad'), expected: 'deferred 4.7.5' },
  {
    what: 'null MX',
    domain: good('null'),
    expected: 'bounced 5.1.10',
    postfix: { says: 'bounced 5.1.0', why: 'RFC 7505 4.2 made a code of its own for it' },
  },
  { what: 'implicit MX', domain: good('nomx'), expected: 'sent 127.0.0.13 plain' },
  { what: 'a domain that is an alias', domain: good('alias'), expected: 'sent 127.0.0.13 plain' },
  { what: 'TLSA in an unsigned zone', domain: 'plain.test', expected: 'sent 127.0.0.17 tls' },
  { what: 'a signed MX, an unsigned host', domain: 'mixed.test', expected: 'sent 127.0.0.17 tls' },
  { what: 'an unsigned MX, a host with TLSA', domain: plain('tosecure'), expected: 'sent 127.0.0.11 tls' },
  { what: 'an unsigned MX, a host with TLSA, mismatch', domain: plain('tosecurebad'), expected: 'deferred 4.7.5' },
  { what: 'an address that is bogus', domain: 'bogus.test', expected: 'deferred 4.4.3' },
  { what: 'a TLSA that is bogus', domain: 'tlsa.bogus.test', expected: 'deferred 4.7.5' },
  { what: 'a zone whose signatures have expired', domain: 'expired.test', expected: 'deferred 4.4.3' },
  { what: 'no such domain', domain: 'nowhere.test', expected: 'bounced 5.4.4' },
  { what: 'the preferred host does not answer', domain: plain('order'), expected: 'sent 127.0.0.21 plain' },
  { what: 'no host answers', domain: plain('nobody'), expected: 'deferred 4.4.1' },
  { what: 'a mail host without address', domain: plain('nohost'), expected: 'bounced 5.4.4' },
  { what: 'a mail host without address, then one with', domain: plain('halfhost'), expected: 'sent 127.0.0.21 plain' },
  { what: 'an MX that is an alias', domain: plain('cname'), expected: 'sent 127.0.0.17 tls' },
  {
    what: 'mail comes back to us',
    domain: plain('selfposthuis'),
    postfixDomain: plain('selfpostfix'),
    expected: 'bounced 5.4.6',
  },
  { what: 'MTA-STS enforce', domain: plain('enforce'), expected: 'sent 127.0.0.17 verified' },
  { what: 'MTA-STS enforce, a certificate for another name', domain: plain('stswrong'), expected: 'deferred 4.7.5' },
  {
    what: 'MTA-STS testing, a certificate for another name',
    domain: plain('ststest'),
    expected: 'sent 127.0.0.70 tls',
  },
  { what: 'MTA-STS enforce, another host', domain: plain('stsother'), expected: 'deferred 4.7.5' },
  { what: 'MTA-STS enforce, an expired certificate', domain: plain('stsold'), expected: 'deferred 4.7.5' },
  { what: 'MTA-STS enforce, no STARTTLS', domain: plain('stsno'), expected: 'deferred 4.7.4' },
  { what: 'an expired certificate', domain: plain('oldtls'), expected: 'sent 127.0.0.55 tls' },
  { what: 'a certificate for another name', domain: plain('wrongtls'), expected: 'sent 127.0.0.56 tls' },
  { what: 'STARTTLS refused', domain: plain('starttls4'), expected: 'sent 127.0.0.53 plain' },
  { what: 'a handshake that fails', domain: plain('nohandshake'), expected: 'sent 127.0.0.54 plain' },
  { what: 'a greylisting peer', domain: plain('grey'), first: 'deferred 4.7.1', expected: 'sent 127.0.0.40 plain' },
  { what: '4xx to MAIL', domain: plain('mail4'), expected: 'deferred 4.3.2' },
  { what: '5xx to MAIL', domain: plain('mail5'), expected: 'bounced 5.7.1' },
  { what: '4xx to RCPT', domain: plain('rcpt4'), expected: 'deferred 4.2.1' },
  { what: '5xx to RCPT', domain: plain('rcpt5'), expected: 'bounced 5.1.1' },
  { what: '5xx to RCPT without an enhanced code', domain: plain('rcpt5bare'), expected: 'bounced 5.0.0' },
  { what: '552 to RCPT', domain: plain('quota'), expected: 'bounced 5.2.2' },
  { what: '421 to RCPT', domain: plain('rcpt421'), expected: 'deferred 4.3.2' },
  { what: '4xx to DATA', domain: plain('data4'), expected: 'deferred 4.3.0' },
  { what: '5xx to DATA', domain: plain('data5'), expected: 'bounced 5.7.1' },
  { what: '4xx after the dot', domain: plain('dot4'), expected: 'deferred 4.3.1' },
  { what: '5xx after the dot', domain: plain('dot5'), expected: 'bounced 5.7.1' },
  { what: '421 in place of a greeting', domain: plain('greet4'), expected: 'deferred 4.3.2' },
  { what: '554 in place of a greeting', domain: plain('greet5'), expected: 'deferred 4.3.2' },
  { what: 'cut after the dot', domain: plain('cutdot'), expected: 'deferred 4.4.2' },
  { what: 'cut at RCPT', domain: plain('cutrcpt'), expected: 'deferred 4.4.2' },
  { what: 'a slow peer', domain: plain('slow'), expected: 'sent 127.0.0.52 plain' },
  { what: 'a peer that knows HELO only', domain: plain('helo'), expected: 'sent 127.0.0.57 plain' },
  { what: 'a peer that refuses EHLO and HELO', domain: plain('nohelo'), expected: 'bounced 5.7.1' },
  { what: 'a message that is too large', domain: plain('small'), expected: 'bounced 5.3.4' },
  { what: '5xx to RCPT, although there is another host', domain: plain('two5'), expected: 'bounced 5.1.1' },
  {
    what: '554 in place of a greeting, then another host',
    domain: plain('twogreet5'),
    expected: 'sent 127.0.0.62 plain',
  },
  { what: '4xx to RCPT, then another host', domain: plain('two4'), expected: 'sent 127.0.0.62 plain' },
  { what: 'cut at DATA, then another host', domain: plain('twocut'), expected: 'sent 127.0.0.62 plain' },
  { what: '421 to RCPT, then another host', domain: plain('two421'), expected: 'sent 127.0.0.62 plain' },
  { what: 'cut after the dot, then another host', domain: plain('twocutdot'), expected: 'sent 127.0.0.62 plain' },
  { what: '4xx after the dot, then another host', domain: plain('twodot4'), expected: 'sent 127.0.0.62 plain' },
  { what: 'a host with IPv6 alone', domain: plain('six'), expected: 'sent fd00::80 plain' },
  { what: 'IPv4 does not answer, IPv6 does', domain: plain('sixalive'), expected: 'sent fd00::81 plain' },
  { what: 'IPv6 does not answer, IPv4 does', domain: plain('fouralive'), expected: 'sent 127.0.0.21 plain' },
  { what: 'IPv6 is busy, IPv4 is not', domain: plain('both'), expected: 'sent 127.0.0.84 plain' },
  { what: 'many dead IPv4 addresses and one of IPv6', domain: plain('crowd'), expected: 'sent fd00::80 plain' },
  { what: 'DANE over IPv6', domain: good('six'), expected: 'sent fd00::82 verified' },
  { what: 'DANE over IPv6, mismatch', domain: good('sixbad'), expected: 'deferred 4.7.5' },
  { what: 'an address beyond ASCII', domain: plain('utf8'), to: 'pröbe', expected: 'sent 127.0.0.85 plain' },
  {
    what: 'an address beyond ASCII, a server without SMTPUTF8',
    domain: plain('noutf8'),
    to: 'pröbe',
    expected: 'bounced 5.6.7',
  },
  { what: 'a peer that never greets', domain: plain('mute'), expected: 'deferred 4.4.2' },
  { what: 'a peer that never answers EHLO', domain: plain('muteehlo'), expected: 'deferred 4.4.2' },
  { what: 'a peer that never answers STARTTLS', domain: plain('mutetls'), expected: 'deferred 4.4.2' },
  { what: 'a peer that never answers MAIL', domain: plain('mutemail'), expected: 'deferred 4.4.2' },
  { what: 'a peer that never answers RCPT', domain: plain('mutercpt'), expected: 'deferred 4.4.2' },
  { what: 'a peer that never answers DATA', domain: plain('mutedata'), expected: 'deferred 4.4.2' },
  { what: 'a peer that never answers the dot', domain: plain('mutedot'), expected: 'deferred 4.4.2' },
  { what: 'a peer that never greets, then another host', domain: plain('twomute'), expected: 'sent 127.0.0.62 plain' },
  {
    what: 'a greeting of 5,000 lines',
    domain: plain('longgreeting'),
    expected: 'deferred 4.4.2',
    postfix: { says: 'sent 127.0.0.94 plain', why: 'Postfix reads as many lines as come' },
  },
  {
    what: 'a reply line of 100,000 octets',
    domain: plain('longline'),
    expected: 'deferred 4.4.2',
    postfix: { says: 'sent 127.0.0.95 plain', why: 'Postfix cuts the line' },
  },
  ...REQUIRED.map(({ expected, ...scenario }) => ({
    ...{ ...scenario, to: 'required', requireTls: true as const, expected: expected[0] },
    postfix: { says: expected[1], why: 'Postfix 3.7 does not know REQUIRETLS' },
  })),
];
