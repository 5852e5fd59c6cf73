// The listener of the WebRTC transport: takes offers that the signaller brings, in the order of their coming and
// within the limits of `Places`, answers them, and hands out what opens. It has neither host nor port.
import {
  type Clock,
  type DuplexLike,
  type Listener,
  PeernetError,
  type RemoteInfo,
  type Signal,
  type SignalEvents,
  type Signaller,
  type SignalPath,
} from '@peernet/core';
import type { ChannelDuplex } from './channel-duplex.js';
import { closeMs, pendingMs } from './defaults.js';
import { parseDescription } from './description.js';
import { Negotiation } from './negotiation.js';
import type { OfferPlace, Places } from './places.js';
import type { PeerConnectionLike } from './rtc.js';

export interface WrtcListenerSetup {
  readonly signaller: Signaller;
  readonly places: Places;
  newConnection(): PeerConnectionLike;
  readonly lan: boolean;
  readonly clock: Clock;
  onDuplex(duplex: DuplexLike, from: RemoteInfo): void;
  readonly signal?: AbortSignal | undefined;
}

export class WrtcListener implements Listener {
  readonly protocol = 'wrtc';
  readonly host = '';
  readonly port = 0;
  readonly secure = false;
  readonly #setup: WrtcListenerSetup;
  readonly #refused: Record<string, number> = {};
  readonly #pending = new Set<AbortController>();
  readonly #open = new Set<ChannelDuplex>();
  #stop: () => void;
  #closing: Promise<void> | undefined;
  #onEmpty: () => void = () => {};

  constructor(setup: WrtcListenerSetup) {
    this.#setup = setup;
    const { signaller, signal } = setup;
    if (signal?.aborted)
      throw new PeernetError('ABORTED', 'listening was given up', { cause: signal.reason });
    const stopServing = signaller.serve((path) => this.#onPath(path));
    const close = (): void => void this.close();
    signal?.addEventListener('abort', close, { once: true });
    this.#stop = () => {
      signal?.removeEventListener('abort', close);
      stopServing();
    };
  }

  get refused(): Readonly<Record<string, number>> {
    return { ...this.#refused };
  }

  close(): Promise<void> {
    this.#closing ??= new Promise((resolve) => {
      const { clock } = this.#setup;
      this.#stop();
      for (const ended of this.#pending) ended.abort(new PeernetError('CLOSED', 'the listener is closed'));
      const cancel = clock.alarm(clock.now() + 2 * closeMs, resolve);
      this.#onEmpty = () => {
        if (this.#open.size > 0) return;
        cancel();
        resolve();
      };
      for (const duplex of this.#open) duplex.destroy();
      this.#onEmpty();
    });
    return this.#closing;
  }

  #refuse(reason: string): void {
    this.#refused[reason] = (this.#refused[reason] ?? 0) + 1;
  }

  #onPath(path: SignalPath): SignalEvents | undefined {
    if (this.#closing !== undefined) return undefined;
    const place = this.#setup.places.forOffer(path);
    if (typeof place === 'string') {
      this.#refuse(place);
      return undefined;
    }
    const ended = new AbortController();
    const negotiation = new Negotiation({ ...this.#setup, refuse: (reason) => this.#refuse(reason) }, path);
    let offered = false;
    this.#pending.add(ended);
    const leave = (): void => {
      this.#pending.delete(ended);
      place.leave();
    };
    const { clock } = this.#setup;
    const tooLate = new PeernetError('DIAL_TIMEOUT', 'not open in time');
    const cancel = clock.alarm(clock.now() + pendingMs, () => ended.abort(tooLate));
    ended.signal.addEventListener('abort', () => negotiation.fail(ended.signal.reason), { once: true });
    negotiation.result
      .then(
        (duplex) => this.#handOut(duplex, path, place),
        () => {},
      )
      .finally(() => {
        cancel();
        leave();
        // One that was given up before its turn must not wait for it any longer.
        ended.abort(new PeernetError('CLOSED', 'the introduction is over'));
      });
    return {
      onSignal: (signal: Signal) => {
        if (offered) negotiation.onSignal(signal);
        else {
          offered = true;
          this.#onOffer(signal, path, place, negotiation, ended);
        }
      },
      onClose: (code) => negotiation.onClose(code),
    };
  }

  #onOffer(
    signal: Signal,
    path: SignalPath,
    place: OfferPlace,
    negotiation: Negotiation,
    ended: AbortController,
  ): void {
    const theirs = signal.kind === 'offer' ? parseDescription(signal.sdp, 'offer') : 'signals';
    const mine = typeof theirs === 'object' && !this.#setup.places.yieldTo(path.peer, theirs.fingerprint);
    const reason = mine ? 'glare' : theirs;
    if (typeof reason === 'string') {
      this.#refuse(reason);
      negotiation.fail(new PeernetError(mine ? 'LIMIT' : 'PROTOCOL', `the offer is refused: ${reason}`));
    } else {
      place.turn(ended.signal).then(
        () => negotiation.answer(reason),
        (error: Error) => negotiation.fail(error),
      );
    }
  }

  #handOut(duplex: ChannelDuplex, path: SignalPath, place: OfferPlace): void {
    if (this.#closing !== undefined) {
      duplex.destroy();
      return;
    }
    place.open(duplex);
    this.#open.add(duplex);
    duplex.onRelease(() => {
      this.#open.delete(duplex);
      this.#onEmpty();
    });
    this.#setup.onDuplex(duplex, { peer: path.peer, scope: duplex.scope, established: place.established });
  }
}
