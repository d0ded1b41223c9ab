// What senders are told about mail that could not be delivered, waits, or was delivered (RFC 3461, RFC 3464).
import PostalMime from 'postal-mime';
import { expect, test } from 'vitest';
import type { Zone } from '#test/support/dns-server.ts';
import { type OutboundLab, outboundLab, until } from '#test/support/outbound.ts';

const OTHER: Record<string, Zone> = {
  'other.test': { MX: [[10, 'mx.other.test']] },
  'mx.other.test': { A: ['127.0.0.2'] },
  'null.test': { MX: [[0, '.']] },
  'empty.test': { MX: [[10, 'nowhere.test']] },
  'self.test': { MX: [[10, 'mail.example.test']] },
  'broken.test': { rcode: 'SERVFAIL' },
};

interface Report {
  readonly text: string;
  /** The fields of the message, then of each recipient. */
  readonly status: readonly Record<string, string>[];
  readonly returned: { readonly type: string; readonly content: string };
  readonly raw: string;
}

/** The reports in anna's INBOX, read by somebody else's parser. */
async function reports(lab: OutboundLab, count: number): Promise<Report[]> {
  await until(async () => (await lab.smtp.inbox(lab.smtp.anna)).length >= count);
  const found = await lab.smtp.inbox(lab.smtp.anna);
  expect(found.length).toBe(count);
  return Promise.all(
    found.map(async (raw) => {
      const mail = await PostalMime.parse(Buffer.from(raw, 'latin1'), { forceRfc822Attachments: true });
      expect(mail.headers.find(({ key }) => key === 'content-type')?.value).toContain(
        'multipart/report; report-type=delivery-status',
      );
      const [status, returned] = mail.attachments;
      const textOf = (content: unknown) => Buffer.from(content as ArrayBuffer).toString();
      const blocks = textOf(status?.content)
        .trim()
        .split(/\r?\n\r?\n/);
      return {
        ...{ text: mail.text ?? '', raw },
        status: blocks.map((block) =>
          Object.fromEntries(
            block
              .replace(/\r?\n[ \t]+/g, ' ')
              .split(/\r?\n/)
              .map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1).trim()]),
          ),
        ),
        returned: { type: returned?.mimeType ?? '', content: textOf(returned?.content) },
      };
    }),
  );
}

test('a permanent refusal is told to the sender, with what the server said and his message', async () => {
  await using lab = await outboundLab(OTHER);
  await using _peer = await lab.peer(2, {
    act: (command) => (command.includes('<no@') ? '550-5.1.1 Nobody\r\n550 5.1.1 of that name\r\n' : undefined),
  });
  await lab.submit({ to: ['no@other.test', 'yes@other.test'], subject: 'important', text: 'the whole text' });
  const [report] = await reports(lab, 1);
  expect(report?.raw).toMatch(/^Return-Path: <>\r\n/);
  expect(report?.raw).toContain('From: Mail Delivery System <MAILER-DAEMON@mail.example.test>\r\n');
  expect(report?.raw).toContain('Auto-Submitted: auto-replied\r\n');
  expect(report?.text).toContain('<no@other.test>');
  expect(report?.text).toContain('550 5.1.1 Nobody of that name');
  expect(report?.text).not.toContain('yes@other.test');
  expect(report?.status).toEqual([
    { 'Reporting-MTA': 'dns; mail.example.test', 'Arrival-Date': expect.stringMatching(/^\w{3}, /) },
    {
      ...{ 'Final-Recipient': 'rfc822;no@other.test', Action: 'failed', Status: '5.1.1' },
      'Remote-MTA': 'dns; mx.other.test [127.0.0.2]',
      'Diagnostic-Code': 'smtp; 550 5.1.1 Nobody of that name',
      'Last-Attempt-Date': expect.stringMatching(/^\w{3}, /),
    },
  ]);
  expect(report?.returned.type).toBe('message/rfc822');
  expect(report?.returned.content).toContain('Subject: important');
  expect(report?.returned.content).toContain('the whole text');
  expect((await lab.smtp.store.queue.totals()).messages).toBe(0);
});

