// Routes by Microsoft Graph, against a local fake of its sendMail: what arrives, to whom, and what its refusals come to.
import { expect, test } from 'vitest';
import { withExactRecipients } from '#src/outbound/routes/exact-recipients.ts';
import { makeSigningKeys } from '#src/outbound/signing.ts';
import { type Cloud, cloud } from '#test/support/cloud.ts';
import { type OutboundLab, type OutboundLabOptions, outboundLab, until } from '#test/support/outbound.ts';

async function graph(
  work: (lab: OutboundLab, at: Cloud) => Promise<void>,
  table: object = {},
  more: OutboundLabOptions = {},
): Promise<void> {
  await using at = await cloud();
  const m365 = {
    ...{ name: 'm365', preset: 'microsoft365-graph', login: 'erp@example.test', client_id: 'app' },
    ...{ tenant: 'example.test', token_url: `${at.url}/token`, graph_url: `${at.url}/v1.0`, ...table },
  };
  await using lab = await outboundLab({}, { routes: [m365], routing: ['m365'], ...more });
  const credential = { route: 'm365', owner: '', kind: 'client-secret', login: '' } as const;
  await lab.smtp.store.routeCredentials.set(credential, at.secret);
  await work(lab, at);
}

const waiting = async (lab: OutboundLab) =>
  (await lab.smtp.store.queue.list({}, 0, 100)).flatMap(({ recipients }) => recipients);

test('a message arrives as it is, for exactly its recipients', () =>
  graph(async (lab, at) => {
    await lab.smtp.store.signingKeys.add('example.test', 'p1', await makeSigningKeys('p1'));
    await lab.submit({
      ...{ to: ['You <you@other.test>', 'bert@example.test'], cc: 'they@third.test', bcc: 'hidden@fourth.test' },
      ...{ subject: 'Grüße', attachments: [{ filename: 'a.bin', content: Buffer.alloc(2_000, 7) }] },
    });
    await lab.settled(4);
    expect(lab.outcomes).toEqual(Array(4).fill('sent'));
    expect((await lab.smtp.inbox(lab.smtp.bert)).length).toBe(1);
    const [mail] = at.mails;
    expect(at.mails.length).toBe(1);
    expect(mail?.user).toBe('erp@example.test');
    expect(mail?.mime).toMatch(/^To: "?You"? <you@other\.test>\r$/m);
    expect(mail?.mime).toMatch(/^Cc: they@third\.test\r$/m);
    expect(mail?.mime).toMatch(/^Bcc: <hidden@fourth\.test>\r$/m);
    expect(mail?.mime).not.toMatch(/bert@example\.test|DKIM-Signature/);
    expect(mail?.mime).toContain('Subject: =?UTF-8?');
    expect(mail?.mime).toContain(Buffer.alloc(2_000, 7).toString('base64').slice(0, 60));
  }));

const MB = 1024 ** 2;

test('a message that is too large for one request arrives with all that was in it', () =>
  graph(async (lab, at) => {
    const pdf = Buffer.alloc(9 * MB + 123, 7);
    const image = Buffer.alloc(2 * MB, 9);
    await lab.submit({
      ...{
        to: 'a@other.test',
        cc: 'b@other.test',
        bcc: 'hidden@other.test',
        subject: 'Large',
        html: '<img src="cid:i@x">',
      },
      ...{ text: 'see below', headers: { 'X-Own': 'kept' } },
      attachments: [
        { filename: 'Grüße.pdf', content: pdf },
        { filename: 'logo.png', content: image, cid: 'i@x' },
        { filename: 'small.txt', content: 'a few words' },
      ],
    });
    await lab.settled(3);
    expect(lab.outcomes).toEqual(Array(3).fill('sent'));
    expect(at.steps).toEqual([...['POST messages', 'POST createUploadSession', 'PUT', 'PUT', 'PUT', 'POST send']]);
    const [mail, ...more] = at.mails;
    expect([more, at.posts, at.drafts.size]).toEqual([[], 0, 0]);
    expect(mail?.mime).toMatch(/^Bcc: <hidden@other\.test>\r$/m);
    expect(mail?.mime).toMatch(/^X-Own: kept\r$/m);
    for (const kept of ['see below', 'cid:i@x', 'logo.png', 'small.txt']) expect(mail?.mime).toContain(kept);
    expect(mail?.mime).not.toContain('pdf');
    expect(mail?.attachments.map(({ content, ...about }) => [about, content.equals(pdf)])).toEqual([
      [{ name: 'Grüße.pdf', contentType: 'application/pdf', isInline: false }, true],
    ]);
  }));

