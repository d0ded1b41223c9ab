// Reads the imports: the arrows run src -> protocols -> storage -> config and never up (DESIGN 2).
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';

const root = resolve(import.meta.dirname, '../..');
const order = ['config', 'storage', 'protocols', 'src'];

/** Every TypeScript file below a folder, as paths from the root. */
function files(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') || name.endsWith('.js'))
    .map((name) => join(folder, name));
}

/** The layer that an import specifier of a file leads to, or undefined for a package. */
function layerOf(file: string, specifier: string): string | undefined {
  if (specifier.startsWith('#')) return specifier.slice(1).split('/')[0];
  if (!specifier.startsWith('.')) return undefined;
  return join(file, '..', specifier).split('/')[0];
}

for (const [level, layer] of order.entries()) {
  test(`${layer} imports nothing from a layer above it`, () => {
    const upward: string[] = [];
    for (const file of files(layer)) {
      const text = readFileSync(join(root, file), 'utf8');
      for (const match of text.matchAll(/(?:from|import)\s*\(?\s*'([^']+)'/g)) {
        const target = layerOf(file, match[1] ?? '');
        const rank = target === undefined ? -1 : order.indexOf(target);
        if (target === 'test' || target === 'bench' || rank > level) upward.push(`${file}: ${match[1]}`);
      }
    }
    expect(upward).toEqual([]);
  });
}

test('no module reads the environment outside config', () => {
  const readers = order
    .filter((layer) => layer !== 'config')
    .flatMap(files)
    .filter((file) => /process\.env\b/.test(readFileSync(join(root, file), 'utf8')));
  expect(readers).toEqual([]);
});
