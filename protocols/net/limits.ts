// The limits of a line connection (IMAP, POP3), each with its reason. Protocol limits are in the protocols' own files.

/** Unread input that makes us stop reading the socket: one TLS record or kernel read fits several times. */
export const INPUT_HIGH_BYTES = 64 * 1024;
/** Unread input below which a stopped socket is read again. */
export const INPUT_LOW_BYTES = 16 * 1024;
/** Bytes of a too long line that are skipped to find its end; a peer that sends more is not speaking this protocol. */
export const OVERLONG_SKIP_BYTES = 1024 * 1024;
/** Output that the kernel has not taken yet at which a writer must wait: enough to keep a fast link busy. */
export const OUTPUT_HIGH_BYTES = 256 * 1024;
/** The first output buffer of a reply: most replies are a line or two. */
export const OUTPUT_FIRST_BYTES = 512;
/** The largest output buffer: one write call for some thousand FETCH lines. */
export const OUTPUT_CHUNK_BYTES = 64 * 1024;
/** Such buffers that a server keeps in one thread for its next replies: what a turn of the event loop writes, 1 MB. */
export const OUTPUT_SPARES = 16;
/** How long a peer may take to read what is pending (256 KB) before it is cut off: it holds that memory. */
export const WRITE_STALL_MS = 5 * 60 * 1000;
/** How long a TLS handshake may take: generous for a mobile link, short for one that only holds a connection. */
export const HANDSHAKE_MS = 30 * 1000;
/** How long a closed connection may linger so that the peer can read our last words and close its side. */
export const LINGER_MS = 3 * 1000;
/** How long work runs before the event loop gets its turn: a fifth of the 50 ms that nothing may pass. */
export const SLICE_MS = 10;
/**
 * Compression of output: a window of 8 KB and small tables cost 64 KB a connection (zlib's own choice: 268 KB) and a few
 * per cent of the ratio; replies are repetitive over short distances.
 */
export const DEFLATE = { windowBits: 13, memLevel: 6, level: 5, chunkSize: 8 * 1024 } as const;
/** Input: the peer may use the largest window (RFC 1951); it is inflated in pieces of this, whatever it grows to. */
export const INFLATE = { windowBits: 15, chunkSize: 16 * 1024 } as const;
