// What a driver asked of a server and what it was told, and whether a store found later agrees with it. Used by the crash
// driver and by the power cut's replay: they differ only in which replies count as given.
import { createHash } from 'node:crypto';

/** A mailbox of an account, as the ledger names it: `anna/INBOX`. */
export type Place = string;

/** A moment on a connection: so many bytes had been received on it. */
export interface Moment {
  readonly connection: string;
  readonly bytes: number;
}

/** One command and its outcome. */
export interface Attempt {
  readonly id: number;
  /** Sent after this was received. */
  readonly begun: Moment;
  /** The positive reply was complete here. */
  acknowledged: Moment | null;
  /** A negative reply came: nothing was changed. */
  refused: boolean;
  readonly change: Change;
}

export type Change =
  /** A delivery or an APPEND of the content `token` to each place. */
  | { readonly kind: 'add'; readonly token: string; readonly places: readonly Place[] }
  /** One more copy of each token. */
  | { readonly kind: 'copy'; readonly tokens: readonly string[]; readonly from: Place; readonly to: Place }
  | { readonly kind: 'move'; readonly tokens: readonly string[]; readonly from: Place; readonly to: Place }
  | { readonly kind: 'expunge'; readonly tokens: readonly string[]; readonly from: Place }
  | {
      readonly kind: 'flag';
      readonly place: Place;
      readonly validity: number;
      readonly uids: readonly number[];
      readonly flag: string;
    };

/** The server said, or a look into it showed, that this UID names this content. */
export interface Sighting {
  readonly at: Moment;
  readonly place: Place;
  readonly validity: number;
  readonly uid: number;
  readonly token: string;
}

/** A content that was sent. */
export interface Content {
  readonly size: number;
  readonly hash: string;
}

/** One message of a store as it was found. */
export interface Found {
  readonly place: Place;
  readonly validity: number;
  readonly uid: number;
  readonly flags: readonly string[];
  /** The message's bytes, or those of an earlier look that are known to be the same. */
  readonly token: string;
}

/** The header that carries a content's token. */
export const TOKEN_HEADER = 'X-Token';

export class Ledger {
  attempts: Attempt[] = [];
  sightings: Sighting[] = [];
  readonly contents = new Map<string, Content>();
  /** How often each `token place` was there when the ledger was last settled. */
  #settled = new Map<string, number>();
  /** The `token account` that were ever there: a delivery that is repeated adds none of them again. */
  readonly arrived = new Set<string>();

  /** Takes note of a content before it is sent for the first time. */
  content(token: string, bytes: Uint8Array): void {
    this.contents.set(token, { size: bytes.length, hash: sha256(bytes) });
  }

  begin(begun: Moment, change: Change): Attempt {
    const attempt: Attempt = { id: this.attempts.length, begun, acknowledged: null, refused: false, change };
    this.attempts.push(attempt);
    return attempt;
  }

  /** The token of a message found in a store, once its bytes are the ones that were sent; headers before them aside. */
  identify(message: Buffer): { token: string } | { wrong: string } {
    const header = message.subarray(0, 8192).toString('latin1');
    const token = new RegExp(`^${TOKEN_HEADER}: (\\S+)`, 'm').exec(header)?.[1];
    const content = token === undefined ? undefined : this.contents.get(token);
    if (token === undefined || content === undefined) return { wrong: `unknown content: ${header.slice(0, 200)}` };
    const sent = message.subarray(Math.max(0, message.length - content.size));
    if (sent.length !== content.size || sha256(sent) !== content.hash) {
      return { wrong: `${token} has ${message.length} bytes, not the ${content.size} that were sent` };
    }
    return { token };
  }

  /** What was settled by the last look, as `token place` and how often. */
  get settled(): ReadonlyMap<string, number> {
    return this.#settled;
  }

  /** Starts afresh from a store that was found in agreement: what had no reply is decided by what is there. */
  settle(found: readonly Found[]): void {
    this.#settled = new Map();
    for (const { token, place } of found) {
      const key = `${token} ${place}`;
      this.#settled.set(key, (this.#settled.get(key) ?? 0) + 1);
    }
    for (const { token, place } of [...found, ...this.sightings]) this.arrived.add(`${token} ${accountOf(place)}`);
    this.attempts = this.attempts.filter(({ change, acknowledged }) => change.kind === 'flag' && acknowledged !== null);
  }

  toJSON(): unknown {
    return { attempts: this.attempts, sightings: this.sightings, contents: [...this.contents] };
  }

