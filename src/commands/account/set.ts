// posthuis account set ADDRESS NAME VALUE

import { LISTS, type SettingName } from '../../outbound/settings.ts';
import { type StoreCommand, takeWords } from '../command.ts';
import { findAccount } from './find.ts';
import { checkSetting, settingName, settingValue } from './setting.ts';

type Args = { readonly address: string; readonly name: SettingName; readonly value: string };

export const command: StoreCommand<Args, null> = {
  kind: 'store',
  prepare(invocation, terminal) {
    const words = takeWords(invocation, 'ADDRESS', 'NAME', 'VALUE');
    const name = settingName(words.NAME);
    const value = settingValue(name, words.VALUE);
    return {
      args: { address: words.ADDRESS, name, value },
      show() {
        terminal.out(`${name} ${value} is set for ${words.ADDRESS}`);
        return undefined;
      },
    };
  },
  async run({ store }, { address, name, value }) {
    const { id } = await findAccount(store, address);
    await checkSetting(store, name, value);
    const before = LISTS.has(name) ? ((await store.directory.settings(id)).get(name) ?? []) : [];
    await store.directory.setSetting(id, name, [...before, value]);
    return null;
  },
};
