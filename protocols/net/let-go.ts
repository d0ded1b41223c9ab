// A socket that is closed lets go of its session. Node keeps it by its handle until the next full garbage collection, and with
// it all that its listeners hold: short sessions then outlive the small collections that are meant for them, which take longer
// for it, and nobody is greeted meanwhile (docs/benchmarks/smtp-profile.md).

import type { Duplex } from 'node:stream';

/** To be called once for a socket, when its session begins. */
export function letGoWhenClosed(socket: Duplex): void {
  socket.once('close', letGo);
}

/** Those that hear of this same close still do: the list of them has been copied. */
function letGo(this: Duplex): void {
  this.removeAllListeners();
  this.on('error', nothing);
}

/** Nothing comes after the close; if it did, it would end the process. */
function nothing(): void {}
