// The replies of a session: code, enhanced status code (RFC 3463, RFC 2034) and text. All of them are ours.

import type { SmtpReply } from '#protocols/ports.ts';

export function reply(code: number, enhanced: string, text: string): SmtpReply {
  return { code, enhanced, text };
}

/** What never depends on the occasion. */
export const Reply = {
  bye: reply(221, '2.0.0', 'Bye'),
  ok: reply(250, '2.0.0', 'OK'),
  sender: reply(250, '2.1.0', 'Sender OK'),
  recipient: reply(250, '2.1.5', 'Recipient OK'),
  vrfy: reply(252, '2.5.0', 'Send a message and see'), // RFC 5321 7.3: nobody's address is confirmed
  help: reply(214, '2.0.0', 'See RFC 5321'),
  startTls: reply(220, '2.0.0', 'Ready to start TLS'),
  loggedIn: reply(235, '2.7.0', 'Authentication succeeded'),

  unknownCommand: reply(500, '5.5.1', 'Command not recognised'),
  lhlo: reply(500, '5.5.1', 'This is LMTP: say LHLO'), // RFC 2033 4.1
  notImplemented: reply(502, '5.5.1', 'Command not implemented'),
  noAuthHere: reply(502, '5.5.1', 'AUTH is not available on this port; hand in mail on the submission port'),
  lineTooLong: reply(500, '5.5.2', 'Line too long'),
  runaway: reply(421, '4.7.0', 'Line too long, closing the connection'),
  badLine: reply(500, '5.5.2', 'A line ends with CR LF and carries no other CR, LF or NUL'),
  helloFirst: reply(503, '5.5.1', 'Send EHLO first'),
  mailFirst: reply(503, '5.5.1', 'Send MAIL first'),
  recipientFirst: reply(503, '5.5.1', 'Send RCPT first'),
  nestedMail: reply(503, '5.5.1', 'A transaction is open already'),
  noParameters: reply(501, '5.5.4', 'This command takes no parameters'),
  ourName: reply(550, '5.7.1', 'That is the name of this server, not yours'),
  helloSyntax: reply(501, '5.5.4', 'Syntax: EHLO hostname'),
  mailSyntax: reply(501, '5.5.4', 'Syntax: MAIL FROM:<address>'),
  recipientSyntax: reply(501, '5.5.4', 'Syntax: RCPT TO:<address>'),
  bdatSyntax: reply(421, '4.7.0', 'Syntax: BDAT size [LAST]; closing the connection'),
  mixed: reply(503, '5.5.1', 'The message has begun with BDAT; go on with BDAT or RSET'), // RFC 3030 2
  binaryByBdat: reply(503, '5.5.1', 'What is binary comes by BDAT'), // RFC 3030 3
  xclientSyntax: reply(501, '5.5.4', 'Syntax: XCLIENT NAME=name ADDR=address PORT=port PROTO=ESMTP HELO=name'),
  noXclientLogin: reply(501, '5.5.4', 'Nobody is logged in by XCLIENT'),
  noXclientInTransaction: reply(503, '5.5.1', 'XCLIENT is not possible in a transaction'),
  vrfySyntax: reply(501, '5.5.4', 'Syntax: VRFY address'),
  badSender: reply(501, '5.1.7', 'Bad sender address syntax'),
  badRecipient: reply(501, '5.1.3', 'Bad recipient address syntax'),
  parameterSyntax: reply(501, '5.5.4', 'Bad parameter'),
  tooFarAway: reply(501, '5.5.4', 'A message is not held for so long'), // RFC 4865 4.2
  unknownParameter: reply(555, '5.5.4', 'Parameter not recognised'), // RFC 5321 4.1.1.11
  noSmtpUtf8: reply(553, '5.6.7', 'An address that is not ASCII needs SMTPUTF8'), // RFC 6531 3.5

  tooLarge: reply(552, '5.3.4', 'Message too large'),
  headerTooLarge: reply(552, '5.3.4', 'The header of the message is too large'),
  tooLargeByFar: reply(421, '4.3.4', 'Message far too large, closing the connection'),
  tooManyRecipients: reply(452, '4.5.3', 'Too many recipients'),
  tooManyErrors: reply(421, '4.7.0', 'Too many errors'),
  spoiled: reply(421, '4.7.0', 'Too many errors from your address, try again later'),
  tooFast: reply(450, '4.7.1', 'Too many messages from your address, try again later'),
  tooManyCommands: reply(421, '4.7.0', 'Too many commands without a message'),
  tooManyLogins: reply(421, '4.7.0', 'Too many failed logins'),
  tooManyConnections: reply(421, '4.3.2', 'Too many connections, try again later'),
  idle: reply(421, '4.4.2', 'Timeout, closing the connection'),
  tooSlow: reply(421, '4.4.2', 'This takes too long, closing the connection'),
  stopping: reply(421, '4.3.2', 'The server is stopping, try again later'),
  http: reply(421, '4.7.0', 'This is SMTP, not HTTP'),

  bareLineEnd: reply(550, '5.6.11', 'The message has a CR or LF that is not part of a CR LF'),
  nul: reply(550, '5.6.11', 'The message has a NUL'),
  longLine: reply(550, '5.6.0', 'The message has a line that is too long'),
  signedBinary: reply(
    550,
    '5.6.3',
    'The message has a binary part that can not be encoded, since it is signed or holds a message',
  ),
  noSpace: reply(452, '4.3.1', 'Insufficient system storage'),
  tooMuchAtOnce: reply(452, '4.3.1', 'Too many messages are coming in at once, try again later'),
  temporary: reply(451, '4.3.0', 'Temporary failure, try again later'),

  tlsActive: reply(503, '5.5.1', 'TLS is active already'),
  loginFirst: reply(530, '5.7.0', 'Log in first'), // RFC 4954 6
  tlsFirst: reply(530, '5.7.0', 'Issue STARTTLS first'), // RFC 3207 4
  encryptionRequired: reply(538, '5.7.11', 'Log in over TLS only'), // RFC 4954 4
  loggedInAlready: reply(503, '5.5.1', 'You are logged in already'),
  noAuthInTransaction: reply(503, '5.5.1', 'AUTH is not possible in a transaction'), // RFC 4954 4
  authSyntax: reply(501, '5.5.4', 'Syntax: AUTH mechanism'),
  unknownMechanism: reply(504, '5.5.4', 'Mechanism not supported'),
  authCancelled: reply(501, '5.7.0', 'Authentication cancelled'),
  authMalformed: reply(501, '5.5.2', 'Malformed authentication response'),
  authLineTooLong: reply(500, '5.5.6', 'Authentication line too long'), // RFC 4954 6
  authRejected: reply(535, '5.7.8', 'Wrong user name or password'),
  authThrottled: reply(454, '4.7.0', 'Too many failed logins, try again later'),
  authUnavailable: reply(454, '4.7.0', 'Temporary authentication failure'),
} as const satisfies Record<string, SmtpReply>;

const CONTROL = /\p{Cc}/gu;

/** A reply as it is sent. No control character can get into it, whoever made the text. */
export function format({ code, enhanced, text }: SmtpReply): string {
  return `${code} ${enhanced} ${text.replace(CONTROL, ' ')}\r\n`;
}

/** A reply of several lines without enhanced codes: that of EHLO (RFC 2034 3). */
export function formatLines(code: number, lines: readonly string[]): string {
  return lines.map((line, i) => `${code}${i < lines.length - 1 ? '-' : ' '}${line}\r\n`).join('');
}
