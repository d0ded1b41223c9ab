// Sizes as people write them: "50MB". KB, MB and GB are powers of 1024.

const UNITS: Readonly<Record<string, number>> = { '': 1, B: 1, KB: 1024, MB: 1024 ** 2, GB: 1024 ** 3, TB: 1024 ** 4 };

/** What parseSize takes, for messages. */
export const SIZE_EXPECTED = 'a size such as "50MB" (B, KB, MB, GB or TB, powers of 1024)';

/** The bytes of a size such as `50MB`, `1.5 GB` or `1000`; undefined if it is not one. */
export function parseSize(text: string): number | undefined {
  const match = /^(\d{1,15}(?:\.\d{1,3})?) ?(B|[KMGT]B|)$/i.exec(text.trim());
  if (!match) return undefined;
  const bytes = Math.round(Number(match[1]) * (UNITS[(match[2] ?? '').toUpperCase()] ?? Number.NaN));
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}

/** A size for people: `1.5 GB`. */
export function formatSize(bytes: number): string {
  let value = bytes;
  for (const unit of ['B', 'KB', 'MB', 'GB']) {
    if (value < 1024) return `${Number(value.toFixed(1))} ${unit}`;
    value /= 1024;
  }
  return `${Number(value.toFixed(1))} TB`;
}
