// Debian's Thunderbird, without a window: an account with 300 messages is opened over TLS, new mail comes by IDLE, what
// is done elsewhere is seen in it, and what is done in it is done here.
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { ImapWire } from '#test/support/wire.ts';
import { startThunderbird, type Thunderbird } from './marionette.ts';
import { client, deliver, list, message, PASSWORD, PATIENCE, type Server, startServer } from './tool.ts';

const MESSAGES = 300;

const INBOX = `
  const { MailServices } = ChromeUtils.importESModule('resource:///modules/MailServices.sys.mjs');
  const server = MailServices.accounts.accounts.map((account) => account.incomingServer).find(({ type }) => type === 'imap');
  const folder = (flag) => server.rootFolder.getFolderWithFlags(Ci.nsMsgFolderFlags[flag]);
  const inbox = folder('Inbox');
`;

/** An account on the TLS port. Nothing is asked of the server before the password is known. */
function account(port: number): Record<string, string | number | boolean> {
  const prefix = 'mail.server.server1.';
  const server = { type: 'imap', hostname: 'localhost', port, userName: 'anna@example.test', name: 'anna' };
  const behaviour = { socketType: 3, authMethod: 3, login_at_startup: false, check_new_mail: false, use_idle: true };
  return {
    ...Object.fromEntries(Object.entries({ ...server, ...behaviour }).map(([name, value]) => [prefix + name, value])),
    ...{ 'mail.accountmanager.accounts': 'account1', 'mail.accountmanager.defaultaccount': 'account1' },
    ...{ 'mail.account.account1.server': 'server1', 'mail.account.account1.identities': 'id1' },
    ...{ 'mail.identity.id1.useremail': 'anna@example.test', 'mail.identity.id1.valid': true },
    // Bodies are not fetched beforehand: what is told after such a FETCH, Thunderbird does not look at.
    ...{ [`${prefix}offline_download`]: false, 'mail.server.default.autosync_offline_stores': false },
    ...{ 'mail.spotlight.firstRunDone': true, 'mail.shell.checkDefaultClient': false },
  };
}

/** Waits until what the script returns is so. */
async function until(thunderbird: Thunderbird, body: string, wanted: unknown, ...args: unknown[]): Promise<void> {
  let seen: unknown;
  for (const end = performance.now() + PATIENCE; performance.now() < end; await sleep(200)) {
    seen = await thunderbird.script(INBOX + body, ...args);
    if (JSON.stringify(seen) === JSON.stringify(wanted)) return;
  }
  expect(seen).toEqual(wanted);
}

/** Waits until the connection of INBOX is in IDLE, which begins two seconds after its last command. */
async function idling(thunderbird: Thunderbird): Promise<void> {
  const last = () =>
    thunderbird
      .log()
      .match(/S-INBOX:(SendData: .*|HandleIdleResponses: .*)/g)
      ?.at(-1);
  await expect.poll(last, { timeout: PATIENCE }).toContain('idle mode async waiting');
}

/** The self-signed certificate is taken, the password is in the password store, the folders are asked for. */
async function open(thunderbird: Thunderbird): Promise<void> {
  await thunderbird.script(
    `${INBOX}
    Cc['@mozilla.org/security/certoverride;1'].getService(Ci.nsICertOverrideService)
      .setDisableAllSecurityChecksAndLetAttackersInterceptMyData(true);
    const login = Cc['@mozilla.org/login-manager/loginInfo;1'].createInstance(Ci.nsILoginInfo);
    login.init('imap://localhost', null, 'imap://localhost', 'anna@example.test', args[0], '', '');
    await Services.logins.addLoginAsync(login);
    server.password = args[0];
    server.performExpand(null);`,
    PASSWORD,
  );
  await until(
    thunderbird,
    `return [!!inbox, ...['Drafts', 'SentMail', 'Trash', 'Archive', 'Junk'].map((flag) => !!folder(flag))];`,
    [...[true, true, true, true, true, true]],
  );
}

/** Another program of the same user. */
async function elsewhere(server: Server, ...commands: readonly string[]): Promise<void> {
  const imap = await ImapWire.open(server.running.port('imaps'), { secure: true });
  await imap.login('anna@example.test', PASSWORD);
  await imap.ok('SELECT INBOX');
  for (const command of commands) await imap.ok(command);
  await imap.ok('LOGOUT');
  imap.wire.destroy();
}

client('thunderbird', () => {
  test('opens an account, hears of new mail, and flags and moves go both ways', async () => {
    await using server = await startServer();
    await deliver(
      server,
      Array.from({ length: MESSAGES }, (_, index) => message(`message ${index + 1}`)),
    );
    await using thunderbird = await startThunderbird(server.folder, account(server.running.port('imaps')));
    await open(thunderbird);
    await thunderbird.script(`${INBOX} inbox.updateFolder(null);`);
    const count = 'return inbox.getTotalMessages(false);';
    await until(thunderbird, count, MESSAGES);
    await until(
      thunderbird,
      'return [...inbox.messages].map((one) => one.mime2DecodedSubject).filter((subject) => /^message \\d+$/.test(subject)).length;',
      MESSAGES,
    );

    await idling(thunderbird);
    await deliver(server, [message('by IDLE')]);
    await until(thunderbird, count, MESSAGES + 1);

    await idling(thunderbird);
    await elsewhere(server, 'STORE 5 +FLAGS (\\Flagged \\Seen)');
    const find = '[...inbox.messages].find((one) => one.mime2DecodedSubject === args[0])';
    await until(thunderbird, `const one = ${find}; return [one.isFlagged, one.isRead];`, [true, true], 'message 5');
    await idling(thunderbird);
    await elsewhere(server, 'MOVE 7 Archive');
    await until(thunderbird, count, MESSAGES);
    await until(thunderbird, `return ${find} === undefined;`, true, 'message 7');

    await thunderbird.script(
      `${INBOX} await new Promise((resolve, reject) => MailServices.copy.copyMessages(inbox, [${find}], folder('Archive'), true,
        { onStartCopy() {}, onProgress() {}, setMessageKey() {}, getMessageId() { return null; },
          onStopCopy(status) { Components.isSuccessCode(status) ? resolve() : reject(status); } }, null, false));
      inbox.markMessagesRead([[...inbox.messages].find((one) => one.mime2DecodedSubject === 'message 10')], true);`,
      'message 9',
    );
    const subjects = async (mailbox: string) => (await list(server, mailbox)).map(({ subject }) => subject);
    await expect.poll(() => subjects('Archive'), { timeout: PATIENCE }).toEqual(['message 7', 'message 9']);
    await expect.poll(() => subjects('INBOX'), { timeout: PATIENCE }).not.toContain('message 9');
    const flags = async () => (await list(server, 'INBOX')).find(({ subject }) => subject === 'message 10')?.flags;
    await expect.poll(flags, { timeout: PATIENCE }).toContain('\\Seen');
  });
});
