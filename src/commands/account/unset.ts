// posthuis account unset ADDRESS NAME [VALUE]

import type { SettingName } from '../../outbound/settings.ts';
import { Refused, type StoreCommand, takeWords } from '../command.ts';
import { findAccount } from './find.ts';
import { settingName, settingValue } from './setting.ts';

type Args = { readonly address: string; readonly name: SettingName; readonly value: string | null };

export const command: StoreCommand<Args, null> = {
  kind: 'store',
  prepare(invocation, terminal) {
    const [address = '', name = '', value] = invocation.words;
    if (invocation.words.length < 3) takeWords(invocation, 'ADDRESS', 'NAME');
    else takeWords(invocation, 'ADDRESS', 'NAME', 'VALUE');
    const setting = settingName(name);
    return {
      args: { address, name: setting, value: value === undefined ? null : settingValue(setting, value) },
      show() {
        terminal.out(`${[name, value].filter(Boolean).join(' ')} is no longer set for ${address}`);
        return undefined;
      },
    };
  },
  async run({ store }, { address, name, value }) {
    const { id } = await findAccount(store, address);
    const before = (await store.directory.settings(id)).get(name) ?? [];
    if (before.length === 0 || (value !== null && !before.includes(value))) {
      throw new Refused(`that is not set for ${address}`);
    }
    await store.directory.setSetting(id, name, value === null ? [] : before.filter((one) => one !== value));
    return null;
  },
};
