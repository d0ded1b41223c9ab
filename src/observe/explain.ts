// What goes wrong between mail programs and a server, in plain words: found by what the server answered.

const HINTS: readonly (readonly [RegExp, string])[] = [
  [
    /^S: .*This port begins with TLS/,
    'The program is set to STARTTLS or to no encryption on a port that begins with TLS: set it to SSL/TLS, or to port 587.',
  ],
  [
    /^C: \(a TLS handshake\)/,
    'The program begins with TLS on a port that begins without: set it to STARTTLS, or to port 465.',
  ],
  [
    /^S: 530 5\.7\.0 Issue STARTTLS first|^S: 538 /,
    'The program does not encrypt the connection: set it to STARTTLS (port 587) or to SSL/TLS (port 465).',
  ],
  [
    /^S: 530 5\.7\.0 Log in first/,
    'The program does not log in: turn on "the server requires authentication" and give it the user name and password.',
  ],
  [/^S: 535 /, 'The user name or the password is wrong: the user name is the whole e-mail address.'],
  [/^S: 454 4\.7\.0 Too many/, 'There were too many wrong passwords: one try is forgiven a minute.'],
  [/^S: 504 /, 'The program asks for a login method that is not offered: PLAIN or LOGIN always work.'],
  [
    /^S: 502 5\.5\.1 AUTH is not available/,
    'The program hands in mail on the port for other servers: set it to port 587 or 465.',
  ],
  [
    /^S: 550 5\.7\.1 .* is not an address of /,
    'The From address does not belong to this login: the reply says how to allow it.',
  ],
  [
    /^S: 550 5\.7\.1 .*Relaying/,
    'Mail for another domain came without a login: set the program to port 587 or 465 and give it a login.',
  ],
  [/^S: (?:552 5\.3\.4|421 4\.3\.4)/, 'The message is larger than [limits] message_size, or has too large a header.'],
  [/^S: 552 5\.2\.2|^S: 452 4\.2\.2/, 'The mailbox of a recipient is full.'],
  [/^S: 550 5\.1\.1/, 'There is no such recipient here.'],
  [/^S: 555 |^S: 553 5\.6\.7/, 'The program uses an extension of SMTP that it was not offered.'],
  [/^S: 450 4\.7\.1 .*today/, 'The account has reached a daily limit: posthuis account unblock lets it go on.'],
  [/^S: 421 4\.7\.0 (?!.*This port begins with TLS)/, 'The session was ended because of too many errors.'],
  [/^S: 421 4\.4\.2/, 'The program was silent, or too slow, for too long.'],
];

/** One line for each mistake that the dialogue shows. */
export function explain(lines: readonly string[]): string[] {
  return HINTS.filter(([pattern]) => lines.some((line) => pattern.test(line))).map(([, text]) => text);
}
