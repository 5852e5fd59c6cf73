// Processes end by themselves when their nodes are closed, and not before.
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { Child } from '../src/child.js';

const script = fileURLToPath(new URL('../fixtures/exits.cjs', import.meta.url));
const built = existsSync(fileURLToPath(new URL('../../../packages/peernet/dist/index.cjs', import.meta.url)));
const need = built ? test : test.skip;

need(
  'two nodes connect, talk and close: the process ends',
  async () => {
    const child = new Child([script]);
    try {
      await child.prints(/closed/);
      const startMs = performance.now();
      expect(await child.exit()).toBe(0);
      expect(performance.now() - startMs).toBeLessThan(1_000);
      expect(child.output).toBe('closed\n');
    } finally {
      await child.kill();
    }
  },
  40_000,
);

need(
  'a call that waits is waited for',
  async () => {
    const child = new Child([script, 'finds nobody']);
    try {
      expect(await child.exit()).toBe(0);
      expect(child.output).toBe('find: NOT_FOUND\n');
    } finally {
      await child.kill();
    }
  },
  40_000,
);

need(
  'a node that is open keeps its process',
  async () => {
    const child = new Child([script, 'stays']);
    try {
      await child.prints(/ready/);
      const ended = await Promise.race([
        child.exit(),
        new Promise((done) => setTimeout(done, 1_500, 'lives')),
      ]);
      expect(ended).toBe('lives');
    } finally {
      await child.kill();
    }
  },
  40_000,
);

need(
  'what is refused at construction holds nothing',
  async () => {
    const child = new Child([script, 'refused']);
    try {
      expect(await child.exit()).toBe(0);
      expect(child.output).toBe('TypeError\nTypeError\n');
    } finally {
      await child.kill();
    }
  },
  40_000,
);