test.each([
  ['you@null.test', '5.1.10', 'takes no mail'],
  ['you@nobody.test', '5.4.4', 'no domain'],
  ['you@empty.test', '5.4.4', 'has an address'],
  ['you@self.test', '5.4.6', 'comes back'],
])('mail to %s is given back at once with %s', async (to, status, text) => {
  await using lab = await outboundLab(OTHER);
  await lab.submit({ to });
  const [report] = await reports(lab, 1);
  expect(report?.status[1]).toMatchObject({ 'Final-Recipient': `rfc822;${to}`, Action: 'failed', Status: status });
  expect(report?.text.replace(/\s+/g, ' ')).toContain(text);
});

test('a DNS that fails is no answer: the mail waits', async () => {
  await using lab = await outboundLab(OTHER);
  await lab.submit({ to: 'you@broken.test' });
  await lab.settled(1);
  const [listing] = await lab.smtp.store.queue.list({}, 0, 1);
  expect(listing?.recipients[0]).toMatchObject({ state: 'waiting', status: '4.4.3' });
  expect(await lab.smtp.inbox(lab.smtp.anna)).toEqual([]);
});

test('a delay is told once, and the end of all tries with the last reply', async () => {
  await using lab = await outboundLab(OTHER);
  await using _peer = await lab.peer(2, {
    act: (command) => (command.startsWith('RCPT') ? '451 4.7.1 Not now' : undefined),
  });
  await lab.submit({ to: 'you@other.test' });
  await lab.settled(1);
  for (let n = 2; n <= 4; n++) {
    lab.pass(5 * 3_600_000);
    await lab.settled(n);
  }
  const [delayed] = await reports(lab, 1);
  expect(delayed?.status[1]).toMatchObject({
    ...{ Action: 'delayed', Status: '4.7.1', 'Will-Retry-Until': expect.stringMatching(/^\w{3}, /) },
    'Diagnostic-Code': 'smtp; 451 4.7.1 Not now',
  });
  expect(delayed?.text.replace(/\s+/g, ' ')).toContain('You need not send it again');
  expect(delayed?.returned).toMatchObject({ type: 'text/rfc822-headers' });
  lab.pass(5 * 86_400_000);
  const [, failed] = await reports(lab, 2);
  expect(failed?.status[1]).toMatchObject({
    ...{ Action: 'failed', Status: '4.4.7', 'Diagnostic-Code': 'smtp; 451 4.7.1 Not now' },
  });
  expect((await lab.smtp.store.queue.totals()).messages).toBe(0);
});

test('a domain with times of its own is given up by them', async () => {
  await using lab = await outboundLab({
    'hasty.test': { MX: [[1, 'mx.hasty.test']] },
    'mx.hasty.test': { A: ['127.0.0.9'] },
  });
  await lab.submit({ to: 'you@hasty.test' });
  await lab.settled(1);
  lab.pass(400_000);
  const [report] = await reports(lab, 1);
  expect(report?.status[1]).toMatchObject({ Action: 'failed', Status: '4.4.7' });
});

test('NOTIFY=NEVER is told nothing, HDRS gets the header alone, ENVID and ORCPT come back', async () => {
  await using lab = await outboundLab(OTHER);
  await using _peer = await lab.peer(2, {
    act: (command) => (command.startsWith('RCPT') ? '550 5.1.1 Nobody' : undefined),
  });
  await lab.submit({ to: 'no@other.test', dsn: { id: 'x', return: 'headers', notify: 'never' } });
  await lab.settled(1);
  const dsn = { id: 'QQ=1', return: 'headers', notify: ['failure', 'delay'], recipient: 'first@other.test' } as const;
  await lab.submit({ to: 'no@other.test', text: 'not to come back', dsn: { ...dsn, notify: [...dsn.notify] } });
  const [report] = await reports(lab, 1);
  expect(report?.status[0]).toMatchObject({ 'Original-Envelope-Id': 'QQ=1' });
  expect(report?.status[1]).toMatchObject({ 'Original-Recipient': 'rfc822;first@other.test' });
  expect(report?.returned.type).toBe('text/rfc822-headers');
  expect(report?.returned.content).not.toContain('not to come back');
});

