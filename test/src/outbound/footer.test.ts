// The domain's footer in what is handed in (F24), over a socket: what arrives at bert.
import { simpleParser } from 'mailparser';
import { describe, expect, test } from 'vitest';
import { PASSWORD, type SmtpServers, startSmtp } from '#test/support/smtp-server.ts';
import { SmtpWire } from '#test/support/wire.ts';

const FOOTER = 'Example & Sons\nregistered in Utrecht';

async function begin(text = FOOTER, html = '') {
  const smtp = await startSmtp();
  await smtp.store.domainSettings.set('example.test', 'footer-text', [text]);
  if (html !== '') await smtp.store.domainSettings.set('example.test', 'footer-html', [html]);
  return smtp;
}

/** Sends a message of these lines; what lies in bert's INBOX then, without the prefix. */
async function sent(smtp: SmtpServers, lines: readonly (string | Buffer)[]): Promise<string> {
  const client = await SmtpWire.open(smtp.submission);
  await client.command('EHLO office.example');
  await client.command(`AUTH PLAIN ${Buffer.from(`\0anna\0${PASSWORD}`).toString('base64')}`);
  for (const line of ['MAIL FROM:<anna@example.test> BODY=8BITMIME', 'RCPT TO:<bert@example.test>']) {
    expect((await client.command(line)).code).toBe(250);
  }
  const message = Buffer.concat(
    ['From: anna@example.test', 'MIME-Version: 1.0', ...lines].flatMap((line) => [
      typeof line === 'string' ? Buffer.from(line) : line,
      Buffer.from('\r\n'),
    ]),
  );
  client.wire.send(`BDAT ${message.length} LAST\r\n`);
  client.wire.send(message);
  expect((await client.reply()).code).toBe(250);
  client.wire.destroy();
  return (await smtp.inbox(smtp.bert)).at(-1) ?? '';
}

const bodyOf = (message: string) => message.slice(message.indexOf('\r\n\r\n') + 4);

