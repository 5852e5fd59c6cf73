// The whole state of a node as one plain object: for the CLI, for dashboards, for tests.
import type { BookEntry } from '@peernet/core';
import type { Store } from '@peernet/store';
import type { Situation } from './explain.js';
import type { Member } from './member.js';
import type { Parts } from './parts.js';
import type { Subnets } from './subnets.js';
import type { Service } from './types.js';

export interface Snapshot {
  /** Of this format. */
  v: 1;
  id: string | undefined;
  uptimeMs: number;
  own: string[];
  services: { protocol: string; address: string; port: number }[];
  /** WebRTC is there. */
  webrtc: boolean;
  /** Services that answer STUN at the UDP port of the same number. */
  stun: number;
  connections: { overlay: number; app: number; pending: number; inbound: number; target: number };
  book: { known: number; verified: number; saved: number };
  /** Min-wise slots of the book: how many have a choice, are held, and how often a seed was renewed. */
  slots: { slots: number; chosen: number; held: number; renewed: number };
  subnets: string[];
  /** Counters of those that were opened by `pn.subnet()`: connected, known, searches, attempts, … */
  rooms: Record<string, Record<string, number>>;
  /** Estimated number of nodes. */
  size: number;
  gossip: Readonly<Record<string, unknown>>;
  search: Readonly<Record<string, unknown>>;
  /** What `explain()` looks at. */
  situation: Situation;
}

export interface SnapshotSource {
  readonly parts: Parts | undefined;
  readonly subnets: Subnets;
  readonly store: Store;
  readonly services: readonly Service[];
  readonly stun: number;
  /** The user wants none. */
  readonly webRtcOff: boolean;
  readonly target: number;
  readonly bootstrap: boolean;
  readonly uptimeMs: number;
  readonly storeFailed: boolean;
}

export function takeSnapshot(s: SnapshotSource): Snapshot {
  const members = s.parts?.hub.members() ?? [];
  const count = (kind: string): number => members.filter((member) => member.kind === kind).length;
  const entries: BookEntry[] = [...s.store.entries()];
  const own = s.parts?.gossip.own() ?? [];
  const connections = {
    overlay: count('overlay'),
    app: count('app'),
    pending: count('pending'),
    inbound: members.filter((member) => !member.connection.initiator).length,
    target: s.target,
  };
  const book = {
    known: entries.length,
    verified: entries.filter((entry) => entry.verified).length,
    saved: entries.filter((entry) => entry.saved).length,
  };
  const gossip = (s.parts?.gossip.snapshot() ?? {}) as Record<string, unknown>;
  const size = s.parts?.gossip.size ?? 1;
  return {
    v: 1,
    id: s.parts?.crypto.id,
    uptimeMs: Math.round(s.uptimeMs),
    own,
    services: s.services.map(({ protocol, address, port }) => ({ protocol, address, port })),
    webrtc: s.parts?.webRtc !== undefined,
    stun: s.stun,
    connections,
    book,
    slots: s.store.slotCounts(),
    subnets: s.parts?.search.subnets() ?? [],
    rooms: s.subnets.snapshot(),
    size,
    gossip,
    search: (s.parts?.search.snapshot() ?? {}) as Record<string, unknown>,
    situation: {
      connections: connections.overlay,
      target: s.target,
      bootstrap: s.bootstrap,
      ...book,
      services: s.services.length,
      own: (s.parts?.gossip.ownStates() ?? []).map(({ address, verified }) => ({ address, verified })),
      inbound: connections.inbound,
      webrtc: s.parts?.webRtc !== undefined ? 'on' : s.webRtcOff ? 'off' : 'none',
      relays: members.filter(isRelay).length,
      dials: s.parts?.hub.dials.counts ?? { ok: 0, failed: 0 },
      size,
      storeFailed: s.storeFailed,
      uptimeMs: s.uptimeMs,
    },
  };
}

/** A neighbour that we dialed where others can dial it, too. */
function isRelay({ kind, connection, peer }: Member): boolean {
  return kind === 'overlay' && connection.initiator && peer.transport !== 'wrtc';
}
