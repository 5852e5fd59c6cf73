// `pnpm play`: a REPL with five nodes in memory. Needs a build (`pnpm build`).

import { createRequire } from 'node:module';
import { start } from 'node:repl';
import { fileURLToPath } from 'node:url';

const require = createRequire(fileURLToPath(new URL('../internal/e2e/package.json', import.meta.url)));
const { createTestnet } = require('peernet/testing');

const { nodes, close } = await createTestnet(5);
const [a, b, c, d, e] = nodes;
console.log('five nodes: a b c d e (all in `nodes`). For example:\n');
console.log("  await a.join('chat')\n  await e.find('chat')\n  b.connections()\n  a.snapshot()\n");
const repl = start({ prompt: 'peernet> ' });
Object.assign(repl.context, { nodes, a, b, c, d, e });
repl.on('exit', () => void close());
