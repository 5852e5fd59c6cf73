// Listeners for tests, closed after each of them.
import type { DuplexLike, Listener, ListenOptions, RemoteInfo } from '@peernet/core';
import { leakCheck } from '@peernet/testkit';
import { afterEach } from 'vitest';
import { ws } from '../src/index.js';

const open: Listener[] = [];
const settled = leakCheck();

afterEach(async () => {
  await Promise.all(open.splice(0).map((listener) => listener.close()));
  await settled();
});

export interface TestHost {
  readonly listener: Listener;
  readonly port: number;
  readonly accepted: { duplex: DuplexLike; from: RemoteInfo }[];
}

/** Listens on any port; what comes in is established at once, as if its handshake were done. */
export async function host(options: ListenOptions = {}, establish = true): Promise<TestHost> {
  const accepted: TestHost['accepted'] = [];
  const listener = await (ws().listen as NonNullable<ReturnType<typeof ws>['listen']>)(
    options,
    (duplex, from) => {
      accepted.push({ duplex, from });
      if (establish) from.established?.();
    },
  );
  open.push(listener);
  return { listener, port: listener.port, accepted };
}
