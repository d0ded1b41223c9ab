// posthuis account devices: what an administrator sees of the programs that use an account.
import { expect, it } from 'vitest';
import { temporaryFolder } from '#test/support/folder.ts';
import { Installation } from '#test/support/installation.ts';
import { ImapWire, SmtpWire } from '#test/support/wire.ts';

it('lists the programs of an account by protocol, with what went wrong last', async () => {
  await using folder = await temporaryFolder();
  const listen = { imap: 0, submission: 0 };
  const program = new Installation({ folder: folder.path, threads: 2, listen, plaintext: true });
  await program.populate(['anna'], 'correct horse');
  expect((await program.run(['account', 'devices', 'nobody@example.test'])).status).toBe(1);
  const server = await program.serve();
  const imap = await ImapWire.open(server.port('imap'));
  await imap.command('ID ("name" "Pegasus" "version" "4.81")');
  expect(await imap.command('LOGIN anna wrong-horse')).toMatchObject({ status: 'NO' });
  await imap.login('anna', 'correct horse');
  await imap.command('LOGOUT');
  const smtp = await SmtpWire.open(server.port('submission'));
  await smtp.command('EHLO erp.example');
  await smtp.command(`AUTH PLAIN ${Buffer.from('\0anna\0correct horse').toString('base64')}`);
  await smtp.command('MAIL FROM:<somebody@else.example>');
  await smtp.command('QUIT');
  await smtp.wire.closed();
  await server.stop();
  const devices = JSON.parse(await program.ok(['account', 'devices', 'anna@example.test', '--json'])) as object[];
  expect(devices).toHaveLength(3);
  const address = '127.0.0.1';
  const at = expect.any(Number);
  expect(devices).toContainEqual({
    ...{ protocol: 'imap', program: 'Pegasus 4.81', address, first: at, last: at, fault: null },
  });
  expect(devices).toContainEqual({
    ...{ protocol: 'imap', program: '', address, first: at, last: null },
    fault: { text: 'The password was wrong.', at },
  });
  expect(devices).toContainEqual({
    ...{ protocol: 'smtp', program: 'erp.example', address, first: at, last: at },
    fault: { text: 'The From address does not belong to this login: the reply says how to allow it.', at },
  });
  expect(await program.ok(['account', 'devices', 'anna@example.test'])).toMatch(
    /^PROTOCOL +PROGRAM +ADDRESS +LAST CON/,
  );
});
