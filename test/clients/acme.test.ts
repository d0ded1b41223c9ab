// A certificate as certbot and its like get one, from the laboratory's ACME authority (pebble) for a name in its DNS: the
// server that runs shows it as soon as it lies in its files.
import { expect, test } from 'vitest';
import type { AcmeOutcome } from '#test/support/dns-lab/acme.ts';
import { inLaboratory, missingFor } from './laboratory.ts';

const missing = missingFor(['pebble']);

if (missing === null) {
  test('a certificate that is issued by ACME is shown without a restart', async () => {
    const { before, then } = await inLaboratory<AcmeOutcome>('acme.ts');
    expect(before).toEqual(['DNS:mx.plain.test', 'CN=Posthuis test CA']);
    expect(then).toEqual(['DNS:mx.plain.test', expect.stringMatching(/^CN=Pebble Intermediate CA/)]);
  });
} else if (process.env.CI === undefined) {
  console.warn(`the laboratory of ACME can not run here: ${missing}`);
  test(`the laboratory can not run here, and this is not CI: ${missing}`, () => undefined);
} else {
  test('the laboratory of ACME can run', () => {
    throw new Error(missing);
  });
}
