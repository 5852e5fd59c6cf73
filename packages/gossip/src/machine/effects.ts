// What goes into the overlay machine and what comes out of it. Links and dials have numbers that are never used twice.
import type { CloseReason, ErrorCode, LinkKey, PeerId, Scope, Signal, Urgency } from '@peernet/core';
import type { Purpose } from '../wire.js';

/** What a link is to us. `pending`: HELLO is not over. */
export type LinkKind = 'pending' | 'overlay' | 'guest' | 'app' | 'probe';

/** A link that has come up, as its shell describes it. */
export interface NewLink {
  readonly key: LinkKey;
  readonly peer: PeerId;
  readonly initiator: boolean;
  readonly scope: Scope;
  readonly session?: string | undefined;
  readonly remoteAddress?: string | undefined;
}

/** A listener of ours, for own-address discovery. */
export interface Service {
  readonly scheme: string;
  readonly host: string;
  readonly port: number;
  readonly announce?: readonly string[] | undefined;
  /** It answers STUN at this port, too. */
  readonly stun?: boolean | undefined;
}

export type OverlayInput =
  | { readonly type: 'tick' }
  /** A link that somebody else made: inbound, or dialed by the application. */
  | { readonly type: 'linkUp'; readonly link: NewLink; readonly purpose?: Purpose | undefined }
  /** A dial of ours succeeded. */
  | { readonly type: 'dialed'; readonly dial: number; readonly link: NewLink }
  | { readonly type: 'dialFailed'; readonly dial: number; readonly code: ErrorCode }
  | { readonly type: 'message'; readonly key: LinkKey; readonly bytes: Uint8Array }
  | { readonly type: 'drain'; readonly key: LinkKey }
  | { readonly type: 'linkDown'; readonly key: LinkKey; readonly reason: CloseReason }
  /** The user connects; answered by `connected` or `connectFailed` with the same number. */
  | { readonly type: 'connect'; readonly request: number; readonly address: string }
  | { readonly type: 'connectCancel'; readonly request: number }
  /** The user wants no link with an id or address for a while. */
  | { readonly type: 'disconnect'; readonly target: string }
  /** A peer broke another protocol over the same connection: it is banned as if it had broken ours. */
  | { readonly type: 'misbehaved'; readonly id: PeerId; readonly why: string }
  | {
      readonly type: 'listening';
      readonly services: readonly Service[];
      readonly interfaces: readonly string[];
    }
  /** Begins an introduction: `path` is its number, above 0. It ends with `pathClosed`. */
  | {
      readonly type: 'introduce';
      readonly path: number;
      readonly to: PeerId;
      readonly via: readonly string[];
    }
  | { readonly type: 'signal'; readonly path: number; readonly signal: Signal }
  /** `refuse`: an offer that we do not take; the other side is told. */
  | { readonly type: 'pathClose'; readonly path: number; readonly refuse?: boolean | undefined }
  /** Whether offers are taken. */
  | { readonly type: 'serve'; readonly on: boolean }
  /** New addresses were saved, or the network is back: no need to wait. */
  | { readonly type: 'wake' }
  | { readonly type: 'close' };

export type OverlayEvent =
  | { readonly type: 'up'; readonly key: LinkKey; readonly id: PeerId; readonly address: string | undefined }
  | {
      readonly type: 'down';
      readonly key: LinkKey;
      readonly id: PeerId;
      readonly address: string | undefined;
      readonly reason: CloseReason;
    }
  /** A link that was no neighbour ended. */
  | {
      readonly type: 'gone';
      readonly key: LinkKey;
      readonly id: PeerId;
      readonly kind: LinkKind;
      readonly reason: CloseReason;
    }
  | { readonly type: 'connected'; readonly request: number; readonly id: PeerId }
  | { readonly type: 'connectFailed'; readonly request: number; readonly code: ErrorCode }
  /** Somebody begins an introduction with us: `path` is its number, below 0; the offer follows as `signalled`. */
  | { readonly type: 'offered'; readonly path: number; readonly peer: PeerId }
  | { readonly type: 'signalled'; readonly path: number; readonly signal: Signal }
  | { readonly type: 'pathClosed'; readonly path: number; readonly code: ErrorCode }
  | { readonly type: 'known'; readonly addresses: readonly string[] }
  | { readonly type: 'own'; readonly addresses: readonly string[] }
  | { readonly type: 'anchors'; readonly addresses: readonly string[] }
  | { readonly type: 'seq'; readonly seq: number }
  | { readonly type: 'debug'; readonly event: string; readonly fields: Readonly<Record<string, unknown>> };

export interface OverlayEffects {
  /** False: not taken (congested or closed). */
  send(to: LinkKey, message: Uint8Array, urgency: Urgency): boolean;
  /** `linkDown` may follow; the machine has forgotten the link by then. */
  close(key: LinkKey, reason: CloseReason): void;
  dial(dial: number, address: string, expect: PeerId | undefined): void;
  cancelDial(dial: number): void;
  emit(event: OverlayEvent): void;
}
