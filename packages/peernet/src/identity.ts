// Who we are: a seed from the options, from the user's identity store, or from the database. Whatever fails, the
// node starts: with an identity for this run only, and an `error` that says so.
import { fromHex, PeernetError, type Random, randomBytes } from '@peernet/core';
import type { Store } from '@peernet/store';
import type { IdentityState, IdentityStore, Options } from './types.js';

/** Bytes of a seed. */
const seedBytes = 32;

/** A seed given as bytes or hex; undefined if the option is a store or absent. TypeError if it is neither. */
export function seedOf(option: Options['identity']): Uint8Array | undefined {
  if (option === undefined) return undefined;
  if (typeof option === 'string') {
    const bytes = fromHex(option.toLowerCase());
    if (bytes?.length === seedBytes) return bytes;
    throw new TypeError('peernet: opts.identity must be 64 hex digits (a 32-byte seed)');
  }
  if (option instanceof Uint8Array) {
    if (option.length === seedBytes) return option;
    throw new TypeError(`peernet: opts.identity must have ${seedBytes} bytes, got ${option.length}`);
  }
  if (typeof option?.load === 'function' && typeof option.save === 'function') return undefined;
  throw new TypeError('peernet: opts.identity must be a seed or { load, save }');
}

/** Loads the identity, and keeps its changing parts. */
export class Identity {
  readonly #option: Options['identity'];
  readonly #store: Store;
  readonly #random: Random;
  readonly #onError: (error: PeernetError) => void;
  #state: IdentityState = { seed: new Uint8Array(seedBytes), seq: 0, anchors: [] };

  constructor(
    option: Options['identity'],
    store: Store,
    random: Random,
    onError: (error: PeernetError) => void,
  ) {
    this.#option = option;
    this.#store = store;
    this.#random = random;
    this.#onError = onError;
  }

  get #file(): IdentityStore | undefined {
    return typeof this.#option === 'object' && 'load' in this.#option ? this.#option : undefined;
  }

  /** Never rejects. `seq` is the lowest that the own record may carry. */
  async load(wallMs: number): Promise<IdentityState> {
    try {
      const file = this.#file;
      this.#state = file === undefined ? await this.#fromDatabase() : await this.#fromFile(file, wallMs);
    } catch (cause) {
      const message = 'the identity could not be loaded or stored; this run uses a new one';
      this.#onError(new PeernetError('IDENTITY_INVALID', message, { cause }));
      this.#state = { seed: randomBytes(this.#random, seedBytes), seq: wallMs, anchors: [] };
    }
    return this.#state;
  }

  async #fromDatabase(): Promise<IdentityState> {
    const { seed, seq } = await this.#store.identity();
    return { seed: seedOf(this.#option) ?? seed, seq, anchors: await this.#store.anchors() };
  }

  async #fromFile(file: IdentityStore, wallMs: number): Promise<IdentityState> {
    const stored = await file.load();
    const state: IdentityState = {
      seed: stored?.seed ?? randomBytes(this.#random, seedBytes),
      seq: Math.max((stored?.seq ?? 0) + 1, wallMs),
      anchors: stored?.anchors ?? [],
    };
    await file.save(state);
    return state;
  }

  saveSeq(seq: number): void {
    this.#state = { ...this.#state, seq };
    this.#save(() => this.#store.saveSeq(seq));
  }

  saveAnchors(anchors: readonly string[]): void {
    this.#state = { ...this.#state, anchors: [...anchors] };
    this.#save(() => this.#store.saveAnchors(anchors));
  }

  #save(toStore: () => Promise<void> | void): void {
    const file = this.#file;
    const saved = file === undefined ? Promise.resolve(toStore()) : file.save(this.#state);
    saved.catch((cause) => {
      this.#onError(new PeernetError('STORE_FAILED', 'the identity could not be saved', { cause }));
    });
  }
}
