// SEARCH in the mailbox of 100,000 messages, once it is indexed.
import { setTimeout as sleep } from 'node:timers/promises';
import { fill, login } from './drivers.ts';
import { type Commands, commandsRound, ratio } from './imap.ts';
import type { Report } from './report.ts';
import type { Side } from './side.ts';

/** A search for what is nowhere takes less once all is indexed, ms. */
const INDEXED = 250;

const SEARCHES: Commands = {
  commands: [
    ['uid_search_subject_hit2', 'SEARCH SUBJECT', ratio({ most: 0.5 })],
    ['uid_search_from2', 'SEARCH FROM', ratio({ most: 0.5 })],
    ['uid_search_header_msgid2', 'SEARCH HEADER Message-ID, a miss', ratio({ most: 0.5 })],
    ['uid_search_text2', 'SEARCH TEXT, a miss', ratio({ most: 0.02 })],
    ['uid_search_body', 'SEARCH BODY, a miss', ratio({ most: 0.02 })],
    ['uid_search_body_hit', 'SEARCH BODY, a word of three quarters of them', ratio({ most: 0.7 })],
  ],
  only: 'search_(subject|from|header|text|body)',
};

/** Fills the large mailbox; ours is indexed before anything is measured. */
export async function fillAndIndex(side: Side, sample: string): Promise<void> {
  await fill(side, sample);
  if (side.name === 'posthuis') await indexed(side);
}

export async function searchRound(side: Side, as: 'own' | 'peer', report: Report): Promise<void> {
  await commandsRound(side, as, report, SEARCHES);
}

/** Waits until the search index has a mailbox: until then a miss reads every message. */
export async function indexed(side: Side, mailbox = 'big'): Promise<void> {
  const client = await login(side, 1);
  await client.ok(`EXAMINE ${mailbox}`);
  for (let took = Number.POSITIVE_INFINITY; took > INDEXED; ) {
    await sleep(5_000);
    const begun = performance.now();
    await client.ok('SEARCH BODY zebraquux');
    took = performance.now() - begun;
  }
  client.wire.destroy();
}
