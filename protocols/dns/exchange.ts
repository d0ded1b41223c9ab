// One question to one server and back: by UDP, and by TCP when the answer did not fit (RFC 1035 4.2, RFC 7766). What is
// no answer to this very question is not listened to; who answers is checked by the kernel (a connected socket) and by a
// random id and port.

import { randomInt } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { connect, isIPv6 } from 'node:net';
import { type DecodedPacket, decode, encode, type Packet } from 'dns-packet';
import { STRAY_DATAGRAMS, TCP_MS, UDP_OCTETS } from './limits.ts';

/** RFC 1035 4.1.1, RFC 4035 3.2.3: recursion is desired, and whether the answer was validated. */
const FLAGS = 0x0100 | 0x0020;

export type QuestionType = 'A' | 'AAAA' | 'MX' | 'TXT' | 'TLSA' | 'SOA' | 'PTR' | 'CNAME';

export interface Question {
  readonly name: string;
  readonly type: QuestionType;
}

/** A DNS server: an address and a port. */
export interface DnsServer {
  readonly host: string;
  readonly port: number;
}

/** Asks a server once. Rejects when it does not answer in time, or in a way that can't be read. */
export async function exchange(server: DnsServer, question: Question, waitMs: number): Promise<DecodedPacket> {
  const id = randomInt(0x10000);
  const query = encode({
    type: 'query',
    id,
    flags: FLAGS,
    questions: [{ ...question, class: 'IN' }],
    additionals: [
      { type: 'OPT', name: '.', udpPayloadSize: UDP_OCTETS, flags: 0, extendedRcode: 0, ednsVersion: 0, options: [] },
    ] as unknown as NonNullable<Packet['additionals']>,
  });
  const answer = await byUdp(server, query, (bytes) => answerTo(bytes, id, question), waitMs);
  if (!answer.flag_tc) return answer;
  const whole = answerTo(await byTcp(server, query), id, question);
  if (whole === undefined) throw new Error('an answer by TCP to another question');
  return whole;
}

/** The packet, if it answers the question; undefined for anything else. */
export function answerTo(bytes: Buffer, id: number, { name, type }: Question): DecodedPacket | undefined {
  try {
    const packet = decode(bytes);
    const [asked, more] = packet.questions ?? [];
    const same = asked !== undefined && more === undefined && asked.type === type && sameName(asked.name, name);
    return packet.flag_qr && packet.id === id && same ? packet : undefined;
  } catch (error) {
    if (error instanceof Error) return undefined; // not a DNS message
    throw error;
  }
}

export function sameName(a: string, b: string): boolean {
  return plainName(a) === plainName(b);
}

/** A name without its last dot, in lower case. */
export function plainName(name: string): string {
  return (name.endsWith('.') ? name.slice(0, -1) : name).toLowerCase();
}

function byUdp(
  { host, port }: DnsServer,
  query: Uint8Array,
  read: (bytes: Buffer) => DecodedPacket | undefined,
  waitMs: number,
): Promise<DecodedPacket> {
  const socket = createSocket(isIPv6(host) ? 'udp6' : 'udp4');
  const { promise, resolve, reject } = Promise.withResolvers<DecodedPacket>();
  const timer = setTimeout(() => reject(new Error(`${host} does not answer`)), waitMs);
  let strays = 0;
  socket.on('error', reject);
  socket.on('message', (bytes) => {
    const answer = read(bytes);
    if (answer !== undefined) resolve(answer);
    else if (++strays > STRAY_DATAGRAMS) reject(new Error(`${host} sends answers that nobody asked for`));
  });
  socket.connect(port, host, (error?: Error) => {
    if (error !== undefined && error !== null) reject(error);
    else socket.send(query);
  });
  return promise.finally(() => {
    clearTimeout(timer);
    socket.close();
  });
}

/** RFC 7766 8: two octets of length, then the message. */
function byTcp({ host, port }: DnsServer, query: Uint8Array): Promise<Buffer> {
  const socket = connect({ host, port });
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const timer = setTimeout(() => reject(new Error(`${host} does not answer by TCP`)), TCP_MS);
  let received = Buffer.alloc(0);
  const length = Buffer.alloc(2);
  length.writeUInt16BE(query.length);
  socket.on('error', reject);
  socket.on('close', () => reject(new Error(`${host} ended its answer by TCP early`)));
  socket.on('connect', () => socket.write(Buffer.concat([length, query])));
  socket.on('data', (chunk: Buffer) => {
    received = Buffer.concat([received, chunk]); // at most 65,537 octets are looked at
    const end = received.length < 2 ? Number.POSITIVE_INFINITY : 2 + received.readUInt16BE(0);
    if (received.length >= end) resolve(received.subarray(2, end));
  });
  return promise.finally(() => {
    clearTimeout(timer);
    socket.destroy();
  });
}
