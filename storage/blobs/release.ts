// Memory of large buffers, given back when it is no longer needed instead of at the next garbage collection: V8 begins one
// only after 64 MB of buffers a thread, which streams of large messages reach in no time.

/** Below this a buffer is left to the garbage collector, which finds it soon enough. */
const WORTH_BYTES = 16 * 1024;

/**
 * Frees the memory behind these bytes, if they are all of it. Whoever calls owns them, and nobody looks at them again:
 * every view of a freed buffer is empty.
 */
export function release(bytes: Uint8Array): void {
  const { buffer } = bytes;
  if (!(buffer instanceof ArrayBuffer) || bytes.byteOffset !== 0 || buffer.byteLength < WORTH_BYTES) return;
  if (bytes.byteLength !== buffer.byteLength) return;
  try {
    buffer.transfer(0);
  } catch (error) {
    // Node holds on to some buffers (its pools, and those given to native code): the garbage collector has them.
    if (!(error instanceof TypeError)) throw error;
  }
}
