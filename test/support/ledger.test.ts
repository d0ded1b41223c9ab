// The ledger judges every crash and power-cut run, so it is shown faults of each kind and must name them.
import { expect, test } from 'vitest';
import { type Change, disagreements, type Found, Ledger, type Moment } from './ledger.ts';

const at = (bytes: number): Moment => ({ connection: 'c', bytes });
const always = () => true;
const message = (place: string, uid: number, token: string, flags: string[] = []): Found => ({
  place,
  validity: 1,
  uid,
  token,
  flags,
});
const inbox = 'anna/INBOX';
const archive = 'anna/Archive';

function ledger(...changes: [change: Change, outcome: 'given' | 'open' | 'refused'][]): Ledger {
  const made = new Ledger();
  for (const [index, [change, outcome]] of changes.entries()) {
    const attempt = made.begin(at(index * 10), change);
    if (outcome === 'given') attempt.acknowledged = at(index * 10 + 5);
    attempt.refused = outcome === 'refused';
  }
  return made;
}

const add = (token: string, ...places: string[]): Change => ({ kind: 'add', token, places });

test('what was acknowledged must be there exactly once', () => {
  const one = ledger([add('a', inbox), 'given']);
  expect(disagreements(one, [message(inbox, 1, 'a')], always)).toEqual([]);
  expect(disagreements(one, [], always).join()).toContain('a is 0 times in anna/INBOX, not 1');
  expect(disagreements(one, [message(inbox, 1, 'a'), message(inbox, 2, 'a')], always).join()).toContain('2 times');
  expect(disagreements(one, [message(archive, 1, 'a')], always).join()).toContain('1 times in anna/Archive, not 0');
});

test('what got no reply may be there once, repeated or not, and what was refused may not', () => {
  const open = ledger([add('a', inbox), 'open'], [add('a', inbox), 'open'], [add('b', inbox), 'refused']);
  expect(disagreements(open, [], always)).toEqual([]);
  expect(disagreements(open, [message(inbox, 1, 'a')], always)).toEqual([]);
  expect(disagreements(open, [message(inbox, 1, 'a'), message(inbox, 2, 'a')], always)).not.toEqual([]);
  expect(disagreements(open, [message(inbox, 1, 'b')], always)).not.toEqual([]);
});

test('only what had come by a moment counts', () => {
  const one = ledger([add('a', inbox), 'given'], [add('b', inbox), 'given']);
  const first = ({ bytes }: Moment) => bytes <= 5;
  expect(disagreements(one, [message(inbox, 1, 'a')], first)).toEqual([]);
  expect(disagreements(one, [], first)).not.toEqual([]);
  expect(disagreements(one, [message(inbox, 1, 'a'), message(inbox, 2, 'b')], first)).not.toEqual([]);
  expect(disagreements(one, [], ({ bytes }) => bytes <= 0)).toEqual([]);
});

test('a move never loses or doubles a message, whether it was answered or not', () => {
  const move: Change = { kind: 'move', tokens: ['a'], from: inbox, to: archive };
  const given = ledger([add('a', inbox), 'given'], [move, 'given']);
  expect(disagreements(given, [message(archive, 1, 'a')], always)).toEqual([]);
  expect(disagreements(given, [message(inbox, 1, 'a')], always)).not.toEqual([]);
  const open = ledger([add('a', inbox), 'given'], [move, 'open']);
  expect(disagreements(open, [message(archive, 1, 'a')], always)).toEqual([]);
  expect(disagreements(open, [message(inbox, 1, 'a')], always)).toEqual([]);
  expect(disagreements(open, [], always).join()).toContain('in all of anna');
  expect(disagreements(open, [message(inbox, 1, 'a'), message(archive, 1, 'a')], always).join()).toContain(
    'in all of anna',
  );
});

test('copies add and expunges take away', () => {
  const copy: Change = { kind: 'copy', tokens: ['a'], from: inbox, to: archive };
  const expunge: Change = { kind: 'expunge', tokens: ['a'], from: inbox };
  const made = ledger([add('a', inbox), 'given'], [copy, 'given'], [expunge, 'given']);
  expect(disagreements(made, [message(archive, 1, 'a')], always)).toEqual([]);
  expect(disagreements(made, [message(inbox, 1, 'a'), message(archive, 1, 'a')], always)).not.toEqual([]);
});

test('a UID that stood for one content never stands for another', () => {
  const made = ledger([add('a', inbox), 'open'], [add('b', inbox), 'given']);
  made.sightings.push({ at: at(1), place: inbox, validity: 1, uid: 7, token: 'a' });
  expect(disagreements(made, [message(inbox, 7, 'b')], always).join()).toContain('was a and is b');
  expect(disagreements(made, [message(inbox, 8, 'b')], always)).toEqual([]);
  expect(disagreements(made, [message(inbox, 7, 'b')], ({ bytes }) => bytes !== 1)).toEqual([]);
});

test('an acknowledged flag stays', () => {
  const flag: Change = { kind: 'flag', place: inbox, validity: 1, uids: [1], flag: '\\Seen' };
  const made = ledger([add('a', inbox), 'given'], [flag, 'given']);
  expect(disagreements(made, [message(inbox, 1, 'a', ['\\Seen'])], always)).toEqual([]);
  expect(disagreements(made, [message(inbox, 1, 'a')], always).join()).toContain('lost the flag');
});

test('after settling, what was found is what must stay, and a repeated delivery adds nothing', () => {
  const made = ledger([add('a', inbox), 'open'], [add('b', inbox), 'open']);
  made.settle([message(inbox, 1, 'a')]);
  expect(disagreements(made, [message(inbox, 1, 'a')], always)).toEqual([]);
  expect(disagreements(made, [], always)).not.toEqual([]);
  const again = made.begin(at(1), add('a', inbox));
  again.acknowledged = at(2);
  expect(disagreements(made, [message(inbox, 1, 'a')], always)).toEqual([]);
  expect(disagreements(made, [message(inbox, 1, 'a'), message(inbox, 2, 'a')], always)).not.toEqual([]);
  expect(disagreements(made, [message(inbox, 1, 'a'), message(inbox, 2, 'b')], always)).not.toEqual([]);
});

test('a message is recognised by its content, with or without headers in front', () => {
  const made = new Ledger();
  const bytes = Buffer.from('X-Token: a\r\n\r\nhello\r\n');
  made.content('a', bytes);
  expect(made.identify(bytes)).toEqual({ token: 'a' });
  expect(made.identify(Buffer.concat([Buffer.from('Received: x\r\n'), bytes]))).toEqual({ token: 'a' });
  expect(made.identify(Buffer.from('X-Token: a\r\n\r\nhullo\r\n'))).toHaveProperty('wrong');
  expect(made.identify(bytes.subarray(0, -1))).toHaveProperty('wrong');
});