test('attachments that are small each go by themselves, and pictures stay in their text', () =>
  graph(async (lab, at) => {
    const content = (byte: number) => Buffer.alloc(1.5 * MB, byte);
    await lab.submit({
      ...{ to: 'a@other.test', html: '<img src="cid:i@x">' },
      attachments: [
        { filename: '1.bin', content: content(1) },
        { filename: '2.bin', content: content(2) },
        {
          filename: 'i.png',
          content: Buffer.concat([content(3), content(3)].map((c) => c.subarray(0, MB))),
          cid: 'i@x',
        },
      ],
    });
    await lab.settled(1);
    expect(lab.outcomes).toEqual(['sent']);
    const [mail] = at.mails;
    expect(mail?.attachments.map(({ name, contentId, isInline }) => [name, contentId, isInline])).toEqual([
      ['i.png', 'i@x', true],
      ['1.bin', undefined, false],
    ]);
    expect(mail?.attachments[1]?.content.equals(content(1))).toBe(true);
    expect(mail?.mime).toContain('2.bin');
  }));

test('what goes wrong with a draft leaves none behind, and sends nothing twice', () =>
  graph(async (lab, at) => {
    const mail = (n: number) => ({
      ...{ to: `u${n}@other.test`, attachments: [{ filename: 'a.bin', content: Buffer.alloc(4 * MB, n) }] },
    });
    const steps: readonly (readonly [string, 'cut' | number, string])[] = [
      ['POST messages', 403, '4.7.8'],
      ['POST createUploadSession', 500, '4.3.0'],
      ['PUT', 413, '5.3.4'],
      ['PUT', 'cut', '4.4.2'],
      ['POST send', 400, '5.6.0'],
    ];
    const said: string[] = [];
    const { settle } = lab.smtp.store.queue;
    lab.smtp.store.queue.settle = (told, reports) => {
      // Reports about them are delivered here meanwhile.
      said.push(...told.map(({ status }) => status).filter((status) => !status.startsWith('2')));
      return settle.call(lab.smtp.store.queue, told, reports);
    };
    for (const [n, [what, how, status]] of steps.entries()) {
      at.failDraft = (step) => {
        if (step !== what) return undefined;
        return how === 'cut' ? 'cut' : { status: how, body: { error: { code: 'ErrorAccessDenied', message: 'no' } } };
      };
      await lab.submit(mail(n));
      await until(() => said.length > n);
      expect([what, said[n], at.drafts.size, at.mails.length]).toEqual([what, status, 0, 0]);
    }
    expect((await waiting(lab)).map(({ reply }) => reply)[0]).toContain('needs the permission Mail.ReadWrite');
    const [first] = await lab.smtp.store.queue.list({}, 0, 1);
    const [attempt] = await lab.smtp.store.queue.attempts(first?.id ?? 0);
    expect(attempt?.transcript).not.toMatch(/authtoken|access-/);
    // The route did not rest for it: small ones go on.
    at.failDraft = () => undefined;
    await lab.submit({ to: 'small@other.test' });
    await until(() => at.mails.length > 0);
  }));

