// Dates as messages and mail files spell them, each with its zone.

import { fields, fieldValue, latin1 } from '#storage/message/headers.ts';
import type { Received } from './pieces.ts';

const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];

/** RFC 5322 4.3: the zones by name that mean something. */
const ZONES: Readonly<Record<string, number>> = {
  ...{ ut: 0, gmt: 0, utc: 0, z: 0, est: -300, edt: -240, cst: -360, cdt: -300, mst: -420, mdt: -360, pst: -480 },
  ...{ pdt: -420, cet: 60, cest: 120 },
};

const MAIL_DATE =
  /(?:^|[\s,])(\d{1,2})[\s-]+([A-Za-z]{3})[a-z]*[\s-]+(\d{2,4})\s+(\d{1,2}):(\d{2})(?::(\d{2}))?\s*([+-]\d{4}|[A-Za-z]{1,5})?/;
const UNIX_DATE =
  /\s([A-Z][a-z]{2})\s+(\d{1,2})\s+(\d{1,2}):(\d{2})(?::(\d{2}))?(?:\s+([A-Z]{1,5}|[+-]\d{4}))?\s+(\d{4})(?:\s+([+-]\d{4}))?\s*(?:remote from .*)?$/;

/** The date of a Date or Received header (RFC 5322 3.3, with the obsolete forms of 4.3). */
export function parseMailDate(text: string): Received | null {
  const match = MAIL_DATE.exec(text);
  if (match === null) return null;
  const [, day, month, year = '', hour, minute, second, zone] = match;
  // RFC 5322 4.3: two digits are 2000 to 2049 or 1950 to 1999, three are added to 1900.
  const full = Number(year) + (year.length === 2 ? (Number(year) < 50 ? 2000 : 1900) : year.length === 3 ? 1900 : 0);
  return toReceived([full, month, day, hour, minute, second], zone);
}

/** The date of an mbox "From " line: asctime, with a zone where the writer put one. */
export function parseUnixDate(text: string): Received | null {
  const match = UNIX_DATE.exec(text);
  if (match === null) return null;
  const [, month, day, hour, minute, second, zone, year, zoneAfter] = match;
  return toReceived([Number(year), month, day, hour, minute, second], zoneAfter ?? zone);
}

/** `Thu Jan  1 01:00:00 1970 +0100`, the zone only if it is not UTC. */
export function formatUnixDate({ seconds, offsetMinutes }: Received): string {
  const local = new Date((seconds + offsetMinutes * 60) * 1000);
  const month = MONTHS[local.getUTCMonth()] ?? '';
  const zone = offsetMinutes === 0 ? '' : ` ${formatZone(offsetMinutes)}`;
  return (
    `${DAYS[local.getUTCDay()]} ${month.charAt(0).toUpperCase()}${month.slice(1)} ` +
    `${String(local.getUTCDate()).padStart(2)} ${local.toISOString().slice(11, 19)} ${local.getUTCFullYear()}${zone}`
  );
}

/** When a message came in: the date of its topmost Received header, else its Date header. */
export function receivedOf(header: Uint8Array): Received | null {
  const block = latin1(header);
  const all = fields(block);
  const received = all.find((field) => field.name === 'received');
  // RFC 5321 4.4: the date is what follows the last semicolon.
  const stamp = received && fieldValue(block, received);
  const date = all.find((field) => field.name === 'date');
  return (
    (stamp === undefined ? null : parseMailDate(stamp.slice(stamp.lastIndexOf(';') + 1))) ??
    (date === undefined ? null : parseMailDate(fieldValue(block, date)))
  );
}

function formatZone(offsetMinutes: number): string {
  const minutes = Math.abs(offsetMinutes);
  const digits = String(Math.floor(minutes / 60) * 100 + (minutes % 60)).padStart(4, '0');
  return `${offsetMinutes < 0 ? '-' : '+'}${digits}`;
}

type Text = string | undefined;
type Fields = readonly [year: number, month: Text, day: Text, hour: Text, minute: Text, second: Text];

function toReceived([year, month = '', day, hour, minute, second = '0']: Fields, zone = ''): Received | null {
  const monthNumber = MONTHS.indexOf(month.toLowerCase());
  const valid = monthNumber >= 0 && Number(day) <= 31 && Number(hour) <= 23 && Number(minute) <= 59 && year >= 1900;
  if (!valid || year > 9999) return null;
  const local = Date.UTC(year, monthNumber, Number(day), Number(hour), Number(minute), Math.min(Number(second), 59));
  const offsetMinutes = parseZone(zone);
  return { seconds: local / 1000 - offsetMinutes * 60, offsetMinutes };
}

function parseZone(zone: string): number {
  const match = /^([+-])(\d{2})(\d{2})$/.exec(zone);
  if (match === null) return ZONES[zone.toLowerCase()] ?? 0;
  const minutes = Number(match[2]) * 60 + Number(match[3]);
  // RFC 5322 3.3 allows up to 99:59; nothing real is beyond a day.
  return minutes >= 24 * 60 ? 0 : match[1] === '-' ? -minutes : minutes;
}
