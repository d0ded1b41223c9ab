// Lengths of time as they stand in the settings: 90s, 5m, 4h, 5d.

const UNITS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** The longest: nothing waits for more than a year. */
const MOST_MS = 366 * 86_400_000;

export const DURATION_EXPECTED = 'a time such as "90s", "5m", "4h" or "5d"';

/** Milliseconds, or undefined if it is no time. */
export function parseDuration(text: string): number | undefined {
  const match = /^(\d{1,9})([smhd])$/.exec(text.trim());
  const ms = Number(match?.[1]) * (UNITS[match?.[2] ?? ''] ?? Number.NaN);
  return ms > 0 && ms <= MOST_MS ? ms : undefined;
}
