// Dates of header fields (RFC 5322 3.3 and the obsolete 4.3), as tolerantly as mail needs, and the two ways to write
// one: RFC 5322 and IMAP's INTERNALDATE.

export interface MessageDate {
  /** Unix time. */
  readonly seconds: number;
  /** Minutes east of UTC. */
  readonly offsetMinutes: number;
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const MONTH_INDEX: ReadonlyMap<string, number> = new Map(MONTHS.map((name, index) => [name.toLowerCase(), index]));
const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];

/** RFC 5322 4.3, and what else is seen; in minutes. The military letters mean nothing reliable, so UTC. */
const ZONES: Readonly<Record<string, number>> = {
  EST: -300,
  EDT: -240,
  CST: -360,
  CDT: -300,
  MST: -420,
  MDT: -360,
  PST: -480,
  PDT: -420,
  AKST: -540,
  AKDT: -480,
  HST: -600,
  WET: 0,
  WEST: 60,
  BST: 60,
  CET: 60,
  CEST: 120,
  MET: 60,
  MEST: 120,
  EET: 120,
  EEST: 180,
  MSK: 180,
  MSD: 240,
  JST: 540,
  KST: 540,
};

const TIME = String.raw`(\d{1,2})[:.](\d{1,2})(?:[:.](\d{1,2})(?:[.,]\d+)?)?(?:\s*([AaPp])\.?[Mm]\.?)?`;
const ZONE = String.raw`(?:\s*([+-]\s?\d{1,2}:?\d{0,2}|[A-Za-z]{1,5}(?:[+-]\d{1,4})?))?`;

/** Mon, 02 Jan 2006 15:04:05 -0700; the weekday, the seconds, the zone and any of the commas may be missing. */
const USUAL = new RegExp(
  String.raw`^(?:[A-Za-z]+[,.]?\s*,?)?\s*(\d{1,2})[\s./-]+([A-Za-z]{3,9})[\s.,/-]+(\d{2,4})[\s,]+${TIME}${ZONE}`,
);
/** Mon Jan  2 15:04:05 [-0700] 2006: asctime, and date(1) with its zone. */
const ASCTIME = new RegExp(
  String.raw`^(?:[A-Za-z]+[,.]?\s+)?([A-Za-z]{3,9})[\s.]+(\d{1,2}),?\s+${TIME}(?:\s+([+-]\d{4}|[A-Za-z]{1,5}))?,?\s+(\d{4})${ZONE}`,
);
/** 2006-01-02T15:04:05-07:00. */
const ISO = new RegExp(String.raw`^(\d{4})[-/](\d{1,2})[-/](\d{1,2})[T\s]+${TIME}${ZONE}`);

/** Longer values are no dates; bounds the patterns' work. */
const MAX_LENGTH = 200;

/** Reads a Date value, or null if it can't be understood. */
export function parseDate(value: string): MessageDate | null {
  const text = withoutComments(value.slice(0, MAX_LENGTH)).trim();
  const usual = USUAL.exec(text);
  if (usual !== null) {
    const [, day, month, year, hour, minute, second, half, zone] = usual;
    return assemble({ year, month: monthOf(month), day, hour, minute, second, half, zone });
  }
  const asctime = ASCTIME.exec(text);
  if (asctime !== null) {
    const [, month, day, hour, minute, second, half, before, year, after] = asctime;
    return assemble({ year, month: monthOf(month), day, hour, minute, second, half, zone: before ?? after });
  }
  const iso = ISO.exec(text);
  if (iso !== null) {
    const [, year, month, day, hour, minute, second, half, zone] = iso;
    return assemble({ year, month: Number(month) - 1, day, hour, minute, second, half, zone });
  }
  return null;
}

function withoutComments(text: string): string {
  return text.includes('(') ? text.replace(/\([^()]*\)?/g, ' ') : text;
}

function monthOf(name: string | undefined): number {
  return MONTH_INDEX.get(name?.slice(0, 3).toLowerCase() ?? '') ?? -1;
}

