// As whom may a login send (F16, F198): every address that the message claims to be from is one that the account has.

import type { Principal, SmtpReply } from '#protocols/ports.ts';
import { parseAddresses } from '#storage/message/address.ts';
import { fields, fieldValue, latin1 } from '#storage/message/headers.ts';
import type { Directory } from '#storage/ports.ts';
import { AUTHORS } from './limits.ts';

type Senders = Pick<Directory, 'maySendAs'>;

const TOO_MANY_AUTHORS: SmtpReply = { code: 550, enhanced: '5.7.1', text: 'Too many addresses in From and Sender' };
const NO_ADDRESS: SmtpReply = { code: 550, enhanced: '5.7.1', text: 'From and Sender need an address' };
const RECEIPTS_ONLY: SmtpReply = { code: 550, enhanced: '5.7.1', text: 'The null sender is for receipts only' };

/** The refusal names the address and says where it can be allowed. */
export async function refuseSender(
  directory: Senders,
  { account }: Principal,
  address: string,
): Promise<SmtpReply | null> {
  if (await directory.maySendAs(account.id, address)) return null;
  const text =
    `<${address}> is not an address of ${account.address}; make it an alias of the account to send as it, ` +
    `or allow it: posthuis account set ${account.address} send-as ${address}`;
  return { code: 550, enhanced: '5.7.1', text };
}

/** Every address of From and Sender. */
export async function refuseAuthors(
  directory: Senders,
  principal: Principal,
  header: Uint8Array,
): Promise<SmtpReply | null> {
  const block = latin1(header);
  let authors = 0;
  for (const field of fields(block)) {
    if (field.name !== 'from' && field.name !== 'sender') continue;
    const value = fieldValue(block, field);
    const addresses = parseAddresses(value).filter(({ group }) => group === undefined);
    if (addresses.length === 0 && value !== '') return NO_ADDRESS; // an empty one is made anew
    authors += addresses.length;
    if (authors > AUTHORS) return TOO_MANY_AUTHORS;
    for (const { mailbox, host } of addresses) {
      const address = Buffer.from(`${mailbox}@${host}`, 'latin1').toString('utf8');
      const refusal = await refuseSender(directory, principal, address);
      if (refusal !== null) return refusal;
    }
  }
  return null;
}

/** RFC 8098 3: only a disposition notification of a person has the null sender; our own programs do not come this way. */
export function refuseNull(sender: string, header: Uint8Array): SmtpReply | null {
  if (sender !== '') return null;
  const block = latin1(header);
  const type = fields(block).find(({ name }) => name === 'content-type');
  const value = type === undefined ? '' : fieldValue(block, type);
  const receipt =
    /^\s*multipart\/report\b/i.test(value) && /;\s*report-type\s*=\s*"?disposition-notification"?/i.test(value);
  return receipt ? null : RECEIPTS_ONLY;
}
