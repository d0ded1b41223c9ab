// Certificates for tests: small, quick (ECDSA P-256), for any names.
import { generate } from 'selfsigned';

/** A certificate for these DNS names with its key; with no names, one that has only a CN. */
export async function makeCertificate(
  names: readonly string[],
  commonName = names[0] ?? 'unnamed',
): Promise<{ certificate: string; key: string }> {
  const made = await generate([{ name: 'commonName', value: commonName }], {
    keyType: 'ec',
    algorithm: 'sha256',
    extensions:
      names.length > 0 ? [{ name: 'subjectAltName', altNames: names.map((value) => ({ type: 2, value })) }] : [],
  });
  return { certificate: made.cert, key: made.private };
}
