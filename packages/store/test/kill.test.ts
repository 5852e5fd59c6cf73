// kill -9 while writing, again and again on one database: nothing that was acknowledged may be lost, no change may be
// there by half, the identity stays. PEERNET_KILLS sets how often (default 20).
import { below, seededRandom } from '@peernet/core';
import { beforeAll, expect, test } from 'vitest';
import { linesOf, program, run } from './child.js';
import { temporaryFolder } from './stage.js';

const kills = Number(process.env.PEERNET_KILLS ?? 20);
let file: string;

beforeAll(async () => {
  file = await program(new URL('./kill-child.ts', import.meta.url));
});

interface Life {
  acknowledged: number;
  seed: string | undefined;
  openMs: number;
  complaints: string[];
}

/** One life of the child: it is killed some ms after its first acknowledgement. */
async function live(folder: string, acknowledged: number, manner: string, delayMs: number): Promise<Life> {
  const child = run(file, [folder, String(acknowledged), manner]);
  child.stderr?.on('data', (chunk) => life.complaints.push(String(chunk)));
  const life: Life = { acknowledged, seed: undefined, openMs: 0, complaints: [] };
  let dying = false;
  for await (const line of linesOf(child)) {
    const [word, rest = ''] = line.split(/ (.*)/);
    if (word === 'seed') life.seed = rest;
    else if (word === 'open') life.openMs = Number(rest);
    else if (word === 'ack') life.acknowledged = Number(rest);
    else life.complaints.push(line);
    if (word !== 'ack' || dying) continue;
    dying = true;
    setTimeout(() => child.kill('SIGKILL'), delayMs);
  }
  return life;
}

test(
  `${kills} × kill -9 while writing: nothing lost, nothing torn`,
  async () => {
    const folder = temporaryFolder();
    const random = seededRandom(1);
    let life: Life = { acknowledged: 0, seed: undefined, openMs: 0, complaints: [] };
    let slowestMs = 0;
    let seed: string | undefined;
    for (let kill = 0; kill < kills; kill++) {
      life = await live(folder, life.acknowledged, 'honest', below(random, 40));
      expect(life.complaints).toEqual([]);
      seed ??= life.seed;
      expect(life.seed).toBe(seed);
      slowestMs = Math.max(slowestMs, life.openMs);
    }
    console.log(
      `${kills} kills, ${life.acknowledged} acknowledged, 0 lost, 0 torn, slowest start ${slowestMs} ms`,
    );
    expect(life.acknowledged).toBeGreaterThan(kills);
    expect(slowestMs).toBeLessThan(5000);
  },
  10_000 + 3000 * kills,
);

test('control: a store that acknowledges before it writes is found out', async () => {
  const folder = temporaryFolder();
  const complaints: string[] = [];
  let acknowledged = 0;
  for (let kill = 0; kill < 12 && complaints.length === 0; kill++) {
    const life = await live(folder, acknowledged, 'hasty', kill);
    acknowledged = life.acknowledged;
    complaints.push(...life.complaints);
  }
  expect(complaints[0]).toMatch(/^lost or torn/);
}, 60_000);
