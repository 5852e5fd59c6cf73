// What a node costs that does nothing: bytes per second, and heap, in a settled network over memory.
import { createTestnet } from 'peernet/testing';

/** @param seconds how long to watch after the network has settled */
export async function idleNodes({ count = 10, settleSeconds = 15, seconds = 20 } = {}) {
  const heap = () => {
    for (let i = 0; i < 2; i++) globalThis.gc();
    return process.memoryUsage().heapUsed;
  };
  let net = await createTestnet(count);
  const wait = (s) => new Promise((done) => setTimeout(done, s * 1000));
  await wait(settleSeconds);
  const traffic = () => {
    let bytes = 0;
    for (const node of net.nodes) for (const peer of node.peers()) bytes += peer.tx;
    return bytes;
  };
  const links = net.nodes.reduce((sum, node) => sum + node.peers().length, 0) / count;
  const startBytes = traffic();
  await wait(seconds);
  const bytesPerSecond = (traffic() - startBytes) / seconds / count;
  // What is gone once they are closed was theirs; compiled code and shared buffers stay with the process.
  const open = heap();
  await net.close();
  net = undefined;
  await wait(1);
  const heapKib = (open - heap()) / count / 1024;
  return { bytesPerSecond, heapKib, links };
}
