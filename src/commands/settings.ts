// The settings of one invocation: `--config` and `--data` over what config/ finds.

import { type ReadOptions, type ReadResult, readConfig } from '#config/read.ts';
import type { Invocation } from './command.ts';

/** Reads the settings that the command line points at; throws ConfigError. */
export function settings(invocation: Invocation, options: ReadOptions = {}): ReadResult {
  return readConfig({ ...options, file: invocation.values.get('config'), data: invocation.values.get('data') });
}