test('a draft that could not be taken away is taken away by the next attempt, whoever was restarted meanwhile', () =>
  graph(async (lab, at) => {
    const { queue } = lab.smtp.store;
    at.failDraft = (step) => (step === 'PUT' || step.startsWith('DELETE') ? 'cut' : undefined);
    await lab.submit({ to: 'a@other.test', attachments: [{ filename: 'a.bin', content: Buffer.alloc(4 * MB, 1) }] });
    await lab.settled(1);
    expect([lab.outcomes, at.drafts.size, (await queue.drafts('=m365')).length]).toEqual([['waiting'], 1, 1]);
    await lab.restart();
    at.failDraft = () => undefined;
    at.steps.length = 0;
    lab.pass(400_000);
    await lab.settled(2);
    expect([lab.outcomes, at.drafts.size, at.mails.length]).toEqual([['waiting', 'sent'], 0, 1]);
    expect(at.steps.slice(0, 2)).toEqual(['DELETE', 'POST messages']);
    expect(await queue.drafts('=m365')).toEqual([]);
    // Nobody hears whether it was sent: what was sent stays, and is no draft any more.
    at.failDraft = (step) => {
      if (step !== 'POST send') return undefined;
      at.drafts.clear();
      return 'cut';
    };
    await lab.submit({ to: 'b@other.test', attachments: [{ filename: 'a.bin', content: Buffer.alloc(4 * MB, 2) }] });
    await lab.settled(3);
    expect(await queue.drafts('=m365')).toHaveLength(1);
    at.failDraft = () => undefined;
    lab.pass(400_000);
    await lab.settled(4);
    expect([lab.outcomes.at(-1), at.mails.length]).toEqual(['sent', 2]);
    expect(await queue.drafts('=m365')).toEqual([]);
  }));

test('that the permission for large messages is missing is an alert', async () => {
  const { pino } = await import('pino');
  const lines: string[] = [];
  const log = pino({ level: 'warn' }, { write: (line: string) => void lines.push(line) });
  await graph(
    async (lab, at) => {
      at.failDraft = () => ({ status: 403, body: { error: { code: 'ErrorAccessDenied', message: 'no' } } });
      await lab.submit({ to: 'a@other.test', attachments: [{ filename: 'a.bin', content: Buffer.alloc(4 * MB, 1) }] });
      await until(() => lines.length > 0);
      expect(JSON.parse(lines[0] ?? '')).toMatchObject({
        alert: true,
        reply: expect.stringContaining('Mail.ReadWrite'),
      });
    },
    {},
    { log },
  );
});

test('a text that is too large for one request comes back', () =>
  graph(async (lab, at) => {
    await lab.submit({ to: 'a@other.test', text: 'word '.repeat(MB) });
    await lab.settled(1);
    // The report about it is delivered here at once.
    expect([lab.outcomes[0], at.steps]).toEqual(['failed', []]);
  }));

test('a message that is too large for the route is refused when it is handed in', () =>
  graph(
    async (lab, at) => {
      const content = Buffer.alloc(3 * MB, 7);
      await expect(lab.submit({ to: 'a@other.test', attachments: [{ filename: 'a', content }] })).rejects.toThrow(
        /552 5\.3\.4 .* route m365, by which <a@other\.test> is sent, takes 3145728/,
      );
      expect(at.posts).toBe(0);
    },
    { max_size: '3MB' },
  ));

test('refusals of the message fail for good, those of our login wait', async () => {
  const error = (code: string) => ({ error: { code, message: 'no' } });
  const cases: readonly (readonly [number, object, 'failed' | 'waiting', string])[] = [
    [413, {}, 'failed', '5.3.4'],
    [400, error('ErrorMessageSizeExceeded'), 'failed', '5.3.4'],
    [400, error('ErrorInvalidRecipients'), 'failed', '5.1.3'],
    [403, error('ErrorSendAsDenied'), 'failed', '5.7.60'],
    [400, error('ErrorMimeContentInvalidBase64String'), 'failed', '5.6.0'],
    [403, error('ErrorAccessDenied'), 'waiting', '4.7.8'],
    [404, error('ErrorInvalidUser'), 'waiting', '4.7.8'],
    [500, error('ErrorInternalServerError'), 'waiting', '4.3.0'],
    [503, {}, 'waiting', '4.7.0'],
  ];
  for (const [status, body, state, enhanced] of cases) {
    await graph(async (lab, at) => {
      at.failSend = () => ({ status, body });
      const results: string[] = [];
      const { settle } = lab.smtp.store.queue;
      lab.smtp.store.queue.settle = (told, reports) => {
        results.push(...told.map((result) => `${result.state} ${result.status}`));
        return settle.call(lab.smtp.store.queue, told, reports);
      };
      await lab.submit({ to: 'a@other.test' });
      await lab.settled(1);
      expect([status, results[0]]).toEqual([status, `${state} ${enhanced}`]);
    });
  }
});

