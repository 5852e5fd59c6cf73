// The stage of `peerStoreCases`: peers, their records and addresses, and the few questions that the cases ask a store.
// Records are well-formed but signed by nobody: a store is handed what was verified before.
import type { Crypto } from '../crypto.js';
import { signatureBytes } from '../crypto.js';
import { type PeerId, toHex } from '../peer-id.js';
import type {
  BookEntry,
  HeardRecord,
  PeerStore,
  PickOptions,
  Preference,
  SampleOptions,
} from '../peer-store.js';
import { type PeerRecord, type RecordFields, signRecord } from '../record.js';
import { type Case, check, within } from './case.js';

/** What a runner makes for each case. */
export interface PeerStoreSubject {
  readonly store: PeerStore;
  /** How many entries the store keeps at most, but for what the user saved; default 20 480. */
  readonly entriesMax?: number;
  /** Lets time pass on both axes of the store's clock, ms (cases that need `time`). */
  readonly pass?: (ms: number) => void;
  /** Closes the store and opens another one on what it left (cases that need `reopen`). */
  readonly reopen?: () => Promise<PeerStore>;
}

export type PeerStoreCase = Case<PeerStoreSubject>;

/** No store takes longer than this for anything, ms. */
export const patienceMs = 10_000;

/** 2026-01-01, as a sequence number. */
const seqBase = 1_767_225_600_000;

/** A peer by number. */
export function peer(n: number): PeerId {
  const bytes = new Uint8Array(32).fill(0xa5);
  new DataView(bytes.buffer).setUint32(0, n + 1);
  return toHex(bytes) as PeerId;
}

/** A global address by number; no two share a /24, and 65 536 neighbours in number share no /16 with the next. */
export function address(n: number, scheme = 'ws'): string {
  return `${scheme}://${20 + (n % 60)}.${Math.floor(n / 60) % 250}.${Math.floor(n / 15_000) % 250}.7:4000`;
}

/** The record of peer `n`, by default with its one address. */
export function recordOf(n: number, fields: Partial<RecordFields> = {}): PeerRecord {
  const unsigned = { id: peer(n), sign: () => new Uint8Array(signatureBytes) } as unknown as Crypto;
  return signRecord(unsigned, {
    seq: seqBase,
    ttlSeconds: 86_400,
    addresses: [address(n)],
    relays: [],
    dialable: true,
    webrtc: false,
    stun: false,
    ...fields,
  });
}

/** A neighbour of our choice tells of peers. */
export function advise(store: PeerStore, ...peers: readonly number[]): void {
  const records = peers.map((n) => ({ record: recordOf(n), ageSeconds: 1 }));
  store.offer(records, peer(900), { chosen: true });
}

/** Peer `from` (a stranger by default) tells of peer `n`. */
export function tell(store: PeerStore, n: number, fields: Partial<RecordFields> = {}, from = 900): void {
  store.offer([{ record: recordOf(n, fields), ageSeconds: 1 }], peer(from));
}

/** We reached peer `n` at its address. */
export function reach(store: PeerStore, n: number, fields: Partial<RecordFields> = {}): void {
  const record = recordOf(n, fields);
  store.outcome(record.addresses[0] ?? address(n), { ok: true, id: record.id, record });
}

/** We failed to reach an address, so often. */
export function miss(store: PeerStore, text: string, times = 1): void {
  for (let i = 0; i < times; i++) store.outcome(text, { ok: false });
}

/** Whom a node that dials everything would dial, whatever rests. */
export function picks(store: PeerStore, options: Partial<PickOptions> = {}, count = 100): BookEntry[] {
  const all = { schemes: ['ws', 'tcp', 'own'], exclude: () => false };
  return [...store.pick(count, { ...all, ...options })];
}

/** What would be handed on to somebody far away. */
export function samples(store: PeerStore, options: Partial<SampleOptions> = {}, count = 100): BookEntry[] {
  return [...store.sample(count, { scope: 'global', exclude: () => false, ...options })];
}

/** Their addresses, sorted. */
export function addressesOf(entries: Iterable<BookEntry>): string[] {
  return [...entries].map((entry) => entry.address).sort();
}

/** A case on a store that is ready. */
export function on(name: string, act: (store: PeerStore) => void | Promise<void>): PeerStoreCase {
  return {
    name,
    run: async (make) => {
      const { store } = await make();
      await within(patienceMs, store.ready(), 'ready');
      await act(store);
      await within(patienceMs, store.close(), 'close');
    },
  };
}

/** A case in which time passes. */
export function inTime(
  name: string,
  act: (store: PeerStore, pass: (ms: number) => void) => void | Promise<void>,
): PeerStoreCase {
  return {
    name,
    needs: 'time',
    run: async (make) => {
      const { store, pass } = await make();
      check(pass, 'this subject cannot move its clock: leave out the cases that need time');
      await within(patienceMs, store.ready(), 'ready');
      await act(store, pass);
      await within(patienceMs, store.close(), 'close');
    },
  };
}

/** A case about whom to stay with: half an hour lies between `before` and `before` once more. */
export function preferring(
  name: string,
  before: (store: PeerStore) => void,
  act: (store: PeerStore, preference: Preference) => void,
): PeerStoreCase {
  return {
    name,
    needs: 'preference',
    run: async (make) => {
      const { store, pass } = await make();
      const { preference } = store;
      check(
        preference && pass,
        'this subject has no preference, or no time: leave out the cases that need it',
      );
      await within(patienceMs, store.ready(), 'ready');
      before(store);
      pass(1_800_000);
      before(store);
      act(store, preference);
      await within(patienceMs, store.close(), 'close');
    },
  };
}

/** Whom the preference names, up to `count`, sorted. */
export function preferred(preference: Preference, count = 100): string[] {
  return addressesOf(preference.pick(count, { schemes: ['ws', 'tcp', 'own'], exclude: () => false }));
}

/** A case of two runs. */
export function reopened(
  name: string,
  before: (store: PeerStore) => void,
  after: (store: PeerStore) => void,
): PeerStoreCase {
  return {
    name,
    needs: 'reopen',
    run: async (make) => {
      const { store, reopen } = await make();
      check(reopen, 'this subject does not reopen: leave out the cases that need it');
      await within(patienceMs, store.ready(), 'ready');
      before(store);
      await within(patienceMs, store.flush({ sync: true }), 'flush');
      const again = await within(patienceMs, reopen(), 'reopen');
      await within(patienceMs, again.ready(), 'ready');
      after(again);
      await within(patienceMs, again.close(), 'close');
    },
  };
}

/** What the flood consists of: made once, because it is large. */
const flooding: HeardRecord[] = [];

/** Far more records than a book keeps, from 250 sources. */
export function flood(store: PeerStore, records = 2000): void {
  for (let n = 0; n < records; n++) {
    flooding[n] ??= { record: recordOf(1000 + n), ageSeconds: 1 };
    store.offer(flooding.slice(n, n + 1), peer(500 + (n % 250)));
  }
}
