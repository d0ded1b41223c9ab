// CANCELUPDATE (RFC 5267 4.3.5): ends the updates of searches. A tag that has none is no error.

import { BadCommand } from '../grammar/errors.ts';
import { SELECTED_SEARCHES } from '../limits.ts';
import type { Verb } from './verb.ts';

export const cancelUpdate: Verb = {
  state: 'selected',
  expunges: true,
  run(session, { scanner }) {
    const tags: string[] = [];
    do {
      scanner.space();
      tags.push(scanner.string());
      if (tags.length > SELECTED_SEARCHES * 2) throw new BadCommand('Too many tags');
    } while (scanner.peek() === ' ');
    scanner.end();
    for (const tag of tags) session.current.dropSearch(tag);
    return undefined;
  },
};