interface Pieces {
  readonly year: string | undefined;
  readonly month: number;
  readonly day: string | undefined;
  readonly hour: string | undefined;
  readonly minute: string | undefined;
  readonly second: string | undefined;
  readonly half: string | undefined;
  readonly zone: string | undefined;
}

function assemble(pieces: Pieces): MessageDate | null {
  const year = fullYear(pieces.year ?? '');
  const day = Number(pieces.day);
  let hour = Number(pieces.hour);
  const minute = Number(pieces.minute);
  const second = Number(pieces.second ?? 0);
  if (pieces.half !== undefined) hour = (hour % 12) + (/p/i.test(pieces.half) ? 12 : 0);
  if (pieces.month < 0 || pieces.month > 11 || day < 1) return null;
  if (day > 28 && day > daysIn(year, pieces.month)) return null;
  if (hour > 24 || minute > 59 || second > 60) return null;
  const offsetMinutes = zoneOffset(pieces.zone ?? '');
  const seconds = Date.UTC(year, pieces.month, day, hour, minute, second) / 1000 - offsetMinutes * 60;
  return { seconds, offsetMinutes };
}

/** RFC 5322 4.3: two digits up to 49 are 20xx, above 19xx; three digits are years since 1900. */
function fullYear(digits: string): number {
  const year = Number(digits);
  if (digits.length >= 4) return year;
  if (digits.length === 3) return year + 1900;
  return year + (year < 50 ? 2000 : 1900);
}

function daysIn(year: number, month: number): number {
  return new Date(Date.UTC(year, month + 1, 0)).getUTCDate();
}

/** An unknown zone is UTC (RFC 5322 4.3: -0000). */
function zoneOffset(zone: string): number {
  if (zone === '') return 0;
  const named = isSign(zone) ? undefined : /^([A-Za-z]+)/.exec(zone)?.[1]?.toUpperCase();
  const numeric = /([+-])\s?(\d{1,2}):?(\d{2})?$/.exec(zone);
  if (numeric !== null && (named === undefined || named === 'GMT' || named === 'UTC' || named === 'UT')) {
    const [, sign, hours, minutes] = numeric;
    const total = Number(hours) * 60 + Number(minutes ?? 0);
    // Offsets beyond a day are garbage.
    return total > 1440 ? 0 : sign === '-' ? -total : total;
  }
  return named === undefined ? 0 : (ZONES[named] ?? 0);
}

function isSign(zone: string): boolean {
  return zone.startsWith('+') || zone.startsWith('-');
}

function two(value: number): string {
  return value < 10 ? `0${value}` : `${value}`;
}

function zoneText(offsetMinutes: number): string {
  const total = Math.abs(offsetMinutes);
  return `${offsetMinutes < 0 ? '-' : '+'}${two(Math.floor(total / 60))}${two(total % 60)}`;
}

function local(date: MessageDate): Date {
  return new Date((date.seconds + date.offsetMinutes * 60) * 1000);
}

/** `Mon, 02 Jan 2006 15:04:05 -0700` (RFC 5322 3.3). */
export function formatDate(date: MessageDate): string {
  const at = local(date);
  const time = `${two(at.getUTCHours())}:${two(at.getUTCMinutes())}:${two(at.getUTCSeconds())}`;
  const day = `${DAYS[at.getUTCDay()]}, ${two(at.getUTCDate())} ${MONTHS[at.getUTCMonth()]} ${at.getUTCFullYear()}`;
  return `${day} ${time} ${zoneText(date.offsetMinutes)}`;
}

/** `02-Jan-2006 15:04:05 -0700`, the day padded with a space: INTERNALDATE without its quotes (RFC 9051 9). */
export function formatInternalDate(date: MessageDate): string {
  const at = local(date);
  const time = `${two(at.getUTCHours())}:${two(at.getUTCMinutes())}:${two(at.getUTCSeconds())}`;
  const day = `${at.getUTCDate()}`.padStart(2, ' ');
  return `${day}-${MONTHS[at.getUTCMonth()]}-${at.getUTCFullYear()} ${time} ${zoneText(date.offsetMinutes)}`;
}
