// Who introduces in these tests: a switchboard in memory, instead of gossip. It keeps the promises of core's
// `Signaller` (nothing is called before the call that gave a path has returned; close is told once), counts, and can
// be told how wide the network is, to lose signals, or to let somebody read and change them.
import type { ErrorCode, PeerId, Scope, Signal, SignalEvents, Signaller, SignalPath } from '@peernet/core';

type OnPath = (path: SignalPath) => SignalEvents | undefined;

/** Peer `n`. */
export function peerId(n: number): PeerId {
  return n.toString(16).padStart(64, '0') as PeerId;
}

export interface BoardOptions {
  /** What every path says of itself. */
  scope?: Scope;
  /** Whether a signal arrives, and as what. */
  pass?: (signal: Signal, from: PeerId) => Signal | undefined;
}

/** One end of a path. */
class End implements SignalPath {
  readonly peer: PeerId;
  events: SignalEvents | undefined;
  other: End | undefined;
  closed = false;
  readonly #board: Board;
  readonly own: PeerId;

  constructor(board: Board, own: PeerId, peer: PeerId) {
    this.#board = board;
    this.own = own;
    this.peer = peer;
  }

  get scope(): Scope {
    return this.#board.scope;
  }

  send(signal: Signal): boolean {
    if (this.closed) return false;
    this.#board.signals.push({ from: this.own, to: this.peer, signal });
    const passed = this.#board.pass(signal, this.own);
    if (passed !== undefined) this.#board.deliver(this, passed);
    return true;
  }

  close(): void {
    this.shut('CLOSED');
  }

  shut(code: ErrorCode): void {
    if (this.closed) return;
    this.closed = true;
    setImmediate(() => this.events?.onClose(code));
    this.other?.shut('CLOSED');
  }
}

export class Board {
  readonly scope: Scope;
  readonly pass: NonNullable<BoardOptions['pass']>;
  readonly signals: { from: PeerId; to: PeerId; signal: Signal }[] = [];
  readonly #serving = new Map<PeerId, OnPath>();

  constructor(options: BoardOptions = {}) {
    this.scope = options.scope ?? 'loopback';
    this.pass = options.pass ?? ((signal) => signal);
  }

  signaller(id: PeerId): Signaller {
    return {
      introduce: (to, _how, events) => {
        const end = new End(this, id, to);
        end.events = events;
        if (!this.#serving.has(to)) setImmediate(() => end.shut('NOT_FOUND'));
        return end;
      },
      serve: (onPath) => {
        this.#serving.set(id, onPath);
        return () => this.#serving.delete(id);
      },
    };
  }

  deliver(from: End, signal: Signal): void {
    setImmediate(() => {
      from.other ??= this.#open(from);
      if (from.other === undefined) return from.shut('NOT_FOUND');
      if (!from.other.closed) from.other.events?.onSignal(signal);
    });
  }

  #open(from: End): End | undefined {
    const end = new End(this, from.peer, from.own);
    end.other = from;
    end.events = this.#serving.get(from.peer)?.(end);
    return end.events && end;
  }
}
