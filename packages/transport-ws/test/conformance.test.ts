import { transportCases } from '@peernet/core/conformance';
import { leakCheck, testCertificate } from '@peernet/testkit';
import { afterEach, describe, test } from 'vitest';
import { ws } from '../src/index.js';

afterEach(leakCheck());

for (const scheme of ['ws', 'wss']) {
  describe(scheme, () => {
    const tls = scheme === 'wss' ? testCertificate : undefined;
    for (const c of transportCases) {
      test(c.name, { timeout: 20_000 }, () =>
        c.run(() => ({
          transport: ws({ ca: tls?.cert }),
          listen: { tls },
          address: ({ port }) => `${scheme}://127.0.0.1:${port}`,
          nobody: `${scheme}://127.0.0.1:1`,
        })),
      );
    }
  });
}
