// The classes of the npm package smtp-server, in its CommonJS form: as modules it and its helpers import node:http, and a
// module's view of that has its WebSocket too, which loads all of fetch, 4 MB in each thread.

import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);

export const { SMTPServer } = require('smtp-server') as typeof import('smtp-server');
export const { SMTPConnection } =
  require('smtp-server/lib/smtp-connection.js') as typeof import('smtp-server/lib/smtp-connection.js');
export const { SMTPStream } =
  require('smtp-server/lib/smtp-stream.js') as typeof import('smtp-server/lib/smtp-stream.js');
