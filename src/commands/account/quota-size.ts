// SIZE of `account add --quota` and `account quota`.

import { parseSize, SIZE_EXPECTED } from '#config/size.ts';
import { UsageError } from '../command.ts';

/** Bytes, or null for `none`. */
export function parseQuota(size: string): number | null {
  if (size.toLowerCase() === 'none') return null;
  const bytes = parseSize(size);
  if (bytes === undefined || bytes === 0)
    throw new UsageError(`SIZE: expected ${SIZE_EXPECTED} or "none", got "${size}"`);
  return bytes;
}
