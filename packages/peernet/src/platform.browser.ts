// What browsers offer: they dial and cannot listen, remember in IndexedDB, and put pages to sleep.
import type { Transport } from '@peernet/core';
import { ws } from '@peernet/transport-ws';

export { watchLife } from './page-life.browser.js';
export { defaultStorage } from './page-storage.browser.js';

/** Size of the book in a page: 1/16 (protocol.md §4). */
export const bookScale = 1 / 16;

/** Every transport of this platform. */
export function platformTransports(): Transport[] {
  return [ws()];
}

/** Pages have no UDP. */
export function answerStun(_at: { host: string; port: number }): undefined {
  return undefined;
}

/** Pages are not told. */
export function interfaceIps(): string[] {
  return [];
}
