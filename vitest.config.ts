import { existsSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const root = fileURLToPath(new URL('.', import.meta.url));

/** One project per workspace folder, named after it: `vitest run --project store`. */
function projectsIn(folder: string) {
  if (!existsSync(root + folder)) return [];
  return readdirSync(root + folder)
    .filter((name) => existsSync(`${root}${folder}/${name}/package.json`))
    .map((name) => ({ extends: true as const, root: `${root}${folder}/${name}`, test: { name } }));
}

export default defineConfig({
  // Workspace packages are taken from `src`, so no build is needed first.
  ssr: { resolve: { conditions: ['@peernet/source', 'module', 'node', 'development|production'] } },
  test: {
    reporters: ['default'],
    // A busy machine with two cores must not fail a test that takes a second on a quiet one.
    testTimeout: 30_000,
    hookTimeout: 30_000,
    exclude: ['**/*.browser.test.ts', '**/node_modules/**', '**/dist/**'],
    projects: [
      ...projectsIn('packages'),
      ...projectsIn('internal'),
      { extends: true as const, root: `${root}scripts`, test: { name: 'scripts' } },
    ],
    coverage: { provider: 'v8', include: ['packages/*/src/**/*.ts'], reporter: ['text'] },
  },
});
