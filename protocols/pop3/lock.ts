// The exclusive lock of a maildrop (RFC 1939 4): one POP3 session an account in the whole process. Web locks are shared
// by all threads; one whose thread dies is not freed, which is why a thread's death ends the process (DESIGN 5).
import type { AccountId } from '#storage/ports.ts';

/** Gives the maildrop back; resolves when the next session can have it. */
export type Unlock = () => Promise<void>;

/** Takes an account's maildrop, or null if another session has it. */
export async function lockMaildrop(account: AccountId): Promise<Unlock | null> {
  const held = Promise.withResolvers<void>();
  const granted = Promise.withResolvers<boolean>();
  const settled = navigator.locks.request(`pop3 ${account}`, { ifAvailable: true }, async (lock) => {
    granted.resolve(lock !== null);
    if (lock !== null) await held.promise;
  });
  settled.catch(granted.reject);
  if (!(await granted.promise)) return null;
  return async () => {
    held.resolve();
    await settled;
  };
}
