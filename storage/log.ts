// What the store logs to: pino's logger, or the one that carries the background thread's lines to the main thread.

type Line = (fields: object, message: string) => void;

export interface StoreLog {
  readonly fatal: Line;
  readonly error: Line;
  readonly warn: Line;
  readonly info: Line;
  readonly debug: Line;
}
