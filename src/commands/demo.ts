// posthuis demo (npm start): a server to try, on this machine alone, with a domain, two accounts and a certificate of
// its own. Everything it makes is below the data directory.

import { resolve } from 'node:path';
import type { Config, ListenerName } from '#config/schema.ts';
import type { Store } from '#storage/ports.ts';
import { newCredential } from '../auth/scram.ts';
import type { BoundAddress } from '../listeners.ts';
import { generatePassword } from './account/new-password.ts';
import { type LoneCommand, Refused, takeWords } from './command.ts';
import { tableLines } from './listing.ts';
import { runServer } from './run-server.ts';
import { settings } from './settings.ts';

const DOMAIN = 'example.test';
const ACCOUNTS = [`anna@${DOMAIN}`, `bert@${DOMAIN}`] as const;

/** Ports that need no rights, each the usual one with a 2 in front (80 and 25: with 20). */
const PORTS: Readonly<Partial<Record<ListenerName, number>>> = {
  smtp: 2525,
  submission: 2587,
  submissions: 2465,
  imap: 2143,
  imaps: 2993,
  pop3: 2110,
  pop3s: 2995,
  http: 2080,
};

/** What stands in for the defaults; a file given with --config and the environment still count. */
const DEFAULTS = {
  hostname: 'localhost',
  'log.level': 'warn',
  'outbound.send': false, // whoever tries it out writes to people who do not know
  ...Object.fromEntries(Object.entries(PORTS).map(([name, port]) => [`listen.${name}`, [`127.0.0.1:${port}`]])),
};

export const command: LoneCommand = {
  kind: 'alone',
  async main(invocation, terminal) {
    takeWords(invocation);
    const { config } = settings(invocation, { defaults: DEFAULTS, search: false });
    try {
      return await runServer(config, async ({ store, addresses }) => {
        const passwords = await populate(config, store);
        for (const line of welcome(config, addresses, passwords)) terminal.out(line);
      });
    } catch (error) {
      const taken = /^(\w+) can't listen on (\S+):(\d+)/.exec(error instanceof Error ? error.message : '');
      if (taken === null) throw error;
      const [, listener = '', host, port] = taken;
      const variable = `POSTHUIS_LISTEN_${listener.toUpperCase()}=${host}:${Number(port) + 10_000}`;
      throw new Refused(`${(error as Error).message}; to use another port: ${variable} npm start`, { cause: error });
    }
  },
};

/** Makes the domain and the accounts that are not there; the passwords of those it made. */
async function populate(config: Config, { directory }: Store): Promise<ReadonlyMap<string, string>> {
  const domains = await directory.domains();
  if (domains.length > 0 && !domains.some(({ name }) => name === DOMAIN)) {
    throw new Refused(`${config.data} is no demo: it has other domains; choose another directory with --data`);
  }
  if (domains.length === 0) await directory.addDomain(DOMAIN);
  const passwords = new Map<string, string>();
  for (const address of ACCOUNTS) {
    if ((await directory.accountByAddress(address)) !== undefined) continue;
    const password = generatePassword();
    await directory.addAccount({ address, ...(await newCredential(password)), quota: null });
    passwords.set(address, password);
  }
  if (domains.length === 0)
    for (const name of ['postmaster', 'abuse']) await directory.addAlias(`${name}@${DOMAIN}`, [ACCOUNTS[0]]);
  return passwords;
}

/** How each listener is named in a mail program's settings. */
const SHOWN: Readonly<Partial<Record<ListenerName, readonly [what: string, encryption: string, login: string]>>> = {
  imap: ['IMAP (incoming)', 'STARTTLS', 'yes'],
  imaps: ['IMAP (incoming)', 'SSL/TLS', 'yes'],
  pop3: ['POP3 (incoming)', 'STARTTLS', 'yes'],
  pop3s: ['POP3 (incoming)', 'SSL/TLS', 'yes'],
  submission: ['SMTP (outgoing)', 'STARTTLS', 'yes'],
  submissions: ['SMTP (outgoing)', 'SSL/TLS', 'yes'],
  smtp: ['SMTP (from other servers)', 'STARTTLS or none', 'no'],
  http: ['health and metrics', 'none', 'no'],
};

function welcome(config: Config, addresses: readonly BoundAddress[], passwords: ReadonlyMap<string, string>): string[] {
  const rows = addresses.flatMap(({ listener, host, port }) => {
    const [what, encryption, login] = SHOWN[listener] ?? [listener, '', ''];
    return [[what, host, String(port), encryption, login === 'yes' ? ACCOUNTS.join(' or ') : 'none']];
  });
  const mx = addresses.find(({ listener }) => listener === 'smtp');
  return [
    `Posthuis demo. Everything is in ${config.data}; stop with Ctrl-C.`,
    '',
    ...accountLines(config, passwords),
    '',
    ...tableLines(['WHAT', 'HOST', 'PORT', 'ENCRYPTION', 'LOGIN'], rows),
    '',
    'The certificate is self-signed: a mail program asks once whether to trust it.',
    ...(mx === undefined
      ? []
      : ['', 'To send a first message, paste this in another terminal, in this folder:', '', sendCommand(mx)]),
    '',
  ];
}

function accountLines({ data }: Config, passwords: ReadonlyMap<string, string>): string[] {
  const where = data === resolve('data') ? '' : `--data ${data} `;
  const exist = ACCOUNTS.filter((address) => !passwords.has(address));
  const made = [...passwords].map(([address, password]) => `  ${address}  password ${password}`);
  return [
    ...(made.length > 0 ? ['Accounts made; their passwords are shown this once:', ...made] : []),
    ...(exist.length > 0 ? [`${exist.join(' and ')} exist, with the passwords they have.`] : []),
    `A new password: npm run -s posthuis -- ${where}account password ${exist[0] ?? ACCOUNTS[0]}`,
  ];
}

/** Hands a message to the MX port, as another server would; needs nothing but Node and what npm has installed. */
function sendCommand({ host, port }: BoundAddress): string {
  const options = `{host:'${host}',port:${port},ignoreTLS:true}`;
  const message = `{from:'you@elsewhere.test',to:'${ACCOUNTS[0]}',subject:'Hello',text:'The first message.'}`;
  return `  node -e "import('nodemailer').then(n=>n.createTransport(${options}).sendMail(${message})).then(i=>console.log(i.response))"`;
}
