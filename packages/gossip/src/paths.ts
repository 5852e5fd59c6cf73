// The shell's side of introductions: core's Signaller over the numbers by which the machine knows its paths. Calls go
// in as inputs, what happens to a path goes to whoever has it. Decides nothing about the protocol.
import {
  type Clock,
  type ErrorCode,
  type Introduction,
  type PeerId,
  parsePeerId,
  type Scope,
  type Signal,
  type SignalEvents,
  type Signaller,
  type SignalPath,
  signalBytesMax,
} from '@peernet/core';
import type { OverlayEvent, OverlayInput } from './machine/effects.js';
import { Allowance } from './machine/path.js';

/** What it needs of the shell around it. */
export interface PathsOwner {
  readonly clock: Clock;
  isClosed(): boolean;
  handle(input: OverlayInput): void;
  scopeOf(path: number): Scope | undefined;
}

export type PathEvent = Extract<OverlayEvent, { type: 'offered' | 'signalled' | 'pathClosed' }>;

export class Paths implements Signaller {
  readonly #owner: PathsOwner;
  readonly #ends = new Map<number, PathEnd>();
  #next = 1;
  #onPath: ((path: SignalPath) => SignalEvents | undefined) | undefined;

  constructor(owner: PathsOwner) {
    this.#owner = owner;
  }

  introduce(to: PeerId, how: Introduction, events: SignalEvents): SignalPath {
    if (parsePeerId(to) === undefined) throw new TypeError(`introduce: a peer id, not ${String(to)}`);
    const number = this.#next++;
    const end = new PathEnd(number, to, this.#owner);
    this.#ends.set(number, end);
    // Until we return, what happens to it can only be its end: it is told in a moment.
    this.#owner.handle({ type: 'introduce', path: number, to, via: how.via });
    end.events = events;
    const code = this.#owner.isClosed() ? 'CLOSED' : end.endedBy;
    if (code !== undefined) {
      this.#ends.delete(number);
      this.#owner.clock.alarm(this.#owner.clock.now(), () => end.ended(code));
    }
    return end;
  }

  serve(onPath: (path: SignalPath) => SignalEvents | undefined): () => void {
    if (this.#onPath !== undefined) throw new TypeError('serve: somebody takes offers already');
    this.#onPath = onPath;
    this.#owner.handle({ type: 'serve', on: true });
    return () => {
      if (this.#onPath !== onPath) return;
      this.#onPath = undefined;
      this.#owner.handle({ type: 'serve', on: false });
    };
  }

  /** What the machine says of a path. */
  tell(event: PathEvent): void {
    if (event.type === 'offered') this.#offered(event.path, event.peer);
    else if (event.type === 'signalled') this.#ends.get(event.path)?.signalled(event.signal);
    else {
      const end = this.#ends.get(event.path);
      this.#ends.delete(event.path);
      end?.ended(event.code);
    }
  }

  #offered(number: number, peer: PeerId): void {
    const end = new PathEnd(number, peer, this.#owner);
    end.events = attempt(() => this.#onPath?.(end));
    if (end.events === undefined) this.#owner.handle({ type: 'pathClose', path: number, refuse: true });
    else this.#ends.set(number, end);
  }
}

/** One end of a path, for its user. */
class PathEnd implements SignalPath {
  readonly peer: PeerId;
  events: SignalEvents | undefined;
  /** It has ended before anybody had it. */
  endedBy: ErrorCode | undefined;
  readonly #number: number;
  readonly #owner: PathsOwner;
  readonly #allowance = new Allowance();
  #scope: Scope = 'global';
  #closed = false;

  constructor(number: number, peer: PeerId, owner: PathsOwner) {
    this.#number = number;
    this.peer = peer;
    this.#owner = owner;
  }

  get scope(): Scope {
    this.#scope = this.#owner.scopeOf(this.#number) ?? this.#scope;
    return this.#scope;
  }

  send(signal: Signal): boolean {
    if (this.#closed || !this.#allowance.take(signal, signalBytesMax)) return false;
    this.#owner.handle({ type: 'signal', path: this.#number, signal });
    return true;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#owner.handle({ type: 'pathClose', path: this.#number });
  }

  signalled(signal: Signal): void {
    void this.scope; // remembered for when the machine has forgotten the path
    if (!this.#closed) attempt(() => this.events?.onSignal(signal));
  }

  ended(code: ErrorCode): void {
    this.#closed = true;
    const { events } = this;
    this.events = undefined;
    if (events === undefined) this.endedBy ??= code;
    else attempt(() => events.onClose(code));
  }
}

/** A user that throws disturbs nobody: its error goes where uncaught ones of the application go. */
export function attempt<T>(call: () => T): T | undefined {
  try {
    return call();
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
    return undefined;
  }
}
