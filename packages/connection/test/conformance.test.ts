import { transportCases } from '@peernet/core/conformance';
import { test } from 'vitest';
import { MemoryNetwork, memoryTransport } from '../src/index.js';

// Names are no ports, and nobody has an IP inside a process.
for (const c of transportCases.filter(({ needs }) => needs !== 'ip' && needs !== 'port')) {
  test(c.name, { timeout: 20_000 }, () =>
    c.run(() => ({
      transport: memoryTransport(new MemoryNetwork()),
      address: ({ host }) => `memory:${host}`,
      nobody: 'memory:nobody',
    })),
  );
}
