// Logs and metrics.
import { Writable } from 'node:stream';
import { expect, test } from 'vitest';
import { createRootLog } from '#src/observe/log.ts';
import { metricsPage, ThreadMetrics } from '#src/observe/metrics.ts';

test('a log line is structured, carries its thread, and masks secrets', () => {
  const lines: string[] = [];
  const destination = new Writable({
    write(chunk, _encoding, done) {
      lines.push(String(chunk));
      done();
    },
  });
  const { log } = createRootLog({ level: 'info', thread: 2, destination });
  log.child({ connection: 'c1' }).info({ password: 'hunter2', login: { token: 'abc', name: 'anna' } }, 'a line');
  log.debug('too quiet');
  expect(lines).toHaveLength(1);
  const error = Object.assign(new Error('broken'), { password: 'hunter2' });
  log.info({ secret: 'x', err: error, list: ['a'], none: null }, 'another');
  expect(error.password).toBe('hunter2');
  expect(JSON.parse(lines[1] ?? '')).toMatchObject({
    ...{ secret: '***', list: ['a'], none: null },
    err: { type: 'Error', message: 'broken', password: '***', stack: expect.stringContaining('observe.test') },
  });
  const line = JSON.parse(lines[0] ?? '');
  expect(line).toMatchObject({ level: 'info', thread: 2, connection: 'c1', msg: 'a line', password: '***' });
  expect(line.login).toEqual({ token: '***', name: 'anna' });
  expect(Number.isNaN(Date.parse(line.time))).toBe(false);
});

test('the counts of all threads are added up, and each has its own event loop delay', async () => {
  using one = new ThreadMetrics(1);
  using two = new ThreadMetrics(2);
  one.connection('imap', 1);
  two.connection('imap', 1);
  two.connection('imap', 1);
  two.connection('imap', -1);
  one.command('imap', 'FETCH', 0.003);
  two.command('imap', 'FETCH', 0.004);
  one.login('pop3', 'rejected');
  two.message('smtp', 'accepted', 1234);
  two.refused('smtp', 'too-fast');
  const page = await metricsPage([await one.snapshot(), await two.snapshot()]);
  expect(page).toContain('posthuis_connections{protocol="imap",thread="1"} 1');
  expect(page).toContain('posthuis_connections{protocol="imap",thread="2"} 1');
  expect(page).toContain('posthuis_connections_total{protocol="imap"} 3');
  expect(page).toContain('posthuis_command_seconds_count{protocol="imap",verb="FETCH"} 2');
  expect(page).toContain('posthuis_logins_total{protocol="pop3",result="rejected"} 1');
  expect(page).toContain('posthuis_message_bytes_total{protocol="smtp",result="accepted"} 1234');
  expect(page).toContain('posthuis_connections_refused_total{listener="smtp",reason="too-fast"} 1');
  expect(page).toMatch(/posthuis_event_loop_delay_seconds\{thread="1",quantile="1"\} [\d.e-]+/);
  expect(page).toMatch(/posthuis_event_loop_delay_seconds\{thread="2",quantile="0.99"\} [\d.e-]+/);
});

test('the main thread counts what is of the process', async () => {
  using main = new ThreadMetrics(0);
  expect(await metricsPage([await main.snapshot()])).toMatch(/process_resident_memory_bytes \d+/);
});

test('a client that invents verbs adds no lines', async () => {
  using metrics = new ThreadMetrics(1);
  for (let i = 0; i < 1000; i++) metrics.command('imap', `X${i}`, 0.001);
  metrics.command('imap', 'no"verb\n', 0.001);
  const page = await metricsPage([await metrics.snapshot()]);
  const verbs = new Set([...page.matchAll(/verb="([^"]+)"/g)].map((match) => match[1]));
  expect(verbs.size).toBeLessThanOrEqual(201);
  expect(page).toContain('verb="other"');
});

test('an event loop that is held shows in the delay', async () => {
  using metrics = new ThreadMetrics(1);
  await new Promise((resolve) => setTimeout(resolve, 50));
  const until = performance.now() + 120;
  while (performance.now() < until);
  await new Promise((resolve) => setTimeout(resolve, 50));
  const page = await metricsPage([await metrics.snapshot()]);
  const worst = Number(/quantile="1"\} ([\d.e-]+)/.exec(page)?.[1]);
  expect(worst).toBeGreaterThan(0.08);
});
