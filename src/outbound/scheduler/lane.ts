// One destination that is worked on: what is due for it, and the carriers (sessions) to it. The number of sessions begins small,
// grows with what is delivered and shrinks with what breaks off; where nobody answers, all that was due is put off and
// the destination is left alone for a while.

import type { Logger } from 'pino';
import type { ServerReply } from '#protocols/smtp/client/reply.ts';
import { SessionFailure } from '#protocols/smtp/client/session.ts';
import type { Turns } from '#storage/blobs/turns.ts';
import { StoreError } from '#storage/errors.ts';
import {
  type AttemptResult,
  type Directory,
  Notify,
  type Queue,
  type QueuedMessage,
  type QueuedRecipient,
  type QueueId,
  type QueueListing,
} from '#storage/ports.ts';
import { type Carrier, type Destination, NoRoute, type Rest, type TlsNeed } from '../carrier.ts';
import { DEAD_MS, LOADED, LOSSES, REST_MS, SESSION_MESSAGES, WINDOW } from '../limits.ts';
import { type SevenBitParts, toSevenBit } from '../seven-bit.ts';
import { suppressedReply } from '../suppressed.ts';
import { verpSender } from '../verp.ts';
import { deliverLocally, type LocalParts } from './local.ts';
import { type Attempted, type OutcomeParts, writeOutcome } from './outcome.ts';

export interface LaneParts extends LocalParts, OutcomeParts, SevenBitParts {
  readonly queue: Queue;
  readonly directory: Pick<Directory, 'account' | 'resolve'>;
  /** Where a lane goes. */
  readonly destination: (lane: string) => Destination;
  /** Sessions of all lanes. */
  readonly turns: Turns;
  readonly log: Logger;
  /** Counts what became of recipients. */
  delivered(state: AttemptResult['state'], count: number): void;
}

/** What the scheduler is handed; the turns are its own. */
export type SchedulerParts = Omit<LaneParts, 'turns'>;

/** Recipients of one message that go in one transaction. */
interface Group {
  readonly queued: QueueId;
  readonly recipients: readonly QueuedRecipient[];
}

export class Lane {
  /** A domain, or a route. */
  readonly domain: string;
  readonly #parts: LaneParts;
  readonly #destination: Destination;
  readonly #idle = Promise.withResolvers<void>();
  /** Recipients that are loaded and not settled, by message and number. */
  readonly #taken = new Set<string>();
  readonly #carriers = new Set<Carrier>();
  readonly #cut = new AbortController();
  #pending: Group[] = [];
  #loading: Promise<void> | null = null;
  #window: number;
  #workers = 0;
  /** Those that have not yet taken their first group. */
  #starting = 0;
  /** Times in a row that nobody answered, before this. */
  #failures: number;
  #losses = 0;
  #stopped = false;
  #fault: unknown = null;

  constructor(domain: string, failures: number, parts: LaneParts) {
    this.domain = domain;
    this.#failures = failures;
    this.#parts = parts;
    this.#destination = parts.destination(domain);
    this.#window = Math.min(WINDOW.first, this.#destination.most);
  }

