// Heap and RSS of one idle connection, both ends, of the stack named on the command line. Prints one line of JSON. Needs
// --expose-gc, and a process of its own: memory that another measurement has grown would hide ours.
import { ours, theirs } from './stacks.mjs';

const kib = 1024;
const count = 300;

async function settle() {
  for (let i = 0; i < 3; i++) {
    await new Promise((done) => setTimeout(done, 50));
    globalThis.gc();
  }
  const { heapUsed, external, rss } = process.memoryUsage();
  return { heap: heapUsed + external, rss };
}

const stack = await (process.argv[2] === 'ours' ? ours() : theirs());
// What the code itself takes, once.
for (let i = 0; i < 20; i++) await (await stack.connect()).close();
const before = await settle();
const connections = [];
for (let i = 0; i < count; i++) connections.push(await stack.connect());
const after = await settle();
console.log(
  JSON.stringify({
    heapKib: (after.heap - before.heap) / count / kib,
    rssKib: (after.rss - before.rss) / count / kib,
  }),
);
process.exit(connections.length === count ? 0 : 1);
