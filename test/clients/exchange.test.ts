// Two Posthuis servers and a Postfix in a laboratory of their own (test/support/dns-lab): signed, unsigned, bogus and
// expired zones, MTA-STS policies, and peers that do what peers do. What becomes of a message must be the same on both
// sides: where it went, how well it was protected, with which status it came back or waits.
import { beforeAll, describe, expect, test } from 'vitest';
import type { Exchanged } from '#test/support/dns-lab/exchange.ts';
import { IPV6, SCENARIOS } from '#test/support/dns-lab/scenarios.ts';
import { inLaboratory, missingFor } from './laboratory.ts';

const missing = missingFor(['postfix']);

if (missing === null) {
  let exchanged: Exchanged;

  beforeAll(async () => {
    exchanged = await inLaboratory('exchange.ts', IPV6);
  }, 900_000);

  describe('mail goes where Postfix sends it', () => {
    test.each(SCENARIOS.map((scenario, index) => ({ ...scenario, index })))('$what: $expected', (scenario) => {
      const { index, expected, first, postfix } = scenario;
      const { posthuis, postfix: theirs } = exchanged.scenarios[index] ?? { posthuis: [], postfix: [] };
      expect({ posthuis: posthuis.at(-1), postfix: theirs.at(-1) }).toEqual({
        posthuis: expected,
        postfix: postfix?.says ?? expected,
      });
      if (first !== undefined) expect([posthuis[0], theirs[0]]).toEqual([first, first]);
    });
  });

  test('two servers and a Postfix exchange mail over TLS, each message once', () => {
    expect(exchanged.arrived).toEqual({
      'alpha beta': '1 sent 127.0.0.32 tls',
      'alpha postfix': '1 sent 127.0.0.1 tls',
      'beta alpha': '1 sent 127.0.0.31 tls',
      'beta postfix': '1 sent 127.0.0.1 tls',
      'postfix alpha': '1 sent 127.0.0.31 tls',
      'postfix beta': '1 sent 127.0.0.32 tls',
    });
  });
} else if (process.env.CI === undefined) {
  console.warn(`the laboratory of DNS and Postfix can not run here: ${missing}`);
  test(`the laboratory can not run here, and this is not CI: ${missing}`, () => undefined);
} else {
  test('the laboratory of DNS and Postfix can run', () => {
    throw new Error(missing);
  });
}
