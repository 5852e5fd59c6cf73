// Who we are: a seed from the options, from the user's identity store, or from the database. Whatever fails, the
// node starts: with an identity for this run only, and an `error` that says so.
import {
  type Clock,
  fromHex,
  PeernetError,
  parseForeignAddress,
  type Random,
  randomBytes,
} from '@peernet/core';
import type { Store } from '@peernet/store';
import { within } from './callback.js';
import { DEFAULTS } from './defaults.js';
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
    if (option.length === seedBytes) return option.slice();
    throw new TypeError(`peernet: opts.identity must have ${seedBytes} bytes, got ${option.length}`);
  }
  if (typeof option?.load === 'function' && typeof option.save === 'function') return undefined;
  throw new TypeError('peernet: opts.identity must be a seed or { load, save }');
}

/** Loads the identity, and keeps its changing parts. */
export class Identity {
  readonly #option: Options['identity'];
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #onError: (error: PeernetError) => void;
  #state: IdentityState = { seed: new Uint8Array(seedBytes), seq: 0, anchors: [] };
  /** Saves go to the user's store one after the other, so that the last one is the last. */
  #saving: Promise<void> = Promise.resolve();
  /** It could not be loaded: what is stored may be good, and is not overwritten by the one of this run. */
  #isTemporary = false;

  constructor(
    option: Options['identity'],
    store: Store,
    { clock, random }: { clock: Clock; random: Random },
    onError: (error: PeernetError) => void,
  ) {
    this.#option = option;
    this.#store = store;
    this.#clock = clock;
    this.#random = random;
    this.#onError = onError;
  }

  get #file(): IdentityStore | undefined {
    return typeof this.#option === 'object' && 'load' in this.#option ? this.#option : undefined;
  }

  /** Never rejects. `seq` is the lowest that the own record may carry. */
  async load(): Promise<IdentityState> {
    const wallMs = this.#clock.wall();
    try {
      const file = this.#file;
      const loading = file === undefined ? this.#fromDatabase() : this.#fromFile(file, wallMs);
      this.#state = await within(this.#clock, DEFAULTS.identityMs, loading);
    } catch (cause) {
      const message = 'the identity could not be loaded or stored; this run uses a new one';
      this.#onError(new PeernetError('IDENTITY_INVALID', message, { cause }));
      this.#isTemporary = true;
      this.#state = { seed: randomBytes(this.#random, seedBytes), seq: wallMs, anchors: [] };
    }
    return this.#state;
  }

  async #fromDatabase(): Promise<IdentityState> {
    const { seed, seq } = await this.#store.identity();
    return { seed: seedOf(this.#option) ?? seed, seq, anchors: await this.#store.anchors() };
  }

  async #fromFile(file: IdentityStore, wallMs: number): Promise<IdentityState> {
    const stored = (await file.load()) ?? undefined;
    const seed = stored === undefined ? randomBytes(this.#random, seedBytes) : storedSeed(stored);
    const last = Number.isSafeInteger(stored?.seq) ? (stored as IdentityState).seq : 0;
    const anchors = Array.isArray(stored?.anchors) ? stored.anchors.filter(isAddress) : [];
    const state: IdentityState = { seed, seq: Math.max(last + 1, wallMs), anchors };
    await file.save(state);
    return state;
  }

  /** The highest one: that of the record goes back if its calendar was far ahead, that of the next process must not. */
  saveSeq(seq: number): void {
    this.#state = { ...this.#state, seq: Math.max(seq, this.#state.seq) };
    this.#save(() => this.#store.saveSeq(seq));
  }

  saveAnchors(anchors: readonly string[]): void {
    this.#state = { ...this.#state, anchors: [...anchors] };
    this.#save(() => this.#store.saveAnchors(anchors));
  }

  /** Resolves when everything so far is saved. */
  get saved(): Promise<void> {
    return this.#saving;
  }

  #save(toStore: () => Promise<void> | void): void {
    if (this.#isTemporary) return;
    const file = this.#file;
    this.#saving = this.#saving.then(file === undefined ? toStore : () => file.save(this.#state));
    this.#saving = this.#saving.catch((cause) => {
      this.#onError(new PeernetError('STORE_FAILED', 'the identity could not be saved', { cause }));
    });
  }
}

/** What it loads may be anything; with a seed that is none there is no identity to go on with. */
function storedSeed({ seed }: IdentityState): Uint8Array {
  if (seed instanceof Uint8Array && seed.length === seedBytes) return seed.slice();
  throw new TypeError(`the stored identity must have a seed of ${seedBytes} bytes`);
}

function isAddress(text: unknown): text is string {
  return typeof text === 'string' && parseForeignAddress(text) !== undefined;
}
