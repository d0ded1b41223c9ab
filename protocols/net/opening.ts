// The first octets of a connection, looked at before anybody serves it, and put back for whoever does.

import type { Socket } from 'node:net';

/**
 * Waits until `enough` is content with what has come, the peer sends no more, or the time is up; null when nothing came.
 * What was looked at is read again by the next reader. Rejects never: a connection that is lost gives what came.
 */
export function peek(socket: Socket, ms: number, enough: (bytes: Buffer) => boolean): Promise<Buffer | null> {
  return new Promise((resolve) => {
    let seen: Buffer | null = null;
    let settled = false;
    const settle = () => {
      if (settled) return;
      settled = true;
      clearTimeout(timer);
      socket.off('readable', look).off('end', settle).off('close', settle).off('error', settle);
      if (seen !== null && !socket.destroyed) socket.unshift(seen);
      resolve(seen);
    };
    const look = () => {
      for (let bytes = socket.read() as Buffer | null; bytes !== null; bytes = socket.read() as Buffer | null) {
        seen = seen === null ? bytes : Buffer.concat([seen, bytes]);
      }
      if (seen !== null && enough(seen)) settle();
    };
    // Where the thread itself was busy for so long, what has come meanwhile is read first: in the next turn, or in the
    // one after it if the connection was only just taken in.
    const timer = setTimeout(() => setImmediate(() => setImmediate(settle)), ms);
    socket.on('readable', look).once('end', settle).once('close', settle).once('error', settle);
  });
}
