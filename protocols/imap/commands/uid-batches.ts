// UIDBATCHES (RFC 10022): ranges of UIDs that hold a given number of messages each, from the newest.

import { BadCommand, Refusal } from '../grammar/errors.ts';
import { type BatchRequest, batchRequest } from '../grammar/uid-batches.ts';
import { LEAST_BATCH } from '../limits.ts';
import type { View } from '../view/view.ts';
import type { Verb } from './verb.ts';

export const uidBatches: Verb = {
  state: 'selected',
  expunges: true,
  run(session, { tag, scanner }) {
    scanner.space();
    const request = batchRequest(scanner);
    scanner.end();
    if (request.first > request.last) throw new BadCommand('[CLIENTBUG] A range of batches rises');
    if (request.size < LEAST_BATCH) throw new Refusal('TOOFEW', `A batch has at least ${LEAST_BATCH} messages`);
    const { out } = session.connection;
    // The reply comes even where there is no batch.
    out.text(`* UIDBATCHES (TAG "${tag}")`);
    let separator = ' ';
    for (const [high, low] of batches(session.current.view, request)) {
      // A range has both ends, the higher UID first, even around a single UID (uid-range, RFC 9051 9).
      out.text(separator).number(high).text(':').number(low);
      separator = ',';
    }
    out.text('\r\n');
    return undefined;
  },
};

/** The batches asked for, each from its highest UID to its lowest: they leave nothing out, and the last goes down to 1. */
function* batches(view: View, { size, first, last }: BatchRequest): Generator<readonly [high: number, low: number]> {
  const { exists } = view;
  /** The highest UID of a batch, 0 where there is none. */
  const top = (batch: number) => {
    const slot = view.slotOf(exists - (batch - 1) * size);
    return slot === -1 ? 0 : view.rows.uid(slot);
  };
  for (let batch = first, high = top(first); batch <= last && high > 0; batch++) {
    const next = top(batch + 1);
    yield [high, next + 1];
    high = next;
  }
}
