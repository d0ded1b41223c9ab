// An object with some of its methods replaced, to see a fault in a part.

import type { AccountId, MailAccount } from '#storage/ports.ts';

/** `target`, except for what `changes` has. Private fields stay within reach of its own methods. */
export function override<T extends object>(target: T, changes: Partial<T>): T {
  return new Proxy(target, {
    get(_target, name) {
      if (name in changes) return Reflect.get(changes, name);
      const value: unknown = Reflect.get(target, name);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

/** A store whose accounts have what `changes` makes of them. */
export function overrideMail<S extends { mail(id: AccountId): MailAccount }>(
  store: S,
  changes: (mail: MailAccount) => Partial<MailAccount>,
): S {
  const mail = (id: AccountId) => {
    const account = store.mail(id);
    return override(account, changes(account));
  };
  return override(store, { mail } as Partial<S>);
}
