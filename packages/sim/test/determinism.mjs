// The other process of the determinism test: loads the sources, runs the toy, prints what came out.
//   node -C @peernet/source test/determinism.mjs <seed>
import { register } from 'node:module';

// Types are stripped by the compiler that the workspace has anyway: Node 20 cannot do it.
const hooks = `
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import ts from ${JSON.stringify(import.meta.resolve('typescript'))};
export async function resolve(specifier, context, next) {
  const isSource = specifier.startsWith('.') && context.parentURL?.endsWith('.ts');
  return next(isSource ? specifier.replace(/\\.js$/, '.ts') : specifier, context);
}
export async function load(url, context, next) {
  if (!url.endsWith('.ts')) return next(url, context);
  const text = await readFile(fileURLToPath(url), 'utf8');
  const options = { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022, verbatimModuleSyntax: true };
  return { format: 'module', shortCircuit: true, source: ts.transpile(text, options) };
}`;
register(`data:text/javascript,${encodeURIComponent(hooks)}`);
const { chatter } = await import('./chatter.ts');
process.stdout.write(JSON.stringify(chatter(Number(process.argv[2]))));
