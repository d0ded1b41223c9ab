// What an error says to the administrator.

import { ConfigError } from '#config/read.ts';
import { StoreError } from '#storage/errors.ts';
import { Refused } from '../commands/command.ts';

/** The text for the terminal; `unexpected` is a fault of ours, whose stack is worth showing. */
export function reasonOf(error: unknown): { readonly text: string; readonly unexpected: boolean } {
  if (error instanceof StoreError && error.code === 'no-space') {
    return { text: `the disk is full: make room and try again, nothing is lost (${error.message})`, unexpected: false };
  }
  if (error instanceof Refused || error instanceof ConfigError || error instanceof StoreError) {
    return { text: error.message, unexpected: false };
  }
  if (!(error instanceof Error)) return { text: String(error), unexpected: true };
  // Errors of the system carry a code and say what and where (ENOENT: no such file or directory, open 'x'), by themselves
  // or as the cause of one of ours.
  return { text: error.message, unexpected: !hasCode(error) && !hasCode(error.cause) };
}

function hasCode(error: unknown): boolean {
  return error instanceof Error && 'code' in error && typeof error.code === 'string';
}
