// What users of the shell see: options, events and views.
import type {
  Clock,
  CloseReason,
  Crypto,
  Dial,
  Link,
  LinkKey,
  Log,
  PeerId,
  PeerStore,
  Random,
  Scope,
} from '@peernet/core';
import type { Tuning } from './defaults.js';
import type { DialNow } from './dial-now.js';
import type { LinkKind } from './machine/effects.js';

export interface GossipOptions {
  /** Who we are. */
  readonly crypto: Crypto;
  /** How to reach out. Without one, only links that are `add`ed are used. */
  readonly dial?: Dial | undefined;
  /** The same without promises; goes before `dial`. */
  readonly dialNow?: DialNow | undefined;
  /** The address book. Default: one in memory. */
  readonly store?: PeerStore | undefined;
  readonly clock?: Clock | undefined;
  readonly random?: Random | undefined;
  readonly log?: Log | undefined;
  /** Links that we keep. Default 5. */
  readonly connections?: number | undefined;
  /** Between two exchanges of addresses, ms; 0: none. Default 5000. */
  readonly interval?: number | undefined;
  /** Dial from the book, by walks and for rotation. Default true. */
  readonly bootstrap?: boolean | undefined;
  /** Accept 256 links instead of 128. */
  readonly relay?: boolean | undefined;
  readonly lan?: boolean | undefined;
  /** There is a transport for `wrtc:` addresses that uses `signaller`. Default false. */
  readonly webrtc?: boolean | undefined;
  /** Schemes that `dial` serves; the array may grow. Default ws, wss, tcp. */
  readonly schemes?: readonly string[] | undefined;
  /** Dialed when there is nobody else. */
  readonly seeds?: readonly string[] | undefined;
  /** What `anchors` told in an earlier run. */
  readonly anchors?: readonly string[] | undefined;
  /** Addresses at which others reach us, whatever we find out ourselves. */
  readonly announce?: readonly string[] | undefined;
  /** The highest `seq` of an earlier run. */
  readonly seq?: number | undefined;
  /** IPs of the own interfaces. */
  readonly interfaces?: (() => readonly string[]) | undefined;
  /** Differences from TUNING, for private clusters and experiments. */
  readonly limits?: Partial<Tuning> | undefined;
}

/** A neighbour in the overlay. */
export interface Neighbour {
  readonly key: LinkKey;
  readonly id: PeerId;
  readonly address: string | undefined;
  readonly direction: 'in' | 'out';
  readonly scope: Scope;
  /** When it became one, ms of the clock's `now()`. */
  readonly since: number;
  readonly pinned: boolean;
  /** Neighbours that it says it has. */
  readonly degree: number;
}

/** Any link that gossip holds. */
export interface LinkView extends Neighbour {
  readonly kind: LinkKind;
  readonly link: Link;
}

export interface GossipEvents {
  /** A link became an overlay link. */
  up: [{ id: PeerId; address: string | undefined; direction: 'in' | 'out'; link: Link }];
  /** … and is none any more. */
  down: [{ id: PeerId; address: string | undefined; reason: CloseReason; link: Link }];
  /** `up`, for users. */
  peer: [{ id: PeerId; address: string | undefined }];
  /** A link that was no neighbour ended. */
  gone: [{ id: PeerId; kind: LinkKind; reason: CloseReason; link: Link }];
  /** New addresses in the book. */
  known: [addresses: readonly string[]];
  own: [addresses: readonly string[]];
  /** To be given back as `anchors` after a restart. */
  anchors: [addresses: readonly string[]];
  /** Of our record. The highest one is to be given back as `seq` after a restart. */
  seq: [seq: number];
  debug: [event: string, fields: Readonly<Record<string, unknown>>];
}
