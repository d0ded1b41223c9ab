// Looks into every mailbox of every account over IMAP, as the ledger wants to see it.
import type { Found, Ledger } from './ledger.ts';
import { ImapWire } from './wire.ts';

export interface Inspection {
  readonly found: Found[];
  /** Messages whose bytes are not what was sent. */
  readonly wrong: string[];
}

/** Contents that were read before: `place validity uid` and the token. */
export type Known = Map<string, string>;

/**
 * Every message of every account. Bodies are read unless `known` has them from an earlier look; the flags and the set of
 * messages always are.
 */
export async function inspect(
  port: number,
  accounts: readonly { name: string; address: string; password: string }[],
  ledger: Ledger,
  known: Known = new Map(),
): Promise<Inspection> {
  const inspection: Inspection = { found: [], wrong: [] };
  await Promise.all(
    accounts.map(async (account) => {
      const client = await ImapWire.open(port);
      await client.login(account.address, account.password);
      for (const mailbox of await mailboxes(client)) {
        await look(client, `${account.name}/${mailbox}`, mailbox, { ledger, known, inspection });
      }
      await client.ok('LOGOUT');
      client.wire.destroy();
    }),
  );
  return inspection;
}

async function mailboxes(client: ImapWire): Promise<string[]> {
  const { untagged } = await client.ok('LIST "" "*"');
  return untagged
    .filter(({ text }) => text.startsWith('* LIST') && !/\\Noselect/i.test(text))
    .map(({ text }) => / "?([^" ]+)"?$/.exec(text)?.[1] ?? '');
}

interface Look {
  readonly ledger: Ledger;
  readonly known: Known;
  readonly inspection: Inspection;
}

async function look(client: ImapWire, place: string, mailbox: string, { ledger, known, inspection }: Look) {
  const selected = await client.ok(`EXAMINE "${mailbox}"`);
  const code = (name: string) =>
    Number(selected.untagged.map(({ text }) => new RegExp(`${name} (\\d+)`).exec(text)?.[1]).find(Boolean) ?? 0);
  const exists = Number(selected.untagged.map(({ text }) => /^\* (\d+) EXISTS/.exec(text)?.[1]).find(Boolean) ?? 0);
  if (exists === 0) return;
  const [validity, next] = [code('UIDVALIDITY'), code('UIDNEXT')];
  const flags = new Map<number, string[]>();
  for (const { text } of (await client.ok('UID FETCH 1:* (UID FLAGS)')).untagged) {
    const uid = Number(/UID (\d+)/.exec(text)?.[1] ?? 0);
    if (uid > 0) flags.set(uid, (/FLAGS \(([^)]*)\)/.exec(text)?.[1] ?? '').split(' '));
    if (uid >= next) inspection.wrong.push(`${place} has UID ${uid}, and UIDNEXT is ${next}`);
  }
  if (flags.size !== exists) inspection.wrong.push(`${place} has ${exists} messages, and tells of ${flags.size}`);
  const key = (uid: number) => `${place} ${validity} ${uid}`;
  const unread = [...flags.keys()].filter((uid) => !known.has(key(uid)));
  for (let from = 0; from < unread.length; from += 500) {
    const some = unread.slice(from, from + 500).join(',');
    for (const { text, literals } of (await client.ok(`UID FETCH ${some} (UID BODY.PEEK[])`)).untagged) {
      const uid = Number(/UID (\d+)/.exec(text)?.[1] ?? 0);
      const identity = ledger.identify(literals[0] ?? Buffer.alloc(0));
      if ('wrong' in identity) inspection.wrong.push(`${place} ${uid}: ${identity.wrong}`);
      else known.set(key(uid), identity.token);
    }
  }
  for (const [uid, set] of flags) {
    const token = known.get(key(uid));
    if (token !== undefined) inspection.found.push({ place, validity, uid, flags: set, token });
    else inspection.wrong.push(`${place} ${uid} has no body`);
  }
}
