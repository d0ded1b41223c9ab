// The root logger: structured lines on stderr (stdout belongs to `ready` and the commands' answers), secrets masked.
import { type DestinationStream, type Logger, pino } from 'pino';

/** A reader of stderr that has stopped costs log lines above this, never memory without bound. */
const LOG_BUFFER_BYTES = 4 * 1024 * 1024;
/** Lines are written together, up to so many bytes or after so long: a write a line costs as much as the line's mail. */
const LOG_BATCH_BYTES = 8 * 1024;
const LOG_BATCH_MS = 100;

/** Masked wherever one of these names stands in what a line is given, at the top or one level down. */
const SECRETS: ReadonlySet<string> = new Set([
  'password',
  'passwordHash',
  'scram',
  'newPassword',
  'secret',
  'token',
  'credentials',
  'authorization',
  'cookie',
  'privateKey',
]);
const CENSOR = '***';

export interface LogOptions {
  readonly level: string;
  /** The server thread it is for: 0 is the main thread. */
  readonly thread: number;
  /** Where lines go; stderr if absent. */
  readonly destination?: DestinationStream;
}

export interface RootLog {
  readonly log: Logger;
  /** Writes what is buffered, before the process or the thread ends. */
  flush(): void;
}

/** Makes the logger of one thread; every part logs with a child of it. */
export function createRootLog(options: LogOptions): RootLog {
  const stderr = options.destination
    ? undefined
    : pino.destination({
        ...{ dest: 2, sync: false, maxLength: LOG_BUFFER_BYTES },
        ...{ minLength: LOG_BATCH_BYTES, periodicFlush: LOG_BATCH_MS },
      });
  const log = pino(
    {
      level: options.level,
      base: { thread: options.thread },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }), log: masked },
    },
    options.destination ?? (stderr as DestinationStream),
  );
  return { log, flush: () => stderr?.flushSync() };
}

/** pino's own redaction walks every path on every line, which cost a delivered message 30 us. */
function masked(line: Record<string, unknown>): Record<string, unknown> {
  let found: Record<string, unknown> | null = null;
  for (const [name, value] of Object.entries(line)) {
    const safe = SECRETS.has(name) ? CENSOR : maskedInside(value);
    if (safe === value) continue;
    found ??= { ...line };
    found[name] = safe;
  }
  return found ?? line;
}

function maskedInside(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  const secrets = Object.keys(value).filter((name) => SECRETS.has(name));
  if (secrets.length === 0) return value;
  if (!(value instanceof Error)) return { ...value, ...Object.fromEntries(secrets.map((name) => [name, CENSOR])) };
  // An error stays one, so that it is written as one; its stack belongs to the original and has to be copied.
  const copy = Object.assign(new Error(value.message, { cause: value.cause }), value);
  copy.name = value.name;
  copy.stack = value.stack ?? '';
  for (const name of secrets) Object.defineProperty(copy, name, { value: CENSOR, enumerable: true });
  return copy;
}
