// What a client has switched on for its connection: by ENABLE (RFC 5161), or by a command that implies it.

/** Extensions that ENABLE takes, as they are named in ENABLED. */
export type Enabled = 'CONDSTORE' | 'QRESYNC' | 'UTF8=ACCEPT' | 'IMAP4rev2';

const NAMES: readonly Enabled[] = ['CONDSTORE', 'QRESYNC', 'UTF8=ACCEPT', 'IMAP4rev2'];

/** The extension that an argument of ENABLE names, in any case; undefined: it is ignored (RFC 5161 3.1). */
export function enabledName(argument: string): Enabled | undefined {
  const name = argument.toUpperCase();
  return NAMES.find((known) => known.toUpperCase() === name);
}
