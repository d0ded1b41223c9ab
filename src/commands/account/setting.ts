// What may be set for an account, checked before it is kept.

import { isCapability } from '#config/keys.ts';
import { TABLE_NAME } from '#config/tables.ts';
import { parseAddress } from '#storage/directory/addresses.ts';
import type { Store } from '#storage/ports.ts';
import { SETTINGS, type SettingName } from '../../outbound/settings.ts';
import { Refused, UsageError } from '../command.ts';

/** The setting of this name; UsageError if there is none. */
export function settingName(name: string): SettingName {
  if (!(name in SETTINGS)) throw new UsageError(`NAME is one of ${Object.keys(SETTINGS).join(', ')}`);
  return name as SettingName;
}

/** A value in its one spelling; UsageError if it can't be one. */
export function settingValue(name: SettingName, value: string): string {
  // The local part of an address elsewhere may be written in capitals for a reason.
  const text = name === 'forward' ? value.trim() : value.trim().toLowerCase();
  const fits = {
    'send-as': /^[^\s@]*@[^\s@]+$/.test(text),
    forward: parseAddress(text) !== undefined,
    'forward-copy': text === 'no',
    bcc: /^[^\s@]+@[^\s@]+$/.test(text),
    'save-sent': text === 'yes',
    verp: text === 'yes',
    footer: text === 'no',
    gateway: TABLE_NAME.test(text),
    'imap-off': isCapability(text),
    'messages-a-day': isNumber(text),
    'recipients-a-message': isNumber(text),
    'new-recipients-a-day': isNumber(text),
  };
  if (!fits[name]) throw new UsageError(`${name} takes ${SETTINGS[name]}`);
  return text;
}

/** Refused where it would allow what can't be: to send as somebody elsewhere. */
export async function checkSetting({ directory }: Store, name: SettingName, value: string): Promise<void> {
  if (name !== 'send-as') return;
  const domain = value.slice(value.lastIndexOf('@') + 1);
  const domains = await directory.domains();
  if (!domains.some((ours) => ours.name === domain)) throw new Refused(`${domain} is not a domain of ours`);
}

function isNumber(text: string): boolean {
  return text === 'none' || /^\d{1,9}$/.test(text);
}
