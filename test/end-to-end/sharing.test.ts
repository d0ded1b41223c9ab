// Sharing over two server threads: what one session gives or takes is so in the next command of another on the other
// thread, and a command of the administrator is too.
import { expect, test } from 'vitest';
import { temporaryFolder } from '#test/support/folder.ts';
import { Installation, type Running } from '#test/support/installation.ts';
import { ImapWire } from '#test/support/wire.ts';

const PASSWORD = 'correct horse';
const MAILBOX = '"Other Users/anna@example.test/Team"';
/** Changes of rights, each looked for at once. */
const TRIES = 300;

/** IMAP connections that the first thread has. */
async function onFirst(running: Running): Promise<number> {
  const page = await (await fetch(`http://127.0.0.1:${running.port('http')}/metrics`)).text();
  return Number(/posthuis_connections\{protocol="imap",thread="0"\} (\d+)/.exec(page)?.[1] ?? 0);
}

/** A session on the thread that is wanted; the kernel chooses. */
async function loginOn(running: Running, first: boolean, user: string): Promise<ImapWire> {
  for (;;) {
    const before = await onFirst(running);
    const client = await ImapWire.open(running.port('imap'));
    if ((await onFirst(running)) > before === first) {
      await client.login(`${user}@example.test`, PASSWORD);
      return client;
    }
    await client.ok('LOGOUT');
    client.wire.destroy();
    while ((await onFirst(running)) > before) await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

test('what is shared and no longer shared on one thread is so in the next command on the other', async () => {
  await using folder = await temporaryFolder();
  const installation = new Installation({ folder: folder.path, threads: 2, listen: { imap: 0, http: 0 } });
  await installation.populate(['anna', 'bert', 'carl'], PASSWORD);
  const running = await installation.serve();
  await running.ready;
  try {
    const anna = await loginOn(running, true, 'anna');
    const bert = await loginOn(running, false, 'bert');
    await anna.ok('CREATE Team');
    await anna.ok('APPEND Team', Buffer.from('Subject: x\r\n\r\ny\r\n'));
    for (let n = 0; n < TRIES; n++) {
      await anna.ok(`SETACL Team bert@example.test ${n % 2 === 0 ? 'lrs' : 'lr'}`);
      const { untagged } = await bert.ok(`MYRIGHTS ${MAILBOX}`);
      expect(untagged[0]?.text).toBe(`* MYRIGHTS ${MAILBOX} ${n % 2 === 0 ? 'lrs' : 'lr'}`);
    }
    // Each reader's \Seen is his on every thread.
    await anna.ok('SETACL Team bert@example.test lrs');
    const again = await loginOn(running, true, 'bert');
    await bert.ok(`SELECT ${MAILBOX}`);
    await again.ok(`SELECT ${MAILBOX}`);
    await bert.ok('STORE 1 +FLAGS.SILENT (\\Seen)');
    expect((await again.ok('SEARCH SEEN')).untagged.map(({ text }) => text)).toContain('* SEARCH 1');
    expect((await anna.ok('STATUS Team (UNSEEN)')).untagged[0]?.text).toBe('* STATUS "Team" (UNSEEN 1)');
    // A session in IDLE on the other thread ends.
    bert.wire.send('i IDLE\r\n');
    expect((await bert.response()).text).toBe('+ idling');
    await anna.ok('DELETEACL Team bert@example.test');
    expect((await bert.response()).text).toBe('* BYE The selected mailbox is no longer shared');
    const carl = await loginOn(running, false, 'carl');
    expect((await carl.ok('LIST "" "Other Users/*"')).untagged).toEqual([]);
    await installation.ok(['share', 'set', 'anna@example.test', 'Team', 'anyone', 'lr']);
    expect((await carl.ok('LIST "" "Other Users/*"')).untagged.map(({ text }) => text)).toEqual([
      `* LIST (\\HasNoChildren) "/" ${MAILBOX}`,
    ]);
  } finally {
    await running.stop();
  }
});
