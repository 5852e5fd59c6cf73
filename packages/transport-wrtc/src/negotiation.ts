// One introduction from the first signal to an open data channel, on the side that offers or on the one that answers.
// It owns its peer connection until the stream does. What the other side says is judged before the WebRTC
// implementation sees it, and what the implementation says before it leaves (candidate.ts, description.ts). It knows
// nothing of limits: `wrtc.ts` decides who may begin one.
import {
  type Clock,
  type ErrorCode,
  PeernetError,
  type Scope,
  type Signal,
  type SignalEvents,
  type SignalPath,
} from '@peernet/core';
import { CandidateList } from './candidate.js';
import { ChannelDuplex, type Side } from './channel-duplex.js';
import { afterPathMs, candidatesMax, channelLabel, connectMs, gatherMs } from './defaults.js';
import { type Description, formatDescription, ownLimits, parseDescription } from './description.js';
import type { DataChannelLike, PeerConnectionLike } from './rtc.js';

export interface NegotiationSetup {
  newConnection(): PeerConnectionLike;
  readonly lan: boolean;
  readonly clock: Clock;
  /** Counts something that was refused. */
  refuse(reason: string): void;
  /** The offer is about to leave; for who both offer at once. */
  onOffer?(fingerprint: string): void;
}

export class Negotiation implements SignalEvents {
  /** The open stream, or why there is none. */
  readonly result: Promise<ChannelDuplex>;
  readonly #setup: NegotiationSetup;
  readonly #mine: CandidateList;
  readonly #theirs: CandidateList;
  /** Signals that came before they could be used. */
  readonly #inbox: Signal[] = [];
  #path: SignalPath | undefined;
  #connection: PeerConnectionLike | undefined;
  #duplex: ChannelDuplex | undefined;
  /** The media line of both descriptions, once the other side's is set. */
  #mid: string | undefined;
  /** Our description has left: candidates that are found from now on follow by themselves. */
  #told = false;
  #found: string[] = [];
  #cancelGrace: () => void = () => {};
  #cancelConnect: () => void = () => {};
  #offering = false;
  #reading = false;
  #over = false;
  /** Of the path, also when that is gone. */
  #scope: Scope = 'global';
  #resolve: (duplex: ChannelDuplex) => void = () => {};
  #reject: (error: Error) => void = () => {};

  /** @param path over which an offer has come; absent: we will offer. */
  constructor(setup: NegotiationSetup, path?: SignalPath) {
    this.#setup = setup;
    this.#path = path;
    this.#mine = new CandidateList(setup.lan);
    this.#theirs = new CandidateList(setup.lan);
    this.result = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.result.catch(() => {});
  }

