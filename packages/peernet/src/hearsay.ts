// Addresses that members of a subnet name for themselves. Nobody has proven them, and every member dials them by itself:
// so, as with what gossip hears (protocol.md §3), none of them leads to a port of the system, and a host where nobody
// answers as he should is left alone after a few dials. Whoever was met at an address before may always be dialed there.
import { isHearsayPort, keysOf, LruMap, type PeerStore, TokenBucket, userAddressOf } from '@peernet/core';
import { DEFAULTS, HOST_FAILURES } from './defaults.js';

export class Hearsay {
  /** Hosts where dials have failed. */
  readonly #hosts = new LruMap<string, TokenBucket>(DEFAULTS.hostsKept);

  /** A dial of ours was in vain. */
  failed(text: string, nowMs: number): void {
    const host = globalHost(text);
    if (host === undefined) return;
    const bucket = this.#hosts.get(host) ?? new TokenBucket(HOST_FAILURES, nowMs);
    this.#hosts.set(host, bucket);
    bucket.takeUpTo(1, nowMs);
  }

  /** Those that may be dialed for a stranger's sake now. */
  believed(addresses: readonly string[], store: PeerStore, nowMs: number): string[] {
    return addresses.filter((text) => {
      const host = globalHost(text);
      if (host === undefined || store.get(text)?.lastSeen !== undefined) return true;
      const { port } = userAddressOf(text) ?? { port: 0 };
      return isHearsayPort(port) && (this.#hosts.get(host)?.level(nowMs) ?? 1) >= 1;
    });
  }
}

/** Narrower networks have their own rules, and introductions are limited by who makes them. */
function globalHost(text: string): string | undefined {
  const address = userAddressOf(text);
  return address?.scope === 'global' && address.scheme !== 'wrtc' ? keysOf(address).host : undefined;
}
