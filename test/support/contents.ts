// The contents of an account's messages, changed on the way to whoever reads them: damaged, or watched.
import type { Listed, ListingColumn, MailAccount, MessageContent } from '#storage/ports.ts';

/** What to put in place of an account's own methods (see override). */
export function changedContents(
  account: MailAccount,
  change: (content: MessageContent) => MessageContent,
): Pick<MailAccount, 'content' | 'listing'> {
  return {
    content: async (id) => change(await account.content(id)),
    async *listing<C extends ListingColumn>(...asked: Parameters<typeof account.listing<C>>) {
      for await (const rows of account.listing<C>(...asked)) {
        const changed = (row: Listed<C>) =>
          'content' in row ? { ...row, content: change(row.content as MessageContent) } : row;
        yield rows.map(changed);
      }
    },
  };
}