  static from(json: string): Ledger {
    const read = JSON.parse(json) as {
      attempts: Attempt[];
      sightings: Sighting[];
      contents: [string, Content][];
    };
    const ledger = new Ledger();
    ledger.attempts = read.attempts;
    ledger.sightings = read.sightings;
    for (const [token, content] of read.contents) ledger.contents.set(token, content);
    return ledger;
  }
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** How many of a content may be at a place. */
interface Range {
  least: number;
  most: number;
}

type Standing = 'given' | 'open' | 'none';

/** Everything that is wrong with a store against the ledger; `reached` tells which moments had come. */
export function disagreements(ledger: Ledger, found: readonly Found[], reached: (moment: Moment) => boolean): string[] {
  const wrong: string[] = [];
  const standing = (attempt: Attempt): Standing => {
    if (!reached(attempt.begun)) return 'none';
    if (attempt.acknowledged !== null && reached(attempt.acknowledged)) return 'given';
    return attempt.refused ? 'none' : 'open';
  };
  counts(ledger, found, standing, wrong);
  uids(ledger, found, reached, wrong);
  flags(ledger, found, standing, wrong);
  return wrong;
}

/** The attempts that had been acknowledged, of all that had been begun. */
export function acknowledgedCount(ledger: Ledger, reached: (moment: Moment) => boolean): number {
  return ledger.attempts.filter(({ acknowledged }) => acknowledged !== null && reached(acknowledged)).length;
}

function accountOf(place: Place): string {
  return place.slice(0, place.indexOf('/'));
}

/** Each content is there as often as it was acknowledged; one without a reply at most once more. */
function counts(
  ledger: Ledger,
  found: readonly Found[],
  standing: (attempt: Attempt) => Standing,
  wrong: string[],
): void {
  const places = new Map<string, Range>();
  const accounts = new Map<string, Range>();
  const note = (ranges: Map<string, Range>, key: string, delta: number, state: Standing) => {
    const range = ranges.get(key) ?? { least: 0, most: 0 };
    if (delta < 0 || state === 'given') range.least += delta;
    if (delta > 0 || state === 'given') range.most += delta;
    ranges.set(key, range);
  };
  const inAccount = (key: string) => key.replace(/\/.*/s, '');
  for (const [key, count] of ledger.settled) {
    note(places, key, count, 'given');
    note(accounts, inAccount(key), count, 'given');
  }
  for (const [key, state] of additions(ledger, standing)) {
    note(places, key, 1, state);
    note(accounts, inAccount(key), 1, state);
  }
  for (const attempt of ledger.attempts) {
    const { change } = attempt;
    const state = standing(attempt);
    if (state === 'none' || change.kind === 'add' || change.kind === 'flag') continue;
    for (const token of change.tokens) {
      if (change.kind !== 'copy') note(places, `${token} ${change.from}`, -1, state);
      if (change.kind !== 'expunge') note(places, `${token} ${change.to}`, 1, state);
      const delta = change.kind === 'copy' ? 1 : change.kind === 'expunge' ? -1 : 0;
      if (delta !== 0) note(accounts, `${token} ${accountOf(change.from)}`, delta, state);
    }
  }
  const seen = (key: (message: Found) => string) => {
    const count = new Map<string, number>();
    for (const message of found) count.set(key(message), (count.get(key(message)) ?? 0) + 1);
    return count;
  };
  compare(
    'in',
    places,
    seen(({ token, place }) => `${token} ${place}`),
    wrong,
  );
  compare(
    'in all of',
    accounts,
    seen(({ token, place }) => `${token} ${accountOf(place)}`),
    wrong,
  );
}

/**
 * Deliveries and APPENDs by token and place. A delivery that was repeated since no reply had come is one: its delivery
 * id is the same, so that it is never there twice.
 */
function additions(ledger: Ledger, standing: (attempt: Attempt) => Standing): Map<string, Standing> {
  const found = new Map<string, Standing>();
  for (const attempt of ledger.attempts) {
    if (attempt.change.kind !== 'add') continue;
    const state = standing(attempt);
    if (state === 'none') continue;
    for (const place of attempt.change.places) {
      const key = `${attempt.change.token} ${place}`;
      if (ledger.arrived.has(`${attempt.change.token} ${accountOf(place)}`)) continue;
      if (found.get(key) !== 'given') found.set(key, state);
    }
  }
  return found;
}

function compare(where: string, ranges: Map<string, Range>, seen: Map<string, number>, wrong: string[]): void {
  for (const key of new Set([...ranges.keys(), ...seen.keys()])) {
    const range = ranges.get(key) ?? { least: 0, most: 0 };
    const count = seen.get(key) ?? 0;
    if (count >= range.least && count <= range.most) continue;
    const [token, place] = key.split(' ');
    const least = Math.max(0, range.least);
    const allowed = least === range.most ? `${least}` : `${least} to ${range.most}`;
    wrong.push(`${token} is ${count} times ${where} ${place}, not ${allowed}`);
  }
}

/** A UID that was ever seen with one content never stands for another. */
function uids(ledger: Ledger, found: readonly Found[], reached: (moment: Moment) => boolean, wrong: string[]): void {
  const names = new Map<string, string>();
  const note = (sighting: Omit<Sighting, 'at'>) => {
    const key = `${sighting.place} ${sighting.validity} ${sighting.uid}`;
    const before = names.get(key);
    if (before !== undefined && before !== sighting.token) {
      wrong.push(`UID ${key} was ${before} and is ${sighting.token}`);
    }
    names.set(key, sighting.token);
  };
  for (const sighting of ledger.sightings) if (reached(sighting.at)) note(sighting);
  for (const message of found) note(message);
}

/** A flag that was acknowledged is there, if its placement is. */
function flags(
  ledger: Ledger,
  found: readonly Found[],
  standing: (attempt: Attempt) => Standing,
  wrong: string[],
): void {
  const placements = new Map(found.map((message) => [`${message.place} ${message.validity} ${message.uid}`, message]));
  for (const attempt of ledger.attempts) {
    const { change } = attempt;
    if (change.kind !== 'flag' || standing(attempt) !== 'given') continue;
    for (const uid of change.uids) {
      const message = placements.get(`${change.place} ${change.validity} ${uid}`);
      if (message !== undefined && !message.flags.includes(change.flag)) {
        wrong.push(`${change.place} ${uid} lost the flag ${change.flag}`);
      }
    }
  }
}