test('success is reported by whoever makes the last step that reports', async () => {
  await using lab = await outboundLab(OTHER);
  const dsn = { id: 'x', return: 'full', notify: ['success', 'failure'], recipient: 'you@other.test' } as const;
  const submit = (to: string) => lab.submit({ to, dsn: { ...dsn, notify: [...dsn.notify] } });
  {
    await using knows = await lab.peer(2, { extensions: ['DSN'] });
    await submit('you@other.test');
    await lab.settled(1);
    expect(knows.messages[0]).toMatchObject({
      mail: 'MAIL FROM:<anna@example.test> RET=FULL ENVID=x',
      recipients: ['RCPT TO:<you@other.test> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;you@other.test'],
    });
  }
  await using _old = await lab.peer(2);
  await submit('you@other.test');
  const [relayed] = await reports(lab, 1);
  expect(relayed?.status[1]).toMatchObject({ Action: 'relayed', Status: '2.0.0' });
  await submit('bert@example.test');
  const [, delivered] = await reports(lab, 2);
  expect(delivered?.status[1]).toMatchObject({ Action: 'delivered', 'Final-Recipient': 'rfc822;bert@example.test' });
  expect((await lab.smtp.inbox(lab.smtp.bert)).length).toBe(1);
});

test('mail from nobody is never reported on, whatever becomes of it', async () => {
  await using lab = await outboundLab(OTHER);
  const raw = [
    ...['From: anna@example.test', 'To: you@null.test', 'Subject: read', 'MIME-Version: 1.0'],
    ...['Content-Type: multipart/report; report-type=disposition-notification; boundary=b', '', '--b', '', 'read'],
    ...['--b', 'Content-Type: message/disposition-notification', '', 'Disposition: manual-action; displayed', '--b--'],
  ].join('\r\n');
  await lab.submit({ envelope: { from: '', to: 'you@null.test' }, raw });
  await lab.settled(1);
  expect(lab.outcomes).toEqual(['failed']);
  expect(await lab.smtp.inbox(lab.smtp.anna)).toEqual([]);
  expect((await lab.smtp.store.queue.totals()).messages).toBe(0);
});

test('addresses that are not ASCII are reported as they are', async () => {
  await using lab = await outboundLab(OTHER);
  await lab.submit({ to: 'jürgen@null.test' });
  const [report] = await reports(lab, 1);
  expect(report?.raw).toContain('Content-Type: message/global-delivery-status\r\n');
  expect(report?.status[1]).toMatchObject({ 'Final-Recipient': 'utf-8;jürgen@null.test' });
});

test('a hostile reply breaks neither the report nor the log', async () => {
  await using lab = await outboundLab(OTHER);
  const nasty = `550 5.1.1 \x1b[31m<script>${'x'.repeat(3_000)} --report-\0`;
  await using _peer = await lab.peer(2, { act: (command) => (command.startsWith('RCPT') ? nasty : undefined) });
  await lab.submit({ to: 'you@other.test' });
  const [report] = await reports(lab, 1);
  expect(report?.status[1]).toMatchObject({ Action: 'failed', Status: '5.1.1' });
  expect(Math.max(...(report?.raw.split('\r\n') ?? []).map((line) => line.length))).toBeLessThan(998);
  expect(/[^\P{Cc}\r\n\t]/u.test(report?.raw ?? '')).toBe(false);
});
