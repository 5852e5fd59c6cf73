// Damaged database files: the store opens with what can still be read, or fails with a clean error and goes on in
// memory. It never shows what was not there before, never hangs. PEERNET_DAMAGES sets how often (default 60).
//
// One thing is beyond us: on some damage of a table, LevelDB (1.20, built with assertions) aborts the process
// before we see anything (1 to 4 of 500 here). That is counted; whoever must survive it, as a daemon must, has to notice
// at its next start that the last one died while opening the database.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { linesOf, program, run } from './child.js';
import { temporaryFolder } from './stage.js';

const damages = Number(process.env.PEERNET_DAMAGES ?? 60);
let file: string;

beforeAll(async () => {
  file = await program(new URL('./damage-child.ts', import.meta.url));
});

test(
  `${damages} damages`,
  async () => {
    const outcomes: Record<string, number> = { whole: 0, partly: 0, refused: 0, 'aborted by LevelDB': 0 };
    const aborted: string[] = [];
    for (let seed = 1; seed <= damages; ) {
      const work = join(temporaryFolder(), 'work');
      mkdirSync(work);
      const child = run(file, [work, String(seed), String(damages)]);
      let stderr = '';
      child.stderr?.on('data', (chunk) => {
        stderr += String(chunk);
      });
      let what = 'nothing';
      for await (const line of linesOf(child)) {
        const [word, rest = ''] = line.split(/ (.*)/);
        if (word === 'seed') {
          what = rest;
          seed = Number.parseInt(rest, 10) + 1;
        } else {
          outcomes[rest] = (outcomes[rest] ?? 0) + 1;
          what = '';
        }
      }
      if (what === '') break; // said of the last one how it is
      expect(stderr, `seed ${what}`).toMatch(/leveldb.*Assertion/s);
      outcomes['aborted by LevelDB'] = (outcomes['aborted by LevelDB'] ?? 0) + 1;
      aborted.push(what);
    }
    console.log(`${damages} damaged databases: ${JSON.stringify(outcomes)} ${aborted.join(', ')}`);
    const total = Object.values(outcomes).reduce((a, b) => a + b, 0);
    expect(total).toBe(damages);
    // If all were whole, nothing was damaged.
    expect(outcomes.partly).toBeGreaterThan(0);
    expect(outcomes.refused).toBeGreaterThan(0);
  },
  60_000 + 500 * damages,
);