  /** Works until nothing is due here, or nobody answers. Rejects with a fault of our own. */
  async run(): Promise<void> {
    await this.#load();
    // What the destination's row promised is not there (any more): the row is made right.
    if (this.#pending.length === 0) return this.#parts.queue.postpone(this.domain, 0, this.#failures);
    this.#spawn();
    await this.#idle.promise;
    if (this.#fault !== null) throw this.#fault;
  }

  /** Begins nothing new. */
  stop(): void {
    this.#stopped = true;
  }

  /** Breaks off what is in hand. */
  cut(): void {
    this.#cut.abort();
  }

  #spawn(): void {
    while (!this.#stopped && this.#workers < Math.floor(this.#window) && this.#starting < this.#pending.length) {
      this.#workers++;
      this.#starting++;
      void this.#parts.turns
        .run(() => this.#work())
        .then(
          () => this.#left(null),
          (error: unknown) => this.#left(error),
        );
    }
    if (this.#workers === 0) this.#idle.resolve();
  }

  #left(fault: unknown): void {
    this.#workers--;
    if (fault !== null) {
      this.#fault ??= fault;
      this.#stopped = true;
    }
    if (this.#workers === 0) this.#idle.resolve();
  }

  /** One session after the other, as long as there is something to send. */
  async #work(): Promise<void> {
    let carrier: Carrier | null = null;
    let sent = 0;
    let first = true;
    try {
      while (!this.#stopped && this.#workers <= Math.ceil(this.#window)) {
        const group = await this.#next();
        if (first) this.#starting--;
        first = false;
        if (group === undefined) return;
        if (carrier !== null && (!carrier.usable || sent++ >= SESSION_MESSAGES)) {
          await this.#end(carrier);
          carrier = null;
          sent = 0;
        }
        carrier = await this.#attempt(group, carrier);
        if (!this.#stopped) this.#spawn();
      }
    } finally {
      if (first) this.#starting--;
      if (carrier !== null) await this.#end(carrier);
    }
  }

  async #end(carrier: Carrier): Promise<void> {
    this.#carriers.delete(carrier);
    await carrier.end();
  }

  async #next(): Promise<Group | undefined> {
    if (this.#pending.length === 0) await this.#load();
    return this.#pending.shift();
  }

  #load(): Promise<void> {
    this.#loading ??= this.#loadNow().finally(() => {
      this.#loading = null;
    });
    return this.#loading;
  }

  async #loadNow(): Promise<void> {
    const { queue, now } = this.#parts;
    const rows = await queue.recipients(this.domain, now(), this.#taken.size + LOADED);
    const groups = new Map<QueueId, QueuedRecipient[]>();
    for (const row of rows) {
      const key = keyOf(row);
      if (this.#taken.has(key)) continue;
      this.#taken.add(key);
      const group = groups.get(row.queued);
      if (group === undefined) groups.set(row.queued, [row]);
      else group.push(row);
    }
    for (const [queued, recipients] of groups) {
      const most = this.#destination.recipients;
      for (let at = 0; at < recipients.length; at += most) {
        this.#pending.push({ queued, recipients: recipients.slice(at, at + most) });
      }
    }
  }

  /** Tries one group; the carrier that the next one can use. */
  async #attempt(loaded: Group, carrier: Carrier | null): Promise<Carrier | null> {
    // Held, removed or settled meanwhile: what was loaded is looked at again before it is sent.
    const [message] = await this.#parts.queue.list({ id: loaded.queued }, 0, 1);
    const recipients = loaded.recipients.filter((one) => stillWaits(one, message));
    this.#release(loaded.recipients.filter((one) => !recipients.includes(one)));
    if (message === undefined || recipients.length === 0) return carrier;
    if (message.verp !== undefined && recipients.length > 1) {
      for (const one of recipients) this.#pending.unshift({ queued: loaded.queued, recipients: [one] });
      return carrier;
    }
    return await this.#send(message, recipients, carrier);
  }

  async #send(
    queued: QueuedMessage,
    waiting: readonly QueuedRecipient[],
    carrier: Carrier | null,
  ): Promise<Carrier | null> {
    const { verp } = queued;
    const to = waiting[0]?.address ?? '';
    const message = verp === undefined ? queued : { ...queued, sender: verpSender(queued.sender, to, verp) };
    if (this.#destination.direct && (await this.#isLocal({ queued: queued.id, recipients: waiting }))) {
      const group = { queued: queued.id, recipients: waiting };
      const replies = await deliverLocally(this.#parts, message, group.recipients);
      const place = { host: this.#parts.hostname, tls: '', transcript: '', kind: 'local' as const };
      await this.#settle({ message, recipients: group.recipients, replies, ...place });
      return carrier;
    }
    const recipients = await this.#unobstructed(message, waiting);
    if (recipients.length === 0) return carrier;
    const until = await this.#destination.admit(recipients.length);
    if (until !== null) {
      await this.#restUntil(until);
      return carrier;
    }
    const group = { queued: queued.id, recipients };
    const need = needOf(message);
    if (carrier !== null) {
      if (carrier.need === undefined || carrier.need === need) return this.#transact(message, group, carrier);
      await this.#end(carrier);
    }
    let opened: Carrier;
    try {
      opened = await this.#destination.connect(this.#cut.signal, need);
    } catch (error) {
      await this.#destination.takeBack?.(recipients.length);
      if (!(error instanceof NoRoute)) throw error;
      // What one message asks for says nothing of the others.
      if (need === 'required') await this.#settle(fail(message, group, error.reply, error.host, error.transcript));
      else await this.#unreachable(message, group, error);
      return null;
    }
    this.#carriers.add(opened);
    return this.#transact(message, group, opened);
  }

  /** Those that may be sent to: not of an account whose mail is held, nor to an address that refuses all mail. */
  async #unobstructed(
    message: QueuedMessage,
    recipients: readonly QueuedRecipient[],
  ): Promise<readonly QueuedRecipient[]> {
    const { queue } = this.#parts;
    const addresses = recipients.map(({ address }) => address);
    const { held, suppressed } = await queue.obstacles(message.owner, addresses);
    if (held) {
      await queue.change('hold', { id: message.id });
      this.#release(recipients);
      return [];
    }
    if (suppressed.size === 0) return recipients;
    const refused = recipients.filter(({ address }) => suppressed.has(address));
    const replies = refused.map(({ address }) => suppressedReply(address, suppressed.get(address) ?? ''));
    const place = { host: '', tls: '', transcript: '', kind: 'silent' as const };
    await this.#settle({ message, recipients: refused, replies, ...place });
    return recipients.filter(({ address }) => !suppressed.has(address));
  }

  async #isLocal({ recipients: [first] }: Group): Promise<boolean> {
    const { kind } = await this.#parts.directory.resolve(first?.address ?? '');
    return kind !== 'foreign';
  }

  async #transact(message: QueuedMessage, group: Group, carrier: Carrier): Promise<Carrier | null> {
    const { recipients } = group;
    try {
      const content = await this.#parts.queue.content(message.id);
      const { envelopeId, returnFull } = message;
      const said =
        !returnFull || envelopeId !== '' || !recipients.every(({ notify }) => (notify & Notify.unsaid) !== 0);
      const { replies, dsn, rest, alert } = await carrier.carry({
        envelope: { ...message, returnFull: said ? returnFull : null },
        recipients: recipients.map(({ address, notify, original }) => ({
          ...{ address, original, notify: (notify & Notify.unsaid) === 0 ? notify : null },
        })),
        content: () => content.read(),
        sevenBit: () => toSevenBit(this.#parts, message, content),
      });
      this.#losses = 0;
      if (rest === undefined) await this.#succeeded();
      const kind = dsn ? 'reports' : 'silent';
      const { host, tls, transcript } = carrier;
      await this.#settleSome({ message, recipients, replies, host, tls, transcript: transcript.text, kind });
      transcript.clear();
      if (alert !== undefined) {
        const about = { domain: this.domain, host, queued: message.id, reply: alert.text };
        this.#parts.log.warn({ ...about, alert: true }, 'messages like this one can not go');
      }
      if (rest !== undefined) await this.#rest(rest, host);
      return carrier;
    } catch (error) {
      this.#carriers.delete(carrier);
      carrier.destroy();
      const reply = broken(error);
      const { host, tls, transcript } = carrier;
      await this.#settle({ ...fail(message, group, reply, host, transcript.text), tls });
      if (!(error instanceof SessionFailure)) return null;
      this.#window = Math.max(1, this.#window / 2);
      if (++this.#losses >= LOSSES) await this.#die(error.reply, host);
      return null;
    }
  }

  /** Something was answered there: it is alive, and gets more sessions. */
  async #succeeded(): Promise<void> {
    this.#window = Math.min(this.#destination.most, this.#window + 1 / this.#window);
    if (this.#failures === 0) return;
    this.#failures = 0;
    await this.#parts.queue.postpone(this.domain, 0, 0);
  }

  /** A server that takes so many recipients and no more (RFC 5321 4.5.3.1.10) gets the others in the next transaction. */
  async #settleSome(attempted: Attempted): Promise<void> {
    const { recipients, replies } = attempted;
    const some = replies.some(({ code }) => code < 300);
    const again = recipients.filter((_, i) => some && replies[i]?.code === 452 && replies[i]?.enhanced === '4.5.3');
    const rest = (_: unknown, i: number) => !again.includes(recipients[i] as QueuedRecipient);
    await this.#settle({ ...attempted, recipients: recipients.filter(rest), replies: replies.filter(rest) });
    if (again.length > 0) this.#pending.unshift({ queued: attempted.message.id, recipients: again });
  }

  async #settle(attempted: Attempted): Promise<void> {
    const { message, recipients, replies, host, tls } = attempted;
    const { log, delivered } = this.#parts;
    const results = await writeOutcome(this.#parts, attempted);
    this.#release(recipients);
    for (const result of results ?? []) delivered(result.state, 1);
    if (results?.some(({ standing }) => standing === 'refused')) await this.#holdIfBad(message);
    for (const [i, { address, attempts }] of recipients.entries()) {
      const about = {
        queued: message.id,
        sender: message.sender,
        recipient: address,
        host,
        tls,
        attempt: attempts + 1,
      };
      log.info({ ...about, reply: results?.[i]?.reply ?? replies[i]?.text }, results?.[i]?.state ?? 'settled before');
    }
  }

  /** An account of whose mail too much is refused elsewhere: somebody has to look at it. */
  async #holdIfBad({ owner }: QueuedMessage): Promise<void> {
    const { queue, directory, log } = this.#parts;
    if (owner === '' || !(await queue.obstacles(owner, [])).held) return;
    const address = (await directory.account(owner))?.address;
    const held = await queue.change('hold', { owner });
    log.warn({ account: address, held, alert: true }, 'too much of what an account sends is refused: its mail is held');
  }

  #release(recipients: readonly QueuedRecipient[]): void {
    for (const recipient of recipients) this.#taken.delete(keyOf(recipient));
  }

  /** No session could be opened: at all, or not one more. */
  async #unreachable(message: QueuedMessage, group: Group, failure: NoRoute): Promise<void> {
    const { reply, host, transcript, alert } = failure;
    if (this.#carriers.size > 0 && reply.code < 500 && !alert) {
      // It serves us already, and does not want more of us at once.
      this.#window = Math.max(1, this.#carriers.size);
      this.#pending.unshift(group);
      return;
    }
    await this.#settle(fail(message, group, reply, host, transcript));
    if (reply.code < 500) await this.#die(reply, host, alert);
    else await this.#failPending(reply, host);
  }

  /** Nobody answers: what is due waits without being tried, and the destination is left alone for a while. */
  async #die(reply: ServerReply, host: string, alert = false): Promise<void> {
    if (this.#stopped) return;
    this.stop();
    await this.#failPending(reply, host);
    this.#failures++;
    const wait = Math.min(DEAD_MS.first * 2 ** Math.min(this.#failures - 1, 30), DEAD_MS.most);
    await this.#parts.queue.postpone(this.domain, this.#parts.now() + wait, this.#failures);
    const about = { domain: this.domain, host, reply: reply.text, failures: this.#failures };
    this.#parts.log.warn(alert ? { ...about, alert } : about, alert ? 'we are not let in' : 'nobody answers');
  }

  /** It answers, and wants to be left alone: what is due waits, and no attempt is counted. */
  async #rest({ reply, ms, alert }: Rest, host: string): Promise<void> {
    if (this.#stopped) return;
    this.#failures++;
    const wait = ms ?? REST_MS.first * 2 ** Math.min(this.#failures - 1, 30);
    const about = { domain: this.domain, host, reply: reply.text, failures: this.#failures };
    this.#parts.log.warn(alert ? { ...about, alert } : about, 'it wants to be left alone');
    await this.#restUntil(this.#parts.now() + Math.min(wait, REST_MS.most));
  }

  async #restUntil(until: number): Promise<void> {
    if (this.#stopped) return;
    this.stop();
    await this.#parts.queue.postpone(this.domain, until, this.#failures);
  }

  async #failPending(reply: ServerReply, host: string): Promise<void> {
    for (const group of this.#pending.splice(0)) {
      const message = await this.#parts.queue.message(group.queued);
      if (message === undefined) this.#release(group.recipients);
      else await this.#settle(fail(message, group, reply, host, ''));
    }
  }
}

/** RFC 8689 6: a report is not lost for what the message asked for. */
function needOf({ requireTls, tlsOptional, sender }: QueuedMessage): TlsNeed {
  if (requireTls && sender !== '') return 'required';
  return tlsOptional === true ? 'optional' : 'usual';
}

function fail(message: QueuedMessage, { recipients }: Group, reply: ServerReply, host: string, transcript: string) {
  const kind = 'silent' as const;
  return { message, recipients, replies: recipients.map(() => reply), host, tls: '', transcript, kind };
}

/** Why a transaction broke off: a body of ours that can't be read is as temporary as a lost connection. */
function broken(error: unknown): ServerReply {
  if (error instanceof SessionFailure) return error.reply;
  if (!(error instanceof StoreError)) throw error;
  return { code: 451, enhanced: '4.3.0', text: `the message can not be read: ${error.message}` };
}

function stillWaits({ seq, attempts }: QueuedRecipient, message: QueueListing | undefined): boolean {
  const now = message?.recipients.find((recipient) => recipient.seq === seq);
  return now?.state === 'waiting' && now.attempts === attempts;
}

function keyOf({ queued, seq }: QueuedRecipient): string {
  return `${queued}/${seq}`;
}
