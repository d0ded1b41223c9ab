// A message in the pipeline, from a stranger.
import type { Delivery } from '#src/ingress/deliver.ts';
import type { Staged } from '#storage/ports.ts';

export function strangers({ sender, content = '\r\n' }: { sender: string; content?: string }): Delivery {
  const bytes = Buffer.from(content, 'latin1');
  const header = bytes.subarray(0, bytes.indexOf('\r\n\r\n') + 4);
  async function* open(from = 0) {
    yield bytes.subarray(from);
  }
  const peer = { connection: 'c', address: '127.0.0.1', port: 1, trusted: false };
  return {
    envelope: { sender, recipients: ['anna@example.test'], declaredSize: null, smtputf8: false, body8bit: false },
    staged: { header, size: bytes.length, open } as unknown as Staged,
    session: { id: 's', peer, helo: 'mx.peer.test', esmtp: true, tls: null, principal: null },
    about: { connection: 'c', address: peer.address, sender },
  };
}
