// What every package's tsup.config.ts starts from. Three bases: `base` for code that runs anywhere, `nodeBase`
// for code that imports `node:*`, and `browserBuild` for the second, browser-only half of a package that needs both.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Options } from 'tsup';

/**
 * esbuild keeps the order of evaluation by importing chunks for nothing. Ours have no side effects, and package.json
 * says so: bundlers of users would warn of every such line.
 */
const noBareImports: NonNullable<Options['plugins']>[number] = {
  name: 'no-bare-imports',
  renderChunk(code) {
    return { code: code.replace(/^import ["']\.\/chunk-\w+\.js["'];$/gm, '') };
  },
};

export const base: Options = {
  entry: ['src/index.ts'],
  format: ['esm', 'cjs'],
  target: 'es2022',
  platform: 'neutral',
  // tsup sets `baseUrl` itself, which TypeScript 6 only accepts with this switch.
  dts: { compilerOptions: { ignoreDeprecations: '6.0' } },
  // None: what is published can be read as it is, and maps would be half of an installation.
  sourcemap: false,
  clean: true,
  splitting: false,
  plugins: [noBareImports],
};

export const nodeBase: Options = { ...base, platform: 'node', removeNodeProtocol: false };

/**
 * The files behind the `browser` condition: `dist/<entry>.browser.js` and `.cjs`, without types of their own.
 * In this build an import of `./x.node.js` or `./x.js` becomes `./x.browser.ts` if that is beside it, so a package
 * writes the two halves of what differs between platforms as `x.node.ts` (or `x.ts`) and `x.browser.ts`.
 */
export function browserBuild(entry: Record<string, string>): Options {
  return {
    ...base,
    entry: Object.fromEntries(Object.entries(entry).map(([name, file]) => [`${name}.browser`, file])),
    platform: 'browser',
    dts: false,
    clean: false,
    splitting: Object.keys(entry).length > 1,
    esbuildPlugins: [
      {
        name: 'browser-halves',
        setup(build) {
          build.onResolve({ filter: /^\.\.?\/.*\.js$/ }, ({ path, resolveDir, importer }) => {
            const half = join(resolveDir, path.replace(/(\.node)?\.js$/, '.browser.ts'));
            if (existsSync(half)) return { path: half };
            if (!path.endsWith('.node.js')) return undefined;
            return { errors: [{ text: `${path} has no browser half (${half}), imported by ${importer}` }] };
          });
        },
      },
    ],
  };
}
