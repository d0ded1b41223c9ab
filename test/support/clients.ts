// The npm mail clients, set up for a server that a test has started: imapflow, nodemailer and node-pop3.
import { ImapFlow } from 'imapflow';
import Pop3Command from 'node-pop3';
import { createTransport, type Transporter } from 'nodemailer';
import type { Running } from './installation.ts';

export const PASSWORD = 'correct horse';
const tls = { rejectUnauthorized: false };

/** An IMAP client that is logged in; on the TLS port, or by STARTTLS on the other. */
export async function imap(server: Running, user: string, listener: 'imap' | 'imaps' = 'imaps'): Promise<ImapFlow> {
  const client = new ImapFlow({
    host: '127.0.0.1',
    port: server.port(listener),
    secure: listener === 'imaps',
    auth: { user, pass: PASSWORD },
    tls,
    logger: false,
  });
  client.on('error', () => undefined); // what was awaited fails by itself
  await client.connect();
  return client;
}

/** An SMTP client for one of the three ports; with a user, it logs in. */
export function smtp(server: Running, listener: 'smtp' | 'submission' | 'submissions', user?: string): Transporter {
  return createTransport({
    host: '127.0.0.1',
    port: server.port(listener),
    secure: listener === 'submissions',
    name: 'peer.test',
    tls,
    ...(user === undefined ? {} : { auth: { user, pass: PASSWORD } }),
  });
}

export function pop3(server: Running, user: string): Pop3Command {
  return new Pop3Command({
    host: '127.0.0.1',
    port: server.port('pop3s'),
    user,
    password: PASSWORD,
    tls: true,
    tlsOptions: tls,
    servername: 'localhost',
  });
}
