// COMPRESS (RFC 4978): from the reply's end on, both directions are compressed.

import { BadCommand } from '../grammar/errors.ts';
import type { Outcome, Verb } from './verb.ts';

export const compress: Verb = {
  state: 'authenticated',
  expunges: false,
  run(session, { tag, scanner }): Outcome {
    scanner.space();
    const algorithm = scanner.atom().toUpperCase();
    scanner.end();
    if (algorithm !== 'DEFLATE') throw new BadCommand('Unknown compression algorithm');
    const { connection } = session;
    if (connection.compressed) throw new BadCommand('Compression is active already');
    connection.out.text(`${tag} OK Compression is active\r\n`);
    connection.startDeflate();
    return 'answered';
  },
};
