// Telephone numbers as people write them, in the one form that services want (E.164).

import type { GatewayConfig } from '#config/gateways.ts';

/** Separators between digits. */
const BETWEEN = /[ .()/-]/g;

/** `+32475123456`, or null if it can't be a number. `country`: of numbers with one 0 in front; '' where none is known. */
export function normalNumber(written: string, country: string): string | null {
  const text = written.replace(/^"(.*)"$/, '$1').trim();
  // "+32 (0)475": the 0 in brackets is for those who call from inside.
  const international = /^(?:\+|00)/.test(text);
  const digits = (international ? text.replace('(0)', '') : text).replace(BETWEEN, '').replace(/^(?:\+|00)/, '');
  if (!/^\d+$/.test(digits)) return null;
  const national = !international && digits.startsWith('0');
  if (national && country === '') return null;
  const number = national ? country + digits.slice(1) : digits;
  return /^[1-9]\d{6,14}$/.test(number) ? `+${number}` : null;
}

/** The number of an address at a gateway, or null. */
export function numberOf({ country }: GatewayConfig, address: string): string | null {
  return normalNumber(address.slice(0, address.lastIndexOf('@')), country);
}
