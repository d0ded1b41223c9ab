// Loaded in front of our server in the laboratory: it gives up a peer that says nothing as soon as the Postfix there does
// (postfix.sh), and not after the minutes of RFC 5321 4.5.3.2. Nothing of this is in the server.
import { CLIENT_LIMITS } from '#protocols/smtp/client/limits.ts';

Object.assign(CLIENT_LIMITS, { connectMs: 3_000, greetingMs: 5_000, commandMs: 5_000, dataMs: 5_000, endMs: 5_000 });
