// Every limit of the road from DATA to the mailboxes, with its reason.

/** Received fields of a message: RFC 5321 6.3 asks for at least 100 where nothing else finds loops; our own Delivered-To
 * does, so that half of it is a loop elsewhere that goes through us. */
export const HOPS = 50;

/** Accounts delivered to at the same time for one message: enough to fill one group commit, few enough for others. */
export const PARALLEL = 16;

/** Mailbox ids of INBOXes remembered in a thread, so that a delivery needs no look-up. */
export const INBOXES = 10_000;

/** Recipients that only a catch-all took, of one network in the last hour: a form letter's few, not a dictionary. */
export const CAUGHT = 60;

/** What mail to postmaster and abuse may exceed its reader's quota by: a full mailbox is what one would be told of there, and
 * strangers must not fill the disk by an address that takes everything. */
export const ROLE_BYTES = 256 * 2 ** 20;

/** For all that DNS is asked about a sender while his peer waits for the 250, ms: RFC 7208 4.6.4 asks for 20 s at least, and a
 * peer waits for 10 min (RFC 5321 4.5.3.2.6). What is not known by then is no: the return address is ours. */
export const VOUCHING_MS = 20_000;