test('a throttled mailbox is left alone as long as it asks for', () =>
  graph(async (lab, at) => {
    at.failSend = () => ({
      status: 429,
      headers: { 'retry-after': '700' },
      body: { error: { code: 'TooManyRequests' } },
    });
    await lab.submit({ to: 'a@other.test' });
    await lab.settled(1);
    const { queue } = lab.smtp.store;
    await until(async () => ((await queue.nextDue(lab.now())) ?? 0) - lab.now() > 600_000);
    expect((await waiting(lab))[0]?.reply).toMatch(/^451 4\.7\.0 Microsoft Graph: 429 TooManyRequests/);
    at.failSend = () => undefined;
    lab.pass(701_000);
    await lab.settled(2);
    expect(lab.outcomes).toEqual(['waiting', 'sent']);
  }));

test('a token that Graph does not take any more is renewed once', () =>
  graph(async (lab, at) => {
    await lab.submit({ to: 'a@other.test' });
    await lab.settled(1);
    at.tokens.clear();
    await lab.submit({ to: 'b@other.test' });
    await lab.settled(2);
    expect(lab.outcomes).toEqual(['sent', 'sent']);
    expect([at.posts, at.asked.length]).toEqual([3, 2]);
    at.failSend = () => ({ status: 401, body: {} });
    await lab.submit({ to: 'c@other.test' });
    await lab.settled(3);
    expect(lab.outcomes.at(-1)).toBe('waiting');
    const [listing] = await lab.smtp.store.queue.list({}, 0, 1);
    const [attempt] = await lab.smtp.store.queue.attempts(listing?.id ?? 0);
    expect(attempt?.transcript).toMatch(/^C: POST .*\/users\/erp%40example\.test\/sendMail/m);
    expect(attempt?.transcript).not.toContain('access-');
  }));

test('lists of recipients are made exact, whatever they look like', () => {
  const exact = (header: string, ...recipients: string[]) =>
    Buffer.from(withExactRecipients(Buffer.from(`${header}\r\n\r\nTo: body\r\n`), recipients)).toString();
  const rest = '\r\nTo: body\r\n';
  expect(exact('To: A@b.test', 'a@B.TEST')).toBe(`To: A@b.test\r\n${rest}`);
  expect(exact('To: undisclosed-recipients:;', 'a@b.test')).toBe(
    `To: undisclosed-recipients:;\r\nBcc: <a@b.test>\r\n${rest}`,
  );
  expect(exact('To: "X, Y" <a@b.test>,\r\n c@d.test\r\nCc: a@b.test, e@f.test', 'a@b.test')).toBe(
    `To: "X, Y" <a@b.test>\r\n${rest}`,
  );
  expect(exact('To: =?utf-8?q?=C3=A9?= <a@b.test>, "odd name"@d.test, x@y.test', 'a@b.test', '"odd name"@d.test')).toBe(
    `To: =?utf-8?q?=C3=A9?= <a@b.test>,\r\n "odd name"@d.test\r\n${rest}`.replace(
      '"odd name"@d.test',
      '<"odd name"@d.test>',
    ),
  );
  expect(exact('Bcc: old@x.test\r\nSubject: s', 'a@b.test', 'c@d.test')).toBe(
    `Subject: s\r\nBcc: <a@b.test>,\r\n <c@d.test>\r\n${rest}`,
  );
});
