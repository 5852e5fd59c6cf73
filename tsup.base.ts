// What every package's tsup.config.ts starts from. Three bases: `base` for code that runs anywhere, `nodeBase`
// for code that imports `node:*`, and `twoPlatforms` for a package that differs between Node and browsers.
import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Options } from 'tsup';

type EsbuildPlugin = NonNullable<Options['esbuildPlugins']>[number];

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
 * What differs between platforms is written as `x.node.ts` (or `x.ts`) and `x.browser.ts`. `resolve` says what becomes of
 * an import of either half, given the file of the one for browsers; every import of an `x.node.js` must have one.
 */
function halvesPlugin(resolve: (half: string) => { path: string; external?: true }): EsbuildPlugin {
  return {
    name: 'halves',
    setup(build) {
      build.onResolve({ filter: /^\.\.?\/.*\.js$/ }, ({ path, resolveDir, importer }) => {
        const half = join(resolveDir, path.replace(/(\.node)?\.js$/, '.browser.ts'));
        if (existsSync(half)) return resolve(half);
        if (!path.endsWith('.node.js')) return undefined;
        return { errors: [{ text: `${path} has no browser half (${half}), imported by ${importer}` }] };
      });
    },
  };
}

/**
 * For packages that need both: each half of `src/<half>` becomes a file of its own (`dist/<half>.js`, `.cjs`,
 * `.browser.js`, `.browser.cjs`), and everything else is built once and imports `#<half>`, which `imports` of
 * package.json resolves.
 */
export function twoPlatforms(entry: Record<string, string>, halves: readonly string[]): Options {
  const files = halves.flatMap((half) => {
    const node = existsSync(`src/${half}.node.ts`) ? `src/${half}.node.ts` : `src/${half}.ts`;
    return [
      [half, node],
      [`${half}.browser`, `src/${half}.browser.ts`],
    ];
  });
  return {
    ...nodeBase,
    entry: { ...entry, ...Object.fromEntries(files) },
    dts: { entry, compilerOptions: { ignoreDeprecations: '6.0' } },
    splitting: true,
    esbuildPlugins: [halvesPlugin((half) => ({ path: `#${basename(half, '.browser.ts')}`, external: true }))],
  };
}

/** One minified ES module for `<script type="module">`, with everything in it: the browser halves, and all packages. */
export function browserFile(name: string, file: string): Options {
  return {
    ...base,
    entry: { [name]: file },
    format: ['esm'],
    platform: 'browser',
    noExternal: [/./],
    minify: true,
    dts: false,
    clean: false,
    esbuildPlugins: [halvesPlugin((path) => ({ path }))],
  };
}
