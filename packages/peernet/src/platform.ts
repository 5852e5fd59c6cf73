// What Node offers. Browser builds swap this file for platform.browser.ts.
import { networkInterfaces } from 'node:os';
import type { Transport } from '@peernet/core';
import { tcp } from '@peernet/transport-tcp';
import { ws } from '@peernet/transport-ws';

/** Every transport of this platform. */
export function platformTransports(): Transport[] {
  return [ws(), tcp()];
}

/** The IPs of this computer's interfaces, without zones. */
export function interfaceIps(): string[] {
  const ips: string[] = [];
  for (const list of Object.values(networkInterfaces())) {
    // Link-local IPv6 needs a zone, which addresses do not have.
    for (const { address, scopeid } of list ?? []) if (!scopeid) ips.push(address);
  }
  return ips;
}
