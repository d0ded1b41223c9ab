// The devices and programs that accounts are used with. They are no part of the directory that is followed, so no change
// of them is logged.

import type { DatabaseKey, Engine } from '../engines/port.ts';
import { all, type Op, run } from '../operation.ts';
import type { AccountId, Device, DeviceContact, Devices } from '../ports.ts';
import { DEVICE_TEXT, DEVICES } from './limits.ts';
import { accountById } from './rows.ts';

const DB: DatabaseKey = { kind: 'directory' };

interface Row {
  readonly protocol: Device['protocol'];
  readonly program: string;
  readonly address: string;
  readonly first_seen: number;
  readonly last_seen: number;
  readonly fault: string;
  readonly fault_at: number;
}

export class SqlDevices implements Devices {
  readonly #engine: Engine;

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  async note(contacts: readonly DeviceContact[]): Promise<void> {
    if (contacts.length > 0) await this.#engine.write(DB, () => note(contacts));
  }

  async list(owner: AccountId): Promise<Device[]> {
    const rows = await this.#engine.read(DB, () =>
      all<Row>(
        `SELECT protocol, program, address, first_seen, last_seen, fault, fault_at FROM device WHERE owner = $1
         LIMIT ${DEVICES}`,
        [owner],
      ),
    );
    return rows.map(presentDevice).toSorted((a, b) => latest(b) - latest(a));
  }
}

function* note(contacts: readonly DeviceContact[]): Op<void> {
  const known = new Map<AccountId, boolean>();
  for (const contact of contacts) {
    const { owner } = contact;
    if (!known.has(owner)) known.set(owner, (yield* accountById(owner)) !== undefined);
    if (known.get(owner) === true) yield* put(contact);
  }
  for (const [owner, there] of known) if (there) yield* forgetOldest(owner);
}

function* put({ owner, protocol, program, address, at, entered, fault }: DeviceContact): Op<void> {
  yield* run(
    `INSERT INTO device (owner, protocol, program, address, first_seen, last_seen, fault, fault_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
     ON CONFLICT (owner, protocol, program) DO UPDATE SET address = excluded.address,
       last_seen = CASE WHEN excluded.last_seen > device.last_seen THEN excluded.last_seen ELSE device.last_seen END,
       fault = CASE WHEN excluded.fault_at > device.fault_at THEN excluded.fault ELSE device.fault END,
       fault_at = CASE WHEN excluded.fault_at > device.fault_at THEN excluded.fault_at ELSE device.fault_at END`,
    [
      ...[owner, protocol, program.slice(0, DEVICE_TEXT), address, at],
      ...[entered ? at : 0, fault.slice(0, DEVICE_TEXT), fault === '' ? 0 : at],
    ],
  );
}

/** Of those that never got in, the longest known goes first. */
function* forgetOldest(owner: AccountId): Op<void> {
  const rows = yield* all<Pick<Row, 'protocol' | 'program'>>(
    `SELECT protocol, program FROM device WHERE owner = $1 ORDER BY last_seen DESC, fault_at DESC LIMIT 1000 OFFSET $2`,
    [owner, DEVICES],
  );
  for (const { protocol, program } of rows) {
    yield* run('DELETE FROM device WHERE owner = $1 AND protocol = $2 AND program = $3', [owner, protocol, program]);
  }
}

function presentDevice(row: Row): Device {
  const { protocol, program, address, first_seen: first, last_seen, fault, fault_at } = row;
  return {
    ...{ protocol, program, address, first },
    last: last_seen === 0 ? null : last_seen,
    fault: fault_at === 0 ? null : { text: fault, at: fault_at },
  };
}

function latest({ last, fault }: Device): number {
  return Math.max(last ?? 0, fault?.at ?? 0);
}
