// A star becomes a mesh, and survives the death of its centre: on real ws sockets, in one process.
import { leakCheck } from '@peernet/testkit';
import { Peernet } from 'peernet';
import { afterEach, describe, expect, test } from 'vitest';
import { components, degree } from '../src/graph.js';
import { until } from '../src/until.js';

const settled = leakCheck();
const open: Peernet[] = [];

afterEach(async () => {
  await Promise.all(open.splice(0).map((node) => node.close()));
  await settled();
});

/** The centre listens; everybody else listens too, but is told only of the centre. */
async function star(count: number): Promise<{ centre: Peernet; others: Peernet[] }> {
  const centre = new Peernet(undefined, {});
  open.push(centre);
  const { address } = await centre.listen('ws', { host: '127.0.0.1' });
  const others: Peernet[] = [];
  for (let i = 1; i < count; i++) {
    const node = new Peernet(undefined, {});
    open.push(node);
    others.push(node);
    await node.listen('ws', { host: '127.0.0.1' });
    await node.save(address);
  }
  await Promise.all([centre, ...others].map((node) => node.ready()));
  return { centre, others };
}

describe.each([3, 30])('a star of %i', (count) => {
  test('becomes one component without its centre within 30 s, and stays so after the centre is dead', async () => {
    const { centre, others } = await star(count);
    const centreId = centre.id;
    const wanted = Math.min(4, count - 2);
    const shape = (): string =>
      `components ${components(others)}, degrees ${others.map((n) => degree(n, centreId))}`;
    const whole = (): boolean => components(others)[0] === others.length;
    const meshed = (): boolean => whole() && others.every((node) => degree(node, centreId) >= wanted);
    // The issue asks for the component in 30 s, S11 of the targets for the links in 35 s.
    const wholeMs = await until(whole, 30_000, shape);
    const meshedMs = wholeMs + (await until(meshed, 35_000 - wholeMs, shape));
    const seconds = [wholeMs, meshedMs].map((ms) => (ms / 1000).toFixed(1));
    console.log(
      `star of ${count}: one component after ${seconds[0]} s, ${wanted} links each after ${seconds[1]} s`,
    );
    await centre.close();
    const gone = (): boolean => others.every((node) => node.peers().every((peer) => peer.id !== centreId));
    await until(gone, 15_000, shape);
    expect(components(others)).toEqual([others.length]);
  }, 60_000);
});
