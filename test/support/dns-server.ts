// A DNS server for tests: dgram, a TCP socket beside it, and records in a table. It can also lie, be silent or be slow.
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { type Answer, decode, encode, type Packet } from 'dns-packet';

/** Records by name; `[preference, host]` is an MX. */
export interface Zone {
  readonly MX?: readonly (readonly [number, string])[];
  readonly A?: readonly string[];
  readonly AAAA?: readonly string[];
  readonly CNAME?: string;
  readonly TXT?: readonly string[];
  readonly PTR?: readonly string[];
  readonly TLSA?: readonly { usage: number; selector: number; matchingType: number; certificate: Buffer }[];
  /** An answer without records, under this response code. */
  readonly rcode?: 'SERVFAIL' | 'REFUSED';
  /** Says that it was validated. */
  readonly authentic?: boolean;
  readonly ttl?: number;
}

export interface DnsServerOptions {
  /** Replaces the answer by UDP: other bytes, several, or none. */
  readonly mangle?: (answer: Buffer, query: Packet) => readonly Buffer[];
  /** Answers by UDP have no room: TC is set, and the rest comes by TCP. */
  readonly truncate?: boolean;
}

export class TestDns implements AsyncDisposable {
  readonly zones: Map<string, Zone>;
  /** `MX example.test`, in the order in which they came. */
  readonly asked: string[] = [];
  options: DnsServerOptions;
  readonly #udp = createSocket('udp4');
  readonly #tcp = createServer();

  constructor(zones: Readonly<Record<string, Zone>>, options: DnsServerOptions) {
    this.zones = new Map(Object.entries(zones));
    this.options = options;
  }

  get port(): number {
    return this.#udp.address().port;
  }

  get servers(): { host: string; port: number }[] {
    return [{ host: '127.0.0.1', port: this.port }];
  }

  async start(): Promise<this> {
    while (!(await this.#listen()));
    this.#udp.on('message', (bytes, { port, address }) => {
      const query = decode(bytes);
      const answer = this.#answer(query, this.options.truncate === true);
      for (const reply of this.options.mangle?.(answer, query) ?? [answer]) this.#udp.send(reply, port, address);
    });
    this.#tcp.on('connection', (socket) => {
      socket.on('error', () => socket.destroy());
      socket.once('data', (bytes: Buffer) => {
        const answer = this.#answer(decode(bytes.subarray(2)), false);
        const length = Buffer.alloc(2);
        length.writeUInt16BE(answer.length);
        socket.end(Buffer.concat([length, answer]));
      });
    });
    return this;
  }

  /** The same port by TCP and by UDP; false if somebody else has it by UDP. */
  async #listen(): Promise<boolean> {
    this.#tcp.listen(0, '127.0.0.1');
    await once(this.#tcp, 'listening');
    this.#udp.bind((this.#tcp.address() as AddressInfo).port, '127.0.0.1');
    try {
      await once(this.#udp, 'listening');
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
      this.#tcp.close();
      await once(this.#tcp, 'close');
      return false;
    }
  }

  #answer(query: Packet, truncate: boolean): Buffer {
    const [question] = query.questions ?? [];
    const { name = '', type = 'A' } = question ?? {};
    this.asked.push(`${type} ${name}`);
    const zone = this.zones.get(name);
    const answers: Answer[] = [];
    const add = (at: string, records: Zone | undefined) => {
      const ttl = records?.ttl ?? 60;
      if (records?.CNAME !== undefined) {
        answers.push({ type: 'CNAME', name: at, ttl, data: records.CNAME });
        return;
      }
      if (type === 'MX') {
        for (const [preference, exchange] of records?.MX ?? []) {
          answers.push({ type: 'MX', name: at, ttl, data: { preference, exchange } });
        }
      }
      if (type === 'A') for (const data of records?.A ?? []) answers.push({ type: 'A', name: at, ttl, data });
      if (type === 'AAAA') for (const data of records?.AAAA ?? []) answers.push({ type: 'AAAA', name: at, ttl, data });
      if (type === 'TXT') {
        // RFC 1035 3.3: a string has 255 octets at most.
        for (const text of records?.TXT ?? []) {
          answers.push({ type: 'TXT', name: at, ttl, data: text.match(/.{1,255}/gs) ?? [''] });
        }
      }
      if (type === 'PTR') for (const data of records?.PTR ?? []) answers.push({ type: 'PTR', name: at, ttl, data });
      if (type === 'TLSA') {
        for (const data of records?.TLSA ?? []) answers.push({ type: 'TLSA', name: at, ttl, data } as Answer);
      }
    };
    add(name, zone);
    // RFC 1035 4.1.1: 2 is SERVFAIL, 3 NXDOMAIN, 5 REFUSED.
    const code = zone === undefined ? 3 : { SERVFAIL: 2, REFUSED: 5, '': 0 }[zone.rcode ?? ''];
    return encode({
      type: 'response',
      ...(query.id === undefined ? {} : { id: query.id }),
      flags: 0x0180 | (truncate ? 0x0200 : 0) | (zone?.authentic === true ? 0x0020 : 0) | code,
      questions: query.questions ?? [],
      answers: truncate ? [] : answers,
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#tcp.close();
    this.#udp.close();
    await once(this.#udp, 'close');
  }
}

/** `await using dns = await testDns({ 'example.test': { MX: [[10, 'mx.example.test']] } })`. */
export function testDns(zones: Readonly<Record<string, Zone>>, options: DnsServerOptions = {}): Promise<TestDns> {
  return new TestDns(zones, options).start();
}