  /** Offers over `path`, whose events are this object. */
  offer(path: SignalPath): void {
    this.#path = path;
    if (this.#over) {
      this.#end();
      return;
    }
    this.#offering = true;
    this.#attempt(async () => {
      const connection = this.#connect();
      this.#own(connection.createDataChannel(channelLabel, { ordered: true }), 'offers');
      await connection.setLocalDescription(await connection.createOffer());
      await this.#gathered(connection);
      this.#tell(connection, 'offer');
      await this.#readInbox();
    });
  }

  /** Answers the offer that has come. */
  answer(theirs: Description): void {
    if (this.#over) return;
    this.#scope = this.#path?.scope ?? this.#scope;
    this.#attempt(async () => {
      const connection = this.#connect();
      connection.addEventListener('datachannel', ({ channel }: { channel: DataChannelLike }) => {
        if (this.#duplex === undefined && channel.label === channelLabel) this.#own(channel, 'answers');
        else channel.close();
      });
      await this.#accept(connection, 'offer', theirs);
      await connection.setLocalDescription(await connection.createAnswer());
      await this.#gathered(connection);
      this.#tell(connection, 'answer');
      await this.#readInbox();
    });
  }

  onSignal(signal: Signal): void {
    if (this.#over) return;
    if (this.#path !== undefined) this.#scope = this.#path.scope;
    if (this.#inbox.length <= candidatesMax) this.#inbox.push(signal);
    else this.#setup.refuse('signals');
    if (this.#told) this.#attempt(() => this.#readInbox());
  }

  onClose(code: ErrorCode): void {
    this.#path = undefined;
    if (this.#over) return;
    if (this.#mid !== undefined) {
      // With the other side's description there may be a connection without any more signals.
      const { clock } = this.#setup;
      const late = new PeernetError('DIAL_FAILED', 'the peer gave up');
      this.#cancelGrace = clock.alarm(clock.now() + afterPathMs, () => this.fail(late));
      return;
    }
    const unreachable = code === 'NOT_FOUND';
    const cause = new PeernetError(code, 'the introduction ended');
    this.fail(
      new PeernetError(
        unreachable ? 'DIAL_REFUSED' : 'DIAL_FAILED',
        unreachable ? 'nobody can introduce us' : `the introduction ended: ${code}`,
        { cause },
      ),
    );
  }

  /** Ends it, unless the stream is open. Idempotent. */
  fail(error: Error): void {
    if (this.#over) return;
    this.#end();
    if (this.#duplex !== undefined) this.#duplex.destroy();
    else this.#connection?.close();
    this.#reject(error);
  }

  #end(): void {
    this.#over = true;
    this.#cancelGrace();
    this.#cancelConnect();
    const path = this.#path;
    this.#path = undefined;
    path?.close();
  }

  /** Runs a step; whatever goes wrong in it ends the introduction. */
  #attempt(step: () => Promise<void>): void {
    step().catch((cause: unknown) => {
      const known = cause instanceof PeernetError;
      this.fail(known ? cause : new PeernetError('DIAL_FAILED', `WebRTC: ${String(cause)}`, { cause }));
    });
  }

  #connect(): PeerConnectionLike {
    const connection = this.#setup.newConnection();
    this.#connection = connection;
    connection.addEventListener(
      'icecandidate',
      ({ candidate }: { candidate?: { candidate: string } | null }) => {
        if (candidate) this.#onCandidate(candidate.candidate);
      },
    );
    connection.addEventListener('connectionstatechange', () => {
      const { connectionState } = connection;
      if (connectionState === 'failed') this.fail(noWay());
      // By the other side: we have not.
      else if (connectionState === 'closed')
        this.fail(new PeernetError('DIAL_FAILED', 'the connection was closed while it was being made'));
    });
    return connection;
  }

  #own(channel: DataChannelLike, side: Side): void {
    const connection = this.#connection as PeerConnectionLike;
    const duplex = new ChannelDuplex(channel, connection, side);
    this.#duplex = duplex;
    duplex.on('close', () => this.fail(new PeernetError('DIAL_FAILED', 'the data channel closed at once')));
    duplex.on('open', () => {
      if (this.#over) return;
      duplex.scope = this.#path?.scope ?? this.#scope;
      this.#end();
      this.#resolve(duplex);
    });
  }

  /** Resolves when all candidates are found, `gatherMs` are over, or the introduction is. */
  #gathered(connection: PeerConnectionLike): Promise<void> {
    const { clock } = this.#setup;
    return new Promise((resolve) => {
      const cancel = clock.alarm(clock.now() + gatherMs, resolve);
      const look = (): void => {
        if (connection.iceGatheringState !== 'complete' && !this.#over) return;
        cancel();
        resolve();
      };
      connection.addEventListener('icegatheringstatechange', look);
      connection.addEventListener('connectionstatechange', look);
      look();
    });
  }

  #tell(connection: PeerConnectionLike, kind: 'offer' | 'answer'): void {
    const path = this.#path;
    if (this.#over || path === undefined) return;
    const sdp = connection.localDescription?.sdp ?? '';
    const own = parseDescription(sdp, kind, ownLimits);
    if (typeof own === 'string')
      throw new PeernetError('INTERNAL', `WebRTC wrote what we cannot use: ${own}`);
    if (kind === 'offer') this.#setup.onOffer?.(own.fingerprint);
    const lines = [...own.candidates, ...this.#found].flatMap((text) => this.#passes(text, path.scope) ?? []);
    this.#found = [];
    this.#told = true;
    if (!path.send({ kind, sdp: formatDescription(own, lines) })) {
      throw new PeernetError('DIAL_FAILED', 'the introduction takes no more signals');
    }
  }

  #onCandidate(text: string): void {
    const path = this.#path;
    if (text === '' || this.#over || path === undefined) return;
    if (!this.#told) {
      this.#found.push(text);
      return;
    }
    const candidate = this.#passes(text, path.scope);
    if (candidate !== undefined) path.send({ kind: 'candidate', candidate });
  }

  /** One of our own, if it may be told. */
  #passes(text: string, scope: Scope): string | undefined {
    const verdict = this.#mine.admit(text, scope);
    return typeof verdict === 'object' ? verdict.line : undefined;
  }

  /** One signal after the other; called again whenever there may be more. */
  async #readInbox(): Promise<void> {
    if (this.#reading) return;
    this.#reading = true;
    for (let signal = this.#inbox.shift(); signal !== undefined; signal = this.#inbox.shift()) {
      if (this.#over) break;
      await this.#read(signal);
    }
    this.#reading = false;
  }

  async #read(signal: Signal): Promise<void> {
    const connection = this.#connection as PeerConnectionLike;
    if (signal.kind === 'candidate') return this.#tryCandidate(connection, signal.candidate);
    if (signal.kind !== 'answer' || !this.#offering || this.#mid !== undefined) {
      return this.#setup.refuse('signals');
    }
    const theirs = parseDescription(signal.sdp, 'answer');
    if (typeof theirs !== 'string') return this.#accept(connection, 'answer', theirs);
    this.#setup.refuse(theirs);
    throw new PeernetError('PROTOCOL', `the answer cannot be used: ${theirs}`);
  }

  async #accept(
    connection: PeerConnectionLike,
    type: 'offer' | 'answer',
    theirs: Description,
  ): Promise<void> {
    const lines = theirs.candidates.flatMap((text) => this.#admit(text) ?? []);
    this.#mid = theirs.mid;
    const { clock } = this.#setup;
    this.#cancelConnect = clock.alarm(clock.now() + connectMs, () => this.fail(noWay()));
    await connection.setRemoteDescription({ type, sdp: formatDescription(theirs, lines) });
  }

  async #tryCandidate(connection: PeerConnectionLike, text: string): Promise<void> {
    if (text === '' || this.#mid === undefined) return;
    const line = this.#admit(text);
    if (line === undefined) return;
    // One that the implementation cannot read (a family that this machine does not have) is no reason to end.
    await connection
      .addIceCandidate({ candidate: line, sdpMid: this.#mid, sdpMLineIndex: 0 })
      .catch(() => this.#setup.refuse('candidateUnusable'));
  }

  /** One of the other side's, if it may be tried. */
  #admit(text: string): string | undefined {
    const verdict = this.#theirs.admit(text, this.#path?.scope ?? this.#scope);
    if (typeof verdict === 'string') this.#setup.refuse(verdict);
    return typeof verdict === 'object' ? verdict.line : undefined;
  }
}

/** Both said where they may be reached, and neither was: as between two NATs that map each destination anew. */
function noWay(): PeernetError {
  const cure = 'a TURN server in iceServers would be one';
  return new PeernetError('DIAL_FAILED', `no way through between the two networks; ${cure}`);
}
