// Options of `ws()`, shared by its Node and its browser half.
import type { Clock, Lookup } from '@peernet/core';

export interface WsOptions {
  /** ms for a whole dial: name, connection, TLS and upgrade; default 8 000. */
  timeoutMs?: number | undefined;
  /** PEM certificates that a `wss:` server's is checked against; default: those of the platform. Node only. */
  ca?: string | readonly string[] | undefined;
  /** All IPs of a name; default: what the operating system says. Node only. */
  lookup?: Lookup | undefined;
  clock?: Clock | undefined;
}
