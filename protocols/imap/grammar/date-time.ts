// Dates: date-time of APPEND and INTERNALDATE, date of SEARCH (RFC 9051 9).

import { BadCommand } from './errors.ts';
import type { Scanner } from './scanner.ts';

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const MONTH_INDEX: ReadonlyMap<string, number> = new Map(MONTHS.map((name, index) => [name.toUpperCase(), index]));

export interface DateTime {
  /** Unix seconds. */
  readonly seconds: number;
  /** Minutes east of UTC. */
  readonly offsetMinutes: number;
}

// The day may lack its leading space: some clients forget it.
const DATE_TIME = /"( ?\d|\d\d)-([A-Za-z]{3})-(\d{4}) (\d{2}):(\d{2}):(\d{2}) ([+-])(\d{2})(\d{2})"/y;
const DATE = /("?)(\d{1,2})-([A-Za-z]{3})-(\d{4})\1/y;

/** date-time = DQUOTE date-day-fixed "-" date-month "-" date-year SP time SP zone DQUOTE */
export function dateTime(scanner: Scanner): DateTime {
  const found = scanner.match(DATE_TIME);
  if (found === null) throw new BadCommand('Invalid date-time');
  const [, day, month, year, hour, minute, second, sign, zoneHour, zoneMinute] = found;
  const days = daysOf(Number(year), monthIndex(month ?? ''), Number(day));
  const [h, m, s] = [Number(hour), Number(minute), Number(second)];
  // A leap second is taken as the second after it.
  if (h > 23 || m > 59 || s > 60 || Number(zoneMinute) > 59) throw new BadCommand('Invalid date-time');
  const zone = Number(zoneHour) * 60 + Number(zoneMinute);
  const offset = sign === '-' ? 0 - zone : zone;
  return { seconds: days * 86_400 + h * 3_600 + m * 60 + s - offset * 60, offsetMinutes: offset };
}

/** date of SEARCH, with or without quotes: the day as a count since 1970-01-01. */
export function searchDate(scanner: Scanner): number {
  const found = scanner.match(DATE);
  if (found === null) throw new BadCommand('Invalid date');
  return daysOf(Number(found[4]), monthIndex(found[3] ?? ''), Number(found[2]));
}

/** INTERNALDATE's text, in the zone it was given in, with its quotes. */
export function formatDateTime(seconds: number, offsetMinutes: number): string {
  const date = new Date((seconds + offsetMinutes * 60) * 1000);
  const zone = Math.abs(offsetMinutes);
  const two = (value: number) => String(value).padStart(2, '0');
  const day = String(date.getUTCDate()).padStart(2, ' ');
  const time = `${two(date.getUTCHours())}:${two(date.getUTCMinutes())}:${two(date.getUTCSeconds())}`;
  const offset = `${offsetMinutes < 0 ? '-' : '+'}${two(Math.floor(zone / 60))}${two(zone % 60)}`;
  const year = String(date.getUTCFullYear()).padStart(4, '0');
  return `"${day}-${MONTHS[date.getUTCMonth()]}-${year} ${time} ${offset}"`;
}

function monthIndex(name: string): number {
  const index = MONTH_INDEX.get(name.toUpperCase());
  if (index === undefined) throw new BadCommand('Invalid month');
  return index;
}

/** Days since 1970-01-01; a day that the month does not have is refused. */
function daysOf(year: number, month: number, day: number): number {
  const date = new Date(0);
  date.setUTCFullYear(year, month, day);
  if (date.getUTCMonth() !== month || day < 1) throw new BadCommand('Invalid date');
  return date.getTime() / 86_400_000;
}
