// Dates: date-time of APPEND and INTERNALDATE, date of SEARCH (RFC 9051 9).

import type { ReplyWriter } from '#protocols/net/reply-writer.ts';
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

const TWO: readonly string[] = Array.from({ length: 100 }, (_, value) => String(value).padStart(2, '0'));

/** Writes INTERNALDATE's text, in the zone it was given in, with its quotes. */
export function writeDateTime(out: ReplyWriter, seconds: number, offsetMinutes: number): void {
  const local = seconds + offsetMinutes * 60;
  const days = Math.floor(local / 86_400);
  const time = local - days * 86_400;
  const hours = (time / 3_600) | 0;
  const minutes = ((time - hours * 3_600) / 60) | 0;
  const zone = Math.abs(offsetMinutes);
  // In short pieces: a text put together would be made, flattened and copied.
  out.text('"').text(formatDay(days)).text(' ');
  out.text(two(hours)).text(':').text(two(minutes)).text(':');
  out.text(two(time - hours * 3_600 - minutes * 60)).text(offsetMinutes < 0 ? ' -' : ' +');
  out
    .text(two((zone / 60) | 0))
    .text(two(zone % 60))
    .text('"');
}

function two(value: number): string {
  return TWO[value] ?? '';
}

/** A count of days since 1970-01-01 as `dd-Mon-yyyy` (civil_from_days, H. Hinnant's algorithm). */
function formatDay(days: number): string {
  const shifted = days + 719_468;
  const era = Math.floor(shifted / 146_097);
  const dayOfEra = shifted - era * 146_097;
  const yearOfEra = Math.floor(
    (dayOfEra - Math.floor(dayOfEra / 1_460) + Math.floor(dayOfEra / 36_524) - Math.floor(dayOfEra / 146_096)) / 365,
  );
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const shiftedMonth = Math.floor((5 * dayOfYear + 2) / 153);
  const day = dayOfYear - Math.floor((153 * shiftedMonth + 2) / 5) + 1;
  const month = shiftedMonth < 10 ? shiftedMonth + 2 : shiftedMonth - 10;
  const year = yearOfEra + era * 400 + (month < 2 ? 1 : 0);
  return `${day < 10 ? ' ' : ''}${day}-${MONTHS[month]}-${String(year).padStart(4, '0')}`;
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
