// The published packages as tarballs, as users will get them.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const packages = fileURLToPath(new URL('../packages', import.meta.url));

/** Packs every package of packages/. Returns package name → `file:` specifier, and what removes them again. */
export function packAll() {
  const folder = mkdtempSync(join(tmpdir(), 'peernet-pack-'));
  const files = {};
  for (const name of readdirSync(packages)) {
    const cwd = join(packages, name);
    execFileSync('npx', ['-y', 'pnpm@10.34.9', 'pack', '--pack-destination', folder], { cwd, stdio: 'pipe' });
    const manifest = JSON.parse(readFileSync(join(cwd, 'package.json'), 'utf8'));
    const file = `${manifest.name.replace('@', '').replace('/', '-')}-${manifest.version}.tgz`;
    files[manifest.name] = `file:${join(folder, file)}`;
  }
  return { files, remove: () => rmSync(folder, { recursive: true, force: true }) };
}
