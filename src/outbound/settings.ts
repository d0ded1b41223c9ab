// What is set for an account, over what holds for everybody; most of it is about its sending.

import type { AccountId, Directory } from '#storage/ports.ts';

/** Limits on an account; null: none (F23). */
export interface SendingLimits {
  readonly messagesADay: number | null;
  readonly recipientsAMessage: number | null;
  /** Recipients that the account never wrote to before. */
  readonly newRecipientsADay: number | null;
}

export interface SendingSettings extends SendingLimits {
  /** Everything goes to these addresses too, unseen (F199). */
  readonly bcc: readonly string[];
  /** A copy lies in Sent, for programs that leave none (F223). */
  readonly saveSent: boolean;
  /** Each recipient elsewhere gets what it sends from a return address of his own. */
  readonly verp: boolean;
  /** Gateways that it may send to. */
  readonly gateways: readonly string[];
  /** The domain's footer is added (F24). */
  readonly footer: boolean;
}

/** The names of the settings, as the command line and the directory know them, and what each takes. */
export const SETTINGS = {
  'send-as': 'an address or @DOMAIN that the account may send as',
  forward: 'an address that everything that comes in is forwarded to',
  'forward-copy': 'no: what is forwarded is not kept',
  bcc: 'an address that everything is sent to, too',
  'save-sent': 'yes: a copy of what is sent lies in Sent',
  verp: 'yes: each recipient gets what is sent from a return address of his own (VERP)',
  footer: 'no: what is sent has no footer of the domain',
  gateway: 'the name of a gateway (SMS, fax) that the account may send to',
  'imap-off': 'an IMAP capability that is not offered, such as COMPRESS=DEFLATE',
  'messages-a-day': 'a number, or none',
  'recipients-a-message': 'a number, or none',
  'new-recipients-a-day': 'a number, or none',
} as const;
export type SettingName = keyof typeof SETTINGS;

/** Those that may have several values. */
export const LISTS: ReadonlySet<SettingName> = new Set(['send-as', 'forward', 'bcc', 'gateway', 'imap-off']);

export async function sendingSettings(
  directory: Pick<Directory, 'settings'>,
  id: AccountId,
  defaults: SendingLimits,
): Promise<SendingSettings> {
  const set = await directory.settings(id);
  const number = (name: SettingName, fallback: number | null) => {
    const [value] = set.get(name) ?? [];
    if (value === undefined) return fallback;
    return value === 'none' ? null : Number(value);
  };
  return {
    bcc: set.get('bcc') ?? [],
    gateways: set.get('gateway') ?? [],
    verp: set.get('verp')?.[0] === 'yes',
    footer: set.get('footer')?.[0] !== 'no',
    saveSent: set.get('save-sent')?.[0] === 'yes',
    messagesADay: number('messages-a-day', defaults.messagesADay),
    recipientsAMessage: number('recipients-a-message', defaults.recipientsAMessage),
    newRecipientsADay: number('new-recipients-a-day', defaults.newRecipientsADay),
  };
}
