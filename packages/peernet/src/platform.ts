// What Node offers. Pages get platform.browser.ts instead.
import { networkInterfaces } from 'node:os';
import type { Log, Transport } from '@peernet/core';
import type { LevelDatabase } from '@peernet/store';
import { tcp } from '@peernet/transport-tcp';
import { stunServer } from '@peernet/transport-wrtc/stun';
import { ws } from '@peernet/transport-ws';

/** Full size. */
export const bookScale = 1;

/** Without a database that the user names, Node remembers nothing: where would it be? */
export function defaultStorage(
  _network: string,
  _log: Log,
): { db: LevelDatabase; readOnly: () => boolean } | undefined {
  return undefined;
}

/** Processes of Node are not put to sleep; that computers are is seen by the connections themselves. */
export function watchLife(_events: { doubt(): void; wake(): void }): () => void {
  return () => {};
}

/** Every transport of this platform. */
export function platformTransports(): Transport[] {
  return [ws(), tcp()];
}

/** Answers STUN at the UDP port of a listener. Rejects if that is taken. */
export function answerStun(at: { host: string; port: number }): Promise<{ close(): unknown }> | undefined {
  return stunServer(at);
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
