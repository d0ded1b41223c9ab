// What a thread collects of the programs that use the accounts, and when it writes it.
import pino from 'pino';
import { expect, test } from 'vitest';
import { DEVICE_CONTACTS } from '#src/limits.ts';
import { DeviceNotes } from '#src/observe/devices.ts';
import type { DeviceContact } from '#storage/ports.ts';

const log = pino({ level: 'silent' });

test('a program that comes again is written once, with its last contact, and its faults beside it', async () => {
  const written: DeviceContact[][] = [];
  let at = 0;
  await using notes = new DeviceNotes({
    devices: { note: async (contacts) => void written.push([...contacts]) },
    log,
    now: () => ++at,
  });
  notes.seen('a', 'imap', 'Thunderbird 153', '192.0.2.1');
  notes.failed('a', 'imap', 'Thunderbird 153', '192.0.2.1', 'The password was wrong.');
  notes.seen('a', 'imap', 'Thunderbird 153', '192.0.2.2');
  await notes.flush();
  expect(written).toEqual([
    [
      expect.objectContaining({ address: '192.0.2.2', at: 3, entered: true, fault: '' }),
      expect.objectContaining({ at: 2, entered: false, fault: 'The password was wrong.' }),
    ],
  ]);
});

test('many programs are written early, a write that fails is logged and not repeated, the rest is written at the end', async () => {
  const written: number[] = [];
  let fails = true;
  const lines: string[] = [];
  const logged = pino({ level: 'warn' }, { write: (line: string) => void lines.push(line) });
  {
    await using notes = new DeviceNotes({
      devices: {
        async note(contacts) {
          if (fails) throw new Error('no room');
          written.push(contacts.length);
        },
      },
      log: logged,
    });
    for (let n = 0; n <= DEVICE_CONTACTS; n++) notes.seen('a', 'smtp', `erp ${n}`, '192.0.2.1');
    await expect.poll(() => lines.length).toBe(1);
    fails = false;
  }
  expect(written).toEqual([1]);
});
