// What a node costs that does nothing: bytes per second, and heap, in a settled network over memory.
import { createTestnet } from 'peernet/testing';

/** @param seconds how long to watch after the network has settled */
export async function idleNodes({ count = 10, settleSeconds = 15, seconds = 20 } = {}) {
  const heap = () => {
    globalThis.gc();
    return process.memoryUsage().heapUsed;
  };
  const wait = (s) => new Promise((done) => setTimeout(done, s * 1000));
  // A first network takes what the process has once, however many nodes there are: compiled code, buffers to share.
  const first = await createTestnet(count);
  await wait(settleSeconds);
  await first.close();
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
  await close();
  return { bytesPerSecond, heapKib, links };
}
