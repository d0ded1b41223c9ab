// What a parser or a command throws when a command cannot be carried out: each becomes one tagged reply.

/** The command's syntax is wrong: `BAD text`. */
export class BadCommand extends Error {
  constructor(text: string) {
    super(text);
    this.name = 'BadCommand';
  }
}

/** The command is understood and refused: `NO [code] text`. */
export class Refusal extends Error {
  /** A response code without brackets, or ''. */
  readonly code: string;

  constructor(code: string, text: string) {
    super(text);
    this.name = 'Refusal';
    this.code = code;
  }
}
