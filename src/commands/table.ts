// All commands: name, words that follow it, one line of help, options, and where each is. A command's file is loaded
// only when it is the one that runs.

import type { Command, OptionName } from './command.ts';

export interface Entry {
  readonly words: string;
  readonly about: string;
  /** Beside --config, --data and --help, which all take. */
  readonly options: readonly OptionName[];
  load(): Promise<{ readonly command: unknown }>;
}

/** By name, in the order of the help. */
export const COMMANDS: Readonly<Record<string, Entry>> = {
  serve: {
    words: '',
    about: 'run the mail server with the listeners of the configuration',
    options: [],
    load: () => import('./serve.ts'),
  },
  demo: {
    words: '',
    about: 'try it: a server on this machine alone, with a domain and two accounts',
    options: [],
    load: () => import('./demo.ts'),
  },
  check: {
    words: '',
    about: 'look whether a server can run: settings, certificates, ports, data, postmaster, DNS; changes nothing',
    options: ['dns', 'json'],
    load: () => import('./check.ts'),
  },
  'domain add': {
    words: 'DOMAIN',
    about: 'receive mail for a domain',
    options: [],
    load: () => import('./domain/add.ts'),
  },
  'domain footer': {
    words: 'DOMAIN [TEXT_FILE [HTML_FILE] | none]',
    about: 'add this to what is sent from a domain, as text and as HTML; "none": nothing; or show what is added',
    options: ['json'],
    load: () => import('./domain/footer.ts'),
  },
  'domain list': {
    words: '',
    about: 'list the domains',
    options: ['json'],
    load: () => import('./domain/list.ts'),
  },
  'domain remove': {
    words: 'DOMAIN',
    about: 'remove a domain that has no accounts and aliases',
    options: [],
    load: () => import('./domain/remove.ts'),
  },
  'dkim add': {
    words: 'DOMAIN',
    about: 'make signing keys for a domain, and show what its DNS has to say; the first ones sign at once',
    options: ['json'],
    load: () => import('./dkim/add.ts'),
  },
  'dkim list': {
    words: 'DOMAIN',
    about: 'show the signing keys of a domain, and what its DNS has to say',
    options: ['json'],
    load: () => import('./dkim/list.ts'),
  },
  'dkim use': {
    words: 'DOMAIN SET',
    about: 'sign with these keys from now on',
    options: [],
    load: () => import('./dkim/use.ts'),
  },
  'dkim remove': {
    words: 'DOMAIN SET',
    about: 'remove signing keys, for good',
    options: [],
    load: () => import('./dkim/remove.ts'),
  },
  'account add': {
    words: 'ADDRESS',
    about: 'make an account; without --password-stdin its password is made up and shown once',
    options: ['password-stdin', 'shared', 'quota'],
    load: () => import('./account/add.ts'),
  },
  'account list': {
    words: '',
    about: 'list the accounts',
    options: ['json'],
    load: () => import('./account/list.ts'),
  },
  'account password': {
    words: 'ADDRESS',
    about: 'set a new password; without --password-stdin it is made up and shown once',
    options: ['password-stdin'],
    load: () => import('./account/password.ts'),
  },
  'account devices': {
    words: 'ADDRESS',
    about: 'the devices and programs that an account is used with: last contact, last error',
    options: ['json'],
    load: () => import('./account/devices.ts'),
  },
  'account quota': {
    words: 'ADDRESS SIZE',
    about: 'set the most an account may hold, such as 2GB, or "none"',
    options: [],
    load: () => import('./account/quota.ts'),
  },
  'account remove': {
    words: 'ADDRESS',
    about: 'remove an account and all its mail, for good',
    options: [],
    load: () => import('./account/remove.ts'),
  },
  'account set': {
    words: 'ADDRESS NAME VALUE',
    about:
      'send-as, forward, forward-copy, bcc, save-sent, verp, footer, imap-off, or one of the limits on sending of an account',
    options: [],
    load: () => import('./account/set.ts'),
  },
  'account settings': {
    words: 'ADDRESS',
    about: 'what is set for an account',
    options: ['json'],
    load: () => import('./account/settings.ts'),
  },
  'account unblock': {
    words: 'ADDRESS',
    about: 'let an account send on that has reached a daily limit, or whose mail is held since much of it was refused',
    options: [],
    load: () => import('./account/unblock.ts'),
  },
  'account unset': {
    words: 'ADDRESS NAME [VALUE]',
    about: 'take back what was set for an account',
    options: [],
    load: () => import('./account/unset.ts'),
  },
  'alias add': {
    words: 'ALIAS TARGET...',
    about: 'deliver mail for ALIAS (@DOMAIN: any other address there) to the targets',
    options: [],
    load: () => import('./alias/add.ts'),
  },
  'alias list': {
    words: '',
    about: 'list the aliases',
    options: ['json'],
    load: () => import('./alias/list.ts'),
  },
  'alias remove': {
    words: 'ALIAS',
    about: 'remove an alias',
    options: [],
    load: () => import('./alias/remove.ts'),
  },
  'group add': {
    words: 'GROUP',
    about: 'make a group of accounts that mailboxes can be shared with; its name is like an address',
    options: [],
    load: () => import('./group/add.ts'),
  },
  'group list': {
    words: '',
    about: 'list the groups and their members',
    options: ['json'],
    load: () => import('./group/list.ts'),
  },
  'group remove': {
    words: 'GROUP',
    about: 'remove a group; nothing is shared with it any more',
    options: [],
    load: () => import('./group/remove.ts'),
  },
  'group member add': {
    words: 'GROUP ADDRESS',
    about: 'put an account into a group',
    options: [],
    load: () => import('./group/member-add.ts'),
  },
  'group member remove': {
    words: 'GROUP ADDRESS',
    about: 'take an account out of a group, at once in open sessions too',
    options: [],
    load: () => import('./group/member-remove.ts'),
  },
  'share set': {
    words: 'ADDRESS MAILBOX IDENTIFIER RIGHTS',
    about: 'share a mailbox (*: all) of an account with an account, "group:GROUP" or "anyone"; RIGHTS as lrswipkxtena',
    options: [],
    load: () => import('./share/set.ts'),
  },
  'share list': {
    words: 'ADDRESS',
    about: 'what an account shares, with whom and how',
    options: ['json'],
    load: () => import('./share/list.ts'),
  },
  'share remove': {
    words: 'ADDRESS MAILBOX IDENTIFIER',
    about: 'share it no longer, at once in open sessions too',
    options: [],
    load: () => import('./share/remove.ts'),
  },
  'queue list': {
    words: '',
    about: 'list what waits to be sent',
    options: ['domain', 'sender', 'account', 'route', 'json'],
    load: () => import('./queue/list.ts'),
  },
  'queue show': {
    words: 'ID',
    about: 'show a message that waits, and every attempt to send it with what was said',
    options: ['json'],
    load: () => import('./queue/show.ts'),
  },
  'queue retry': {
    words: '[ID]',
    about: 'try it now: a message, or what the options name',
    options: ['domain', 'sender', 'account', 'route'],
    load: () => import('./queue/retry.ts'),
  },
  'queue hold': {
    words: '[ID]',
    about: 'keep it back until it is released: a message, or what the options name',
    options: ['domain', 'sender', 'account', 'route'],
    load: () => import('./queue/hold.ts'),
  },
  'queue release': {
    words: '[ID]',
    about: 'send what was held: a message, or what the options name',
    options: ['domain', 'sender', 'account', 'route'],
    load: () => import('./queue/release.ts'),
  },
  'queue delete': {
    words: '[ID]',
    about: 'remove it unsent, and tell nobody: a message, or what the options name',
    options: ['domain', 'sender', 'account', 'route'],
    load: () => import('./queue/delete.ts'),
  },
  'queue flush': {
    words: '',
    about: 'try everything now that waits',
    options: [],
    load: () => import('./queue/flush.ts'),
  },
  'suppression list': {
    words: '',
    about: 'list the addresses that refuse mail; BLOCKED: nothing is sent there',
    options: ['json'],
    load: () => import('./suppression/list.ts'),
  },
  'suppression add': {
    words: 'ADDRESS',
    about: 'send nothing to an address',
    options: [],
    load: () => import('./suppression/add.ts'),
  },
  'suppression remove': {
    words: 'ADDRESS',
    about: 'send to an address again',
    options: [],
    load: () => import('./suppression/remove.ts'),
  },
  'queue route': {
    words: 'NAME [ID]',
    about: 'send it by this route of the settings ("mx": to the mail hosts of its domains), or what the options name',
    options: ['domain', 'sender', 'account', 'route'],
    load: () => import('./queue/route.ts'),
  },
  'route list': {
    words: '',
    about: 'list the routes of the settings (smarthosts)',
    options: ['json'],
    load: () => import('./route/list.ts'),
  },
  'route show': {
    words: 'NAME',
    about: 'show a route: where it leads, what takes it, its limits and how far they are used',
    options: ['json'],
    load: () => import('./route/show.ts'),
  },
  'route test': {
    words: 'NAME TO',
    about: 'send a test message to TO by a route, and show the whole dialogue, its secrets masked',
    options: ['sender', 'account', 'json'],
    load: () => import('./route/test.ts'),
  },
  'route authorize': {
    words: 'NAME',
    about: 'get the refresh token of a route: shows a page, and waits until somebody has agreed there',
    options: ['account', 'login', 'port'],
    load: () => import('./route/authorize.ts'),
  },
  'route credential set': {
    words: 'NAME',
    about: 'set the password or token that a route logs in with; what waits for it is tried at once',
    options: ['account', 'login', 'kind', 'password-stdin'],
    load: () => import('./route/credential-set.ts'),
  },
  'route credential list': {
    words: '',
    about: 'list for which routes and accounts there are passwords and tokens, without them',
    options: ['json'],
    load: () => import('./route/credential-list.ts'),
  },
  'route credential remove': {
    words: 'NAME',
    about: 'remove the passwords and tokens of a route, or those of an account',
    options: ['account'],
    load: () => import('./route/credential-remove.ts'),
  },
  import: {
    words: 'ADDRESS PATH',
    about: 'put the mail of an mbox file, a Maildir, .eml files or a zip of them into an account',
    options: ['folder'],
    load: () => import('./import.ts'),
  },
  export: {
    words: 'ADDRESS PATH',
    about: 'write the mail of an account to PATH: an .mbox or .zip file, else a Maildir',
    options: ['format', 'folder'],
    load: () => import('./export.ts'),
  },
  backup: {
    words: 'DIR',
    about: 'copy everything into DIR, which is new or empty',
    options: [],
    load: () => import('./backup.ts'),
  },
  restore: {
    words: 'DIR [ADDRESS]',
    about: 'bring back everything from a backup, or one account',
    options: [],
    load: () => import('./restore.ts'),
  },
  sessions: {
    words: 'ADDRESS',
    about: 'the last SMTP dialogues of an account or an IP address, and what went wrong in them',
    options: ['json'],
    load: () => import('./sessions.ts'),
  },
  verify: {
    words: '',
    about: 'check every database and every message, and name what is wrong',
    options: ['json'],
    load: () => import('./verify.ts'),
  },
  version: {
    words: '',
    about: 'show the version',
    options: [],
    load: () => import('./version.ts'),
  },
};

/** Parts of commands that run beside the store under a name of their own. */
export const PARTS: Readonly<Record<string, Pick<Entry, 'load'>>> = {
  'check directory': { load: () => import('./check-directory.ts') },
};

/** The command of an entry. */
export async function loadCommand(entry: Pick<Entry, 'load'>): Promise<Command> {
  return (await entry.load()).command as Command;
}
