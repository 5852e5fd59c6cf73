// What a node costs that does nothing: bytes per second, and heap, in a settled network over memory.
import { createTestnet } from 'peernet/testing';

const wait = (seconds) => new Promise((done) => setTimeout(done, seconds * 1000));

function heap() {
  for (let i = 0; i < 2; i++) globalThis.gc();
  return process.memoryUsage().heapUsed;
}

/** @param seconds how long to watch after the network has settled */
export async function idleNodes({ count = 20, settleSeconds = 15, seconds = 20 } = {}) {
  // The first network takes what a process has once, however many nodes there are: compiled code, shared buffers.
  const first = await createTestnet(10);
  await wait(settleSeconds + seconds);
  const before = heap();
  const { nodes, close } = await createTestnet(count);
  await wait(settleSeconds);
  const traffic = () => {
    let bytes = 0;
    for (const node of nodes) for (const peer of node.peers()) bytes += peer.tx;
    return bytes;
  };
  const links = nodes.reduce((sum, node) => sum + node.peers().length, 0) / count;
  const startBytes = traffic();
  await wait(seconds);
  const bytesPerSecond = (traffic() - startBytes) / seconds / count;
  const heapKib = (heap() - before) / count / 1024;
  await Promise.all([close(), first.close()]);
  return { bytesPerSecond, heapKib, links };
}
