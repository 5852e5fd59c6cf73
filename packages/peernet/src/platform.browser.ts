// What browsers offer: they dial, and cannot listen.
import type { Transport } from '@peernet/core';
import { ws } from '@peernet/transport-ws';

/** Every transport of this platform. */
export function platformTransports(): Transport[] {
  return [ws()];
}

/** Pages are not told. */
export function interfaceIps(): string[] {
  return [];
}
