// The names that a certificate is for, and the choice among several by the name a client asks for (RFC 6066 3).
import type { X509Certificate } from 'node:crypto';

/** The DNS names of a certificate in lower case: its subjectAltName, or, if it has none, its CN (RFC 6125 6.4.4). */
export function namesOf(certificate: X509Certificate): string[] {
  const alternative = [...(certificate.subjectAltName ?? '').matchAll(/(?:^|, )DNS:([^",]+)/g)].map((m) => m[1] ?? '');
  const names =
    alternative.length > 0 ? alternative : [...certificate.subject.matchAll(/^CN=(.+)$/gm)].map((m) => m[1] ?? '');
  return names.map((name) => name.trim().toLowerCase().replace(/\.$/, '')).filter((name) => name !== '');
}

/** Values by DNS name; the first one given for a name keeps it. */
export class NameTable<T> {
  readonly #exact = new Map<string, T>();
  readonly #wildcard = new Map<string, T>();

  add(name: string, value: T): void {
    const table = name.startsWith('*.') ? this.#wildcard : this.#exact;
    const key = name.startsWith('*.') ? name.slice(2) : name;
    if (!table.has(key)) table.set(key, value);
  }

  /** By the whole name, else by a wildcard, which stands for exactly one label (RFC 6125 6.4.3). */
  find(servername: string): T | undefined {
    const name = servername.toLowerCase().replace(/\.$/, '');
    const exact = this.#exact.get(name);
    if (exact !== undefined) return exact;
    const dot = name.indexOf('.');
    return dot > 0 ? this.#wildcard.get(name.slice(dot + 1)) : undefined;
  }
}
