// A web site on loopback with one page per way to get peernet into it: bundled by esbuild, by vite (both without any
// configuration that an app would have to know of), and the published one-file bundle in a script tag.
import { readFileSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { testCertificate } from '@peernet/testkit';
import * as esbuild from 'esbuild';
import { build as viteBuild } from 'vite';

export const flavours = ['esbuild', 'vite', 'bundle'] as const;
export type Flavour = (typeof flavours)[number];

const root = fileURLToPath(new URL('..', import.meta.url));
const entry = `${root}pages/page.ts`;
/** What the page of the one-file bundle says instead of pages/page.ts. */
const tag = "import { peernet } from '/peernet.browser.js'; Object.assign(globalThis, { peernet });";

/** Warnings fail: users would see them in every build. */
async function byEsbuild(): Promise<string> {
  const { outputFiles, warnings } = await esbuild.build({
    entryPoints: [entry],
    bundle: true,
    minify: true,
    format: 'esm',
    write: false,
    logLevel: 'silent',
  });
  if (warnings.length > 0) throw new Error(`esbuild warns: ${JSON.stringify(warnings)}`);
  return outputFiles[0]?.text ?? '';
}

async function byVite(): Promise<string> {
  const warnings: unknown[] = [];
  const result = await viteBuild({
    root,
    configFile: false,
    logLevel: 'silent',
    build: {
      write: false,
      rollupOptions: { input: entry, onwarn: (warning) => void warnings.push(warning) },
    },
  });
  if (warnings.length > 0) throw new Error(`vite warns: ${JSON.stringify(warnings)}`);
  const outputs = [result].flat().flatMap((one) => ('output' in one ? one.output : []));
  const chunk = outputs.find((output) => output.type === 'chunk' && output.isEntry);
  return chunk?.type === 'chunk' ? chunk.code : '';
}

/** The one-file bundle as published. */
export function bundleFile(): string {
  const bundle = fileURLToPath(new URL('../../../packages/peernet/dist/peernet.browser.js', import.meta.url));
  return readFileSync(bundle, 'utf8');
}

export interface Site {
  /** URL of a page. */
  page(flavour: Flavour): string;
  close(): Promise<void>;
}

/** Serves pages on a free port of loopback. */
export async function openSite(
  options: { flavours?: readonly Flavour[]; https?: boolean } = {},
): Promise<Site> {
  const scripts = new Map<string, string>();
  for (const flavour of options.flavours ?? ['esbuild']) {
    if (flavour === 'esbuild') scripts.set('/esbuild.js', await byEsbuild());
    if (flavour === 'vite') scripts.set('/vite.js', await byVite());
    if (flavour === 'bundle') scripts.set('/bundle.js', tag).set('/peernet.browser.js', bundleFile());
  }
  const answer: RequestListener = (request, response) => {
    const path = request.url ?? '/';
    const script = scripts.get(path);
    response.setHeader('content-type', script === undefined ? 'text/html' : 'text/javascript');
    response.end(
      script ?? `<!doctype html><title>peernet</title><script type="module" src="${path}.js"></script>`,
    );
  };
  const server = options.https ? createSecureServer(testCertificate, answer) : createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    page: (flavour) => `${options.https ? 'https' : 'http'}://localhost:${port}/${flavour}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
