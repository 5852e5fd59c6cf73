import { transportCases } from '@peernet/core/conformance';
import { leakCheck } from '@peernet/testkit';
import { afterEach, test } from 'vitest';
import { tcp } from '../src/index.js';

afterEach(leakCheck());

for (const c of transportCases) {
  test(c.name, { timeout: 20_000 }, () =>
    c.run(() => ({
      transport: tcp(),
      address: ({ port }) => `tcp://127.0.0.1:${port}`,
      nobody: 'tcp://127.0.0.1:1',
    })),
  );
}
