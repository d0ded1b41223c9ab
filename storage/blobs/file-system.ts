// The few calls of the file system that bodies need, so that a test can make any of them fail or stall.

import { link, mkdir, open, readdir, unlink } from 'node:fs/promises';

export interface FileSystem {
  readonly open: typeof open;
  readonly link: typeof link;
  readonly unlink: typeof unlink;
  readonly mkdir: typeof mkdir;
  readonly readdir: typeof readdir;
}

/** The real one. */
export const fileSystem: FileSystem = { open, link, unlink, mkdir, readdir };
