// Which devices and programs the accounts are used with, collected in a thread and written now and then: a login costs no
// write, and what a killed server had not written yet is a contact of the last minute.

import type { Logger } from 'pino';
import type { AuthProtocol, DeviceKeeper } from '#protocols/ports.ts';
import type { AccountId, DeviceContact, Devices } from '#storage/ports.ts';
import { DEVICE_CONTACTS, DEVICES_MS } from '../limits.ts';

export interface DeviceNotesParts {
  readonly devices: Pick<Devices, 'note'>;
  readonly log: Logger;
  /** Unix ms. */
  readonly now?: () => number;
}

export class DeviceNotes implements DeviceKeeper, AsyncDisposable {
  readonly #parts: DeviceNotesParts;
  readonly #timer: NodeJS.Timeout;
  #contacts = new Map<string, DeviceContact>();
  #writing: Promise<void> = Promise.resolve();

  constructor(parts: DeviceNotesParts) {
    this.#parts = parts;
    this.#timer = setInterval(() => this.flush(), DEVICES_MS).unref();
  }

  seen(owner: AccountId, protocol: AuthProtocol, program: string, address: string): void {
    this.#note({ owner, protocol, program, address, at: this.#now(), entered: true, fault: '' });
  }

  failed(owner: AccountId, protocol: AuthProtocol, program: string, address: string, fault: string): void {
    this.#note({ owner, protocol, program, address, at: this.#now(), entered: false, fault });
  }

  /** Writes what there is. Never rejects: what can't be written is lost, and logged. */
  flush(): Promise<void> {
    const contacts = [...this.#contacts.values()];
    this.#contacts = new Map();
    this.#writing = this.#writing.then(() => this.#write(contacts));
    return this.#writing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    await this.flush();
  }

  async #write(contacts: readonly DeviceContact[]): Promise<void> {
    try {
      await this.#parts.devices.note(contacts);
    } catch (error) {
      this.#parts.log.warn({ err: error }, 'which programs the accounts are used with could not be written');
    }
  }

  #note(contact: DeviceContact): void {
    const { owner, protocol, program } = contact;
    const key = `${owner} ${protocol} ${contact.entered ? 'in' : 'out'} ${program}`;
    if (this.#contacts.size >= DEVICE_CONTACTS && !this.#contacts.has(key)) void this.flush();
    this.#contacts.set(key, contact);
  }

  #now(): number {
    return (this.#parts.now ?? Date.now)();
  }
}
