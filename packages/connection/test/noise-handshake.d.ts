declare module 'noise-handshake' {
  /** The part of noise-handshake that the tests use. */
  export default class NoiseState {
    constructor(pattern: string, initiator: boolean);
    initialise(prologue: Uint8Array): void;
    send(payload?: Uint8Array): Uint8Array;
    recv(message: Uint8Array): Uint8Array;
    readonly rs: Uint8Array | null;
    readonly hash: Uint8Array | null;
    readonly tx: Uint8Array | null;
    readonly rx: Uint8Array | null;
  }
}