describe('in plain text', () => {
  test('it stands at the end', async () => {
    await using smtp = await begin();
    expect(bodyOf(await sent(smtp, ['Subject: x', '', 'hello', '', '']))).toBe(
      'hello\r\n\r\nExample & Sons\r\nregistered in Utrecht\r\n',
    );
  });

  test('above the quoted text and its attribution, and at the end of an answer below the quotation', async () => {
    await using smtp = await begin('F');
    const quote = ['On Monday 3 May 2026 Bert <bert@example.test>', 'wrote:', '> one', '>> two', '', '> three'];
    expect(bodyOf(await sent(smtp, ['', 'answer', '', ...quote]))).toBe(
      ['answer', '', 'F', '', ...quote, ''].join('\r\n'),
    );
    expect(bodyOf(await sent(smtp, ['', 'Dear all,', 'see:', '> one']))).toBe(
      'Dear all,\r\nsee:\r\n\r\nF\r\n\r\n> one\r\n',
    );
    const below = [...quote, '', 'answer'];
    expect(bodyOf(await sent(smtp, ['', ...below]))).toBe([...below, '', 'F', ''].join('\r\n'));
    for (const rule of ['-----Oorspronkelijk bericht-----', '---------- Forwarded message ---------']) {
      expect(bodyOf(await sent(smtp, ['', 'answer', '', rule, 'From: x']))).toBe(
        ['answer', '', 'F', '', rule, 'From: x', ''].join('\r\n'),
      );
    }
    const outlook = ['_'.repeat(32), 'Van: Bert <bert@example.test>', 'Onderwerp: x', '', 'text'];
    expect(bodyOf(await sent(smtp, ['', 'answer', '', ...outlook]))).toBe(
      ['answer', '', 'F', '', ...outlook, ''].join('\r\n'),
    );
  });

  test('not twice in the writer’s own words, but again where only the quotation has it', async () => {
    await using smtp = await begin();
    const own = await sent(smtp, ['', 'hello', '', 'Example & Sons', 'registered in   Utrecht']);
    expect(bodyOf(own)).toBe('hello\r\n\r\nExample & Sons\r\nregistered in   Utrecht\r\n');
    const answer = bodyOf(await sent(smtp, ['', 'yes', '', '> hello', '> Example & Sons', '> registered in Utrecht']));
    expect(answer).toBe(
      'yes\r\n\r\nExample & Sons\r\nregistered in Utrecht\r\n\r\n> hello\r\n> Example & Sons\r\n> registered in Utrecht\r\n',
    );
  });

  test.each([
    ['us-ascii', '7bit', Buffer.from('hello')],
    ['iso-8859-1', '8bit', Buffer.from('caf\xe9', 'latin1')],
    ['iso-8859-1', 'quoted-printable', Buffer.from('caf=E9 a=')],
    ['iso-8859-2', '8bit', Buffer.from('\xb1', 'latin1')],
    ['utf-8', '8bit', Buffer.from('café')],
    ['utf-8', 'base64', Buffer.from(Buffer.from('café €').toString('base64'))],
    ['utf-16le', 'base64', Buffer.from(Buffer.from('café €', 'utf16le').toString('base64'))],
    ['iso-2022-jp', '7bit', Buffer.from('\x1b$B%F%9%H\x1b(B')],
    ['x-nobody-knows', '8bit', Buffer.from('text')],
  ])('its characters fit beside %s in %s', async (charset, encoding, body) => {
    const footer = 'Größe: 5 €';
    await using smtp = await begin(footer);
    const head = [
      `Content-Type: text/plain; charset=${charset}; format=flowed`,
      `Content-Transfer-Encoding: ${encoding}`,
    ];
    const message = await sent(smtp, [...head, '', body]);
    const plain = await simpleParser(Buffer.from(message, 'latin1'));
    const before = await simpleParser(Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`), body]));
    expect(plain.text?.trimEnd()).toBe(`${before.text?.trimEnd()}\n\n${footer}`);
    expect(message).toMatch(/format="?flowed/);
    if (charset === 'us-ascii') expect(message).toContain('Content-Transfer-Encoding: quoted-printable');
  });

  test('eight-bit text of which nobody says what it is gets it in the same charset', async () => {
    await using smtp = await begin('Größe');
    const message = await sent(smtp, ['', Buffer.from('caf\xe9', 'latin1')]);
    expect(bodyOf(message)).toBe(Buffer.from('caf\xe9\r\n\r\nGr\xf6\xdfe\r\n', 'latin1').toString('latin1'));
    expect(message).toContain('charset=windows-1252');
  });
});

describe('in HTML', () => {
  const html = async (smtp: SmtpServers, body: string) =>
    bodyOf(await sent(smtp, ['Content-Type: text/html; charset=us-ascii', '', body])).replace(/\r\n/g, '');
  const BLOCK = '<div class="domain-footer"><b>Gr&#246;&#223;e</b></div>';

  test('it stands before the end of the body, in ASCII', async () => {
    await using smtp = await begin('Größe', '<b>Größe</b>');
    expect(await html(smtp, '<HTML><style></body></style><BODY><p>hi</BODY></HTML>')).toBe(
      `<HTML><style></body></style><BODY><p>hi${BLOCK}</BODY></HTML>`,
    );
    expect(await html(smtp, '<p>hi <!-- </body>')).toBe(`<p>hi <!-- </body>${BLOCK}`);
  });

  test('above what the usual programs quote, and below it where the answer is', async () => {
    await using smtp = await begin('Größe', '<b>Größe</b>');
    for (const quote of [
      '<blockquote type="cite">old</blockquote>',
      '<div class="gmail_quote gmail_quote_container">Bert:<blockquote class=gmail_quote>old</blockquote></div>',
      '<div id="appendonsend"></div><hr><div id="divRplyFwdMsg">From: Bert</div>old',
      '<div style="border:none;border-top:solid #E1E1E1 1.0pt;padding:3.0pt 0cm">From: Bert</div>old',
    ]) {
      expect(await html(smtp, `<body>new${quote}</body>`)).toBe(`<body>new${BLOCK}${quote}</body>`);
    }
    const below = '<body><blockquote type="cite">old</blockquote><p>&nbsp;new';
    expect(await html(smtp, `${below}</body>`)).toBe(`${below}${BLOCK}</body>`);
  });

  test('made of the text where the domain has no HTML; not twice', async () => {
    await using smtp = await begin();
    const once = await html(smtp, '<p>hi');
    expect(once).toBe('<p>hi<div class="domain-footer"><br>Example &amp; Sons<br>registered in Utrecht</div>');
    expect(await html(smtp, once)).toBe(once);
  });
});

describe('in messages of parts', () => {
  const part = (type: string, ...lines: string[]) => ['--b', `Content-Type: ${type}`, '', ...lines];

  test('both texts of an alternative get it, the attachments do not, and all else stays byte for byte', async () => {
    await using smtp = await begin('Größe');
    const attachment = part('text/plain; name=log.txt', 'log', '').concat('preamble?');
    const message = await sent(smtp, [
      'Content-Type: multipart/mixed; boundary=b',
      '',
      'preamble',
      '--b',
      'Content-Type: multipart/alternative; boundary=a',
      '',
      '--a',
      '',
      'text',
      '--a',
      'Content-Type: text/html',
      '',
      '<p>html',
      '--a--',
      ...attachment,
      '--b--',
      'epilogue',
    ]);
    expect(bodyOf(message)).toBe(
      [
        'preamble',
        '--b',
        'Content-Type: multipart/alternative; boundary=a',
        '',
        '--a',
        'Content-Type: text/plain;',
        '\tcharset="utf-8"',
        'Content-Transfer-Encoding: quoted-printable',
        '',
        'text',
        '',
        'Gr=C3=B6=C3=9Fe',
        '',
        '--a',
        'Content-Type: text/html',
        '',
        '<p>html<div class="domain-footer"><br>Gr&#246;&#223;e</div>',
        '',
        '--a--',
        ...attachment,
        '--b--',
        'epilogue',
        '',
      ].join('\r\n'),
    );
  });

  test.each([
    ['multipart/signed; boundary=b; protocol="application/pgp-signature"', part('text/plain', 'text')],
    ['multipart/encrypted; boundary=b; protocol="application/pgp-encrypted"', part('application/pgp-encrypted', 'x')],
    ['multipart/report; boundary=b; report-type=disposition-notification', part('text/plain', 'read')],
    [
      'multipart/mixed; boundary=b',
      [
        '--b',
        'Content-Type: multipart/signed; boundary=s',
        '',
        '--s',
        '',
        'x',
        '--s--',
        ...part('text/plain', 'list footer'),
      ],
    ],
    ['application/pkcs7-mime; smime-type=signed-data', ['MIIB']],
    ['application/pdf', ['%PDF']],
    ['text/plain', ['-----BEGIN PGP SIGNED MESSAGE-----', '', 'x']],
    [
      'multipart/alternative; boundary=b',
      [...part('text/plain', '-----BEGIN PGP MESSAGE-----'), ...part('text/html', '<p>x')],
    ],
    ['text/calendar; method=REQUEST', ['BEGIN:VCALENDAR']],
    ['text/plain', ['x'.repeat(900), ...Array.from({ length: 1200 }, () => 'y'.repeat(900))]],
  ])('%s is left as it is', async (type, lines) => {
    await using smtp = await begin();
    const body = type.startsWith('multipart') ? [...lines, '--b--'] : lines;
    expect(bodyOf(await sent(smtp, [`Content-Type: ${type}`, '', ...body]))).toBe([...body, ''].join('\r\n'));
  });
});

test('an account can be left out, other domains have none, and the copy in Sent is as it left', async () => {
  await using smtp = await begin('F');
  const { directory } = smtp.store;
  await directory.setSetting(smtp.anna.id, 'save-sent', ['yes']);
  await sent(smtp, ['', 'hello']);
  const mail = smtp.store.mail(smtp.anna.id);
  const box = (await mail.mailboxes()).find(({ special }) => special === 'sent');
  const copies: string[] = [];
  for await (const page of mail.placements(box?.id ?? 0, [[1, 9]])) {
    for (const { message } of page) copies.push(bodyOf(`${await (await mail.content(message)).bytes()}`));
  }
  expect(copies).toEqual(['hello\r\n\r\nF\r\n']);
  await directory.setSetting(smtp.anna.id, 'footer', ['no']);
  expect(bodyOf(await sent(smtp, ['', 'hello']))).toBe('hello\r\n');
  await directory.setSetting(smtp.anna.id, 'footer', []);
  await smtp.store.domainSettings.set('example.test', 'footer-text', []);
  expect(bodyOf(await sent(smtp, ['', 'hello']))).toBe('hello\r\n');
  await directory.addDomain('gone.test');
  await smtp.store.domainSettings.set('gone.test', 'footer-text', ['x']);
  await directory.removeDomain('gone.test');
  await directory.addDomain('gone.test');
  expect((await smtp.store.domainSettings.get('gone.test')).size).toBe(0);
});
