// The limits of sharing, each with its reason.

/** Entries in the access control list of one mailbox: more people than that are a group. */
export const ACL_ENTRIES = 100;

/** Entries of all mailboxes of an account: a folder tree shared with some groups; all are read at once. */
export const ACL_ENTRIES_OF_OWNER = 20_000;

/** Entries that are read for one account, of all that others share with it: the rest of a flood is not seen. */
export const ACL_ENTRIES_OF_READER = 50_000;

/** Members of a group, and groups that an account is in: each is looked at when rights are. */
export const GROUP_MEMBERS = 2_000;
export const GROUPS_OF_ACCOUNT = 100;

/** Groups of the whole server. */
export const GROUPS = 10_000;

/** Characters of an identifier: the longest address in quotes, with what stands in front of it. */
export const IDENTIFIER_CHARS = 600;
