// Programs of this folder as processes of their own, made from sources.
import { type ChildProcess, spawn } from 'node:child_process';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { onTestFinished } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));

/** Bundles a program; returns the file to run. */
export async function program(source: URL): Promise<string> {
  // Inside the package, so that it finds classic-level.
  const outfile = `${root}node_modules/.programs/${basename(source.pathname, '.ts')}.mjs`;
  await build({
    entryPoints: [fileURLToPath(source)],
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    conditions: ['@peernet/source'],
    external: ['classic-level'],
  });
  return outfile;
}

/** Runs it until the end of the test at most. */
export function run(file: string, args: readonly string[]): ChildProcess {
  const child = spawn(process.execPath, [file, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  return child;
}

/** Whole lines of its standard output, until it ends. */
export async function* linesOf(child: ChildProcess): AsyncIterable<string> {
  let buffered = '';
  for await (const chunk of child.stdout ?? []) {
    buffered += String(chunk);
    const lines = buffered.split('\n');
    buffered = lines.pop() ?? ''; // a line that was cut off was not said
    yield* lines;
  }
}
