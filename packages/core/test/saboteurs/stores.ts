// Broken address books: each breaks exactly one promise, and names the case of `peerStoreCases` that must catch it.
// If a case cannot tell its saboteur from an honest store, the case proves nothing.

import type { PeerStoreSubject } from '../../src/conformance/index.js';
import {
  type BookEntry,
  type Clock,
  type HeardRecord,
  memoryStore,
  type PeerStore,
  type PickOptions,
  type Preference,
  parseAddress,
  type SampleOptions,
  seededRandom,
} from '../../src/index.js';

type Patch = (inner: PeerStore, clock: Clock) => Partial<PeerStore>;

export interface StoreSaboteur {
  readonly breaks: string;
  readonly patch?: Patch;
  /** What goes wrong only after a restart. */
  readonly afterRestart?: Patch;
}

/** An honest memory store under a clock that can be moved; its "restart" gives the same store again. */
export function honestSubject(saboteur: Partial<StoreSaboteur> = {}): PeerStoreSubject {
  let nowMs = 1_000_000;
  const clock: Clock = {
    now: () => nowMs,
    wall: () => 1_767_225_600_000 + nowMs,
    alarm: () => () => {},
  };
  const inner = memoryStore({ clock, random: seededRandom(7) });
  const store = patched(inner, saboteur.patch?.(inner, clock));
  return {
    store,
    entriesMax: 1024,
    pass: (ms) => {
      nowMs += ms;
    },
    reopen: async () => patched(inner, saboteur.afterRestart?.(inner, clock)),
  };
}

function patched(inner: PeerStore, patch: Partial<PeerStore> = {}): PeerStore {
  const honest: PeerStore = {
    ready: () => inner.ready(),
    offer: (records, source, options) => inner.offer(records, source, options),
    preference: inner.preference,
    save: (addresses) => inner.save(addresses),
    outcome: (address, outcome) => inner.outcome(address, outcome),
    exchanged: (address, rx, tx) => inner.exchanged(address, rx, tx),
    remove: (addresses) => inner.remove(addresses),
    pick: (count, options) => inner.pick(count, options),
    sample: (count, options) => inner.sample(count, options),
    get: (address) => inner.get(address),
    entries: () => inner.entries(),
    stats: (address) => inner.stats(address),
    purge: () => inner.purge(),
    flush: () => inner.flush(),
    close: () => inner.close(),
  };
  return { ...honest, ...patch };
}

/** Tells something else of each entry. */
function retold(inner: PeerStore, change: (entry: BookEntry) => BookEntry): Partial<PeerStore> {
  return {
    get: (address) => {
      const entry = inner.get(address);
      return entry && change(entry);
    },
    entries: () => [...inner.entries()].map(change),
  };
}

const everything: PickOptions = { schemes: ['ws', 'tcp', 'own'], exclude: () => false };
const pickWith = (inner: PeerStore, options: Partial<PickOptions>): Partial<PeerStore> => ({
  pick: (count, given) => inner.pick(count, { ...given, ...options }),
});
const sampleWith = (inner: PeerStore, options: Partial<SampleOptions>): Partial<PeerStore> => ({
  sample: (count, given) => inner.sample(count, { ...given, ...options }),
});

/** Removes, and knows what was removed. */
function rememberingRemoved(inner: PeerStore): { removed: ReadonlySet<string> } & Pick<PeerStore, 'remove'> {
  const removed = new Set<string>();
  const remove = (addresses: readonly string[]): void => {
    for (const text of addresses) removed.add(text);
    inner.remove(addresses);
  };
  return { removed, remove };
}

const saving: StoreSaboteur[] = [
  {
    breaks: 'where the user sends us anybody may answer, whoever claims the address',
    patch: (inner) => ({
      offer: (records, source, options) => {
        inner.offer(records, source, options);
        for (const { record } of records) {
          const saved = record.addresses.filter((address) => inner.get(address)?.saved);
          inner.save(saved.map((address) => `${address}#${record.id}`));
        }
      },
    }),
  },
  {
    breaks: 'a saved address is known at once, as saved',
    patch: (inner) => retold(inner, (entry) => ({ ...entry, source: entry.saved ? 'dial' : entry.source })),
  },
  {
    breaks: 'a saved address is kept in its normal form',
    patch: (inner) => {
      const spelled = new Map<string, string>();
      return {
        save: (addresses) => {
          inner.save(addresses);
          for (const text of addresses)
            if (/[A-Z]/.test(text)) spelled.set(text.toLowerCase().slice(0, -1), text);
        },
        entries: () =>
          [...inner.entries()].map((entry) => ({
            ...entry,
            address: spelled.get(entry.address) ?? entry.address,
          })),
      };
    },
  },
  {
    breaks: 'an identity after # says who is expected there',
    patch: (inner) => ({
      save: (addresses) => inner.save(addresses.map((text) => text.split('#')[0] ?? '')),
    }),
  },
  {
    breaks: 'what is no address, or must never be dialed, is ignored',
    patch: (inner) => ({
      remove: (addresses) => {
        if (addresses.includes('nonsense')) throw new Error('no address');
        inner.remove(addresses);
      },
    }),
  },
  {
    breaks: 'addresses of an own transport can be saved and picked',
    patch: (inner) => ({
      save: (addresses) => inner.save(addresses.filter((text) => !text.startsWith('own:'))),
    }),
  },
];

/** Answers `get` with the last record that was told: of the same peer where nobody was reached, or of another where one was. */
function lastTold(inner: PeerStore, verified: boolean): Partial<PeerStore> {
  const told = new Map<string, HeardRecord>();
  return {
    offer: (records, source, options) => {
      inner.offer(records, source, options);
      for (const heard of records) for (const text of heard.record.addresses) told.set(text, heard);
    },
    get: (address) => {
      const entry = inner.get(address);
      const record = told.get(address)?.record;
      return entry?.verified === verified && record && (record.id !== entry.id) === verified
        ? { ...entry, record }
        : entry;
    },
  };
}

const hearing: StoreSaboteur[] = [
  {
    breaks: 'an offered address is known, with its record and who told it',
    patch: (inner) => ({
      get: (address) => {
        const entry = inner.get(address);
        return entry && { ...entry, source: entry.source === 'dial' || entry.saved ? entry.source : 'self' };
      },
    }),
  },
  {
    breaks: 'an offered address is known in its normal form, however it is spelled',
    patch: (inner) => {
      const spelled = new Map<string, string>();
      return {
        offer: (records, source, options) => {
          inner.offer(records, source, options);
          for (const { record } of records)
            for (const text of record.addresses) spelled.set(parseAddress(text)?.text ?? text, text);
        },
        entries: () =>
          [...inner.entries()].map((entry) => ({
            ...entry,
            address: spelled.get(entry.address) ?? entry.address,
          })),
      };
    },
  },
  {
    breaks: 'a newer record replaces an older one, never the other way round',
    patch: (inner) => lastTold(inner, false),
  },
  {
    breaks: 'a record from its owner replaces even a newer one',
    patch: (inner) => ({
      outcome: (address, outcome) => {
        const seq = inner.get(address)?.record?.seq ?? 0;
        const isOlder = outcome.record !== undefined && outcome.record.seq < seq;
        inner.outcome(address, isOlder ? { ok: true, id: outcome.id } : outcome);
      },
    }),
  },
  {
    breaks: 'a record past its life is not taken',
    patch: (inner) => ({
      offer: (records, source, options) =>
        inner.offer(
          records.map((heard) => ({ ...heard, ageSeconds: 1 })),
          source,
          options,
        ),
    }),
  },
  {
    breaks: 'a claim does not displace who answered there',
    patch: (inner) => lastTold(inner, true),
  },
  {
    breaks: 'a book stays bounded, whatever it is told',
    patch: (inner) => {
      const all: BookEntry[] = [];
      return {
        offer: (records, source, options) => {
          inner.offer(records, source, options);
          for (const { record } of records)
            for (const address of record.addresses)
              all.push({ address, saved: false, source, verified: false, failures: 0 });
        },
        entries: () => (all.length > 1024 ? all : inner.entries()),
      };
    },
  },
  {
    breaks: 'a flood does not push out what the user saved',
    patch: (inner) => {
      let told = 0;
      return {
        offer: (records, source, options) => {
          inner.offer(records, source, options);
          told += records.length;
          if (told === 2000) inner.remove([...inner.entries()].filter((e) => e.saved).map((e) => e.address));
        },
      };
    },
  },
  {
    breaks: 'a flood does not push out what was reached',
    patch: (inner) => {
      let told = 0;
      return {
        offer: (records, source, options) => {
          inner.offer(records, source, options);
          told += records.length;
          if (told === 2000)
            inner.remove([...inner.entries()].filter((e) => e.lastSeen).map((e) => e.address));
        },
      };
    },
  },
];

const dialing: StoreSaboteur[] = [
  {
    breaks: 'what is reached becomes known, even if nobody told of it',
    patch: (inner) =>
      retold(inner, (entry) => (entry.source === 'dial' ? { ...entry, source: 'self' } : entry)),
  },
  {
    breaks: 'lastSeen is the wall time of the last handshake',
    patch: (inner, clock) =>
      retold(inner, (entry) => ({ ...entry, lastSeen: entry.lastSeen ?? clock.wall() })),
  },
  {
    breaks: 'failures in a row are counted, a success ends the row',
    patch: (inner) => ({
      get: (address) => {
        const entry = inner.get(address);
        return (
          entry && {
            ...entry,
            failures: inner.stats(address).connections.fail === 1 ? 0 : inner.stats(address).connections.fail,
          }
        );
      },
    }),
  },
  {
    breaks: 'a failure ends verification',
    patch: (inner) => retold(inner, (entry) => ({ ...entry, verified: entry.lastSeen !== undefined })),
  },
  {
    breaks: 'a failure of our own says nothing about the address',
    patch: (inner) => ({
      outcome: (address, outcome) => inner.outcome(address, { ...outcome, counts: true }),
    }),
  },
  {
    breaks: 'an address rests after a failure, but not for ever',
    patch: (inner) => ({
      pick: (count, options) => inner.pick(count, { ...options, backoffMaxMs: options.backoffMaxMs ?? 0 }),
    }),
  },
  {
    breaks: 'backoffMaxMs shortens the rest',
    patch: (inner) => ({
      pick: (count, { backoffMaxMs: _, ...options }) => inner.pick(count, options),
    }),
  },
  {
    breaks: 'with backoffMaxMs, those that rest come after those that do not',
    patch: (inner) => ({
      pick: (count, options) => {
        const picked = [...inner.pick(count, options)];
        return options.backoffMaxMs === undefined ? picked : picked.reverse();
      },
    }),
  },
  {
    breaks: 'another address of who rests comes before the one that does',
    patch: (inner) => {
      const isOfWhoRests = ({ address }: BookEntry): boolean =>
        address.startsWith('tcp') && (inner.get(address.replace('tcp', 'ws'))?.failures ?? 0) > 0;
      return {
        pick: (count, options) =>
          inner.pick(count, {
            ...options,
            exclude: (entry) =>
              (options.backoffMaxMs !== undefined && isOfWhoRests(entry)) || options.exclude(entry),
          }),
      };
    },
  },
  {
    breaks: 'what worked lately rests ten minutes at most',
    patch: (inner) => ({
      pick: (count, options) =>
        inner.pick(count, { ...options, exclude: (entry) => entry.failures >= 7 || options.exclude(entry) }),
    }),
  },
];

const picking: StoreSaboteur[] = [
  {
    breaks: 'pick finds all that may be dialed',
    patch: (inner) => ({ pick: (count, options) => inner.pick(Math.min(count, 10), options) }),
  },
  {
    breaks: 'pick gives no more than asked for',
    patch: (inner) => ({ pick: (count, options) => inner.pick(count === 1 ? 1 : count + 1, options) }),
  },
  {
    breaks: 'pick gives only schemes that were asked for',
    patch: (inner) => pickWith(inner, { schemes: ['ws', 'tcp', 'own'] }),
  },
  {
    breaks: 'pick gives only scopes that were asked for',
    patch: (inner) => pickWith(inner, { scopes: undefined }),
  },
  {
    breaks: 'what the user saved is picked in any scope',
    patch: (inner) => ({
      pick: (count, options) => {
        const isNarrow = (entry: BookEntry): boolean =>
          options.scopes !== undefined && entry.address.includes('//10.');
        return inner.pick(count, {
          ...options,
          exclude: (entry) => isNarrow(entry) || options.exclude(entry),
        });
      },
    }),
  },
  { breaks: 'pick leaves out what is excluded', patch: (inner) => pickWith(inner, { exclude: () => false }) },
  {
    breaks: 'pick gives at most one address of a peer',
    patch: (inner) => ({
      pick: (count, options) => {
        const picked = inner.pick(count, options);
        const ids = new Set(picked.map((entry) => entry.id));
        const taken = new Set(picked.map((entry) => entry.address));
        const twins = [...inner.entries()].filter(
          (entry) => entry.id !== undefined && ids.has(entry.id) && !taken.has(entry.address),
        );
        return [...picked, ...twins];
      },
    }),
  },
  {
    breaks: 'pick chooses differently each time',
    patch: (inner) => ({
      pick: (count, options) =>
        count === 1
          ? [...inner.pick(100, options)].sort((a, b) => (a.address < b.address ? -1 : 1)).slice(0, 1)
          : inner.pick(count, options),
    }),
  },
];

const sampling: StoreSaboteur[] = [
  { breaks: 'what was reached is handed on, with its record', patch: () => ({ sample: () => [] }) },
  {
    breaks: 'hearsay is not handed on',
    patch: (inner) => ({
      sample: (count, options) => {
        const told = inner
          .pick(count, everything)
          .filter((entry) => entry.record && entry.lastSeen === undefined);
        return [...inner.sample(count, options), ...told].slice(0, count);
      },
    }),
  },
  {
    breaks: 'sample gives no more than asked for',
    patch: (inner) => ({ sample: (count, options) => inner.sample(count + 1, options) }),
  },
  {
    breaks: 'sample leaves out what is excluded',
    patch: (inner) => sampleWith(inner, { exclude: () => false }),
  },
  {
    breaks: 'sample gives nothing narrower than the scope asked for',
    patch: (inner) => sampleWith(inner, { scope: 'loopback' }),
  },
  {
    breaks: 'sample gives at most one address of a peer',
    patch: (inner) => ({
      sample: (count, options) => {
        const sample = inner.sample(count, options);
        const twins = [...inner.entries()].filter(
          (entry) =>
            entry.verified &&
            sample.some((other) => other.id === entry.id && other.address !== entry.address),
        );
        return [...sample, ...twins];
      },
    }),
  },
  {
    breaks: 'a handshake proves an hour, no longer',
    patch: (inner) => ({
      sample: (count, options) => {
        const old = [...inner.entries()].filter(
          (e) => e.lastSeen && e.failures === 0 && (e.ageSeconds ?? 0) > 3600,
        );
        return [...inner.sample(count, options), ...old];
      },
    }),
  },
  {
    breaks: 'a record past its life is not handed on',
    patch: (inner) => ({
      sample: (count, options) => {
        const isOver = (e: BookEntry): boolean =>
          e.record !== undefined && (e.ageSeconds ?? 0) > e.record.ttlSeconds;
        return [...inner.sample(count, options), ...[...inner.entries()].filter(isOver)];
      },
    }),
  },
];

const preferWith = (inner: PeerStore, change: Partial<Preference>): Partial<PeerStore> => ({
  preference: { ...(inner.preference as Preference), ...change },
});

const staying: StoreSaboteur[] = [
  {
    breaks: 'who was recommended, or answered, may be preferred; who came by himself may not',
    patch: (inner) => ({
      outcome: (address, outcome) => inner.outcome(address, { ...outcome, probe: false }),
    }),
  },
  {
    breaks: 'whom a link is held with stays, whatever is told meanwhile',
    patch: (inner) => {
      let told = 0;
      return {
        offer: (records, source, options) => {
          told += records.length;
          inner.offer(records, source, options);
        },
        ...preferWith(inner, { holds: (id) => told < 500 && inner.preference?.holds(id) === true }),
      };
    },
  },
  {
    breaks: 'nobody is held who was not asked to be',
    patch: (inner) =>
      preferWith(inner, {
        holds: (id) =>
          inner.preference?.holds(id) === true || inner.get(addressOf(inner, id))?.failures === 0,
      }),
  },
  {
    breaks: 'who never answered and fails is held and preferred no more',
    patch: (inner) => {
      const held = new Set<string>();
      return preferWith(inner, {
        hold: (id) => {
          inner.preference?.hold(id);
          if (addressOf(inner, id) !== '') held.add(id);
        },
        holds: (id) => held.has(id) && (inner.get(addressOf(inner, id))?.failures ?? 0) < 3,
      });
    },
  },
  {
    breaks:
      'who answered once and fails keeps its place, and nobody is named for it; the third failure ends that',
    patch: (inner) =>
      preferWith(inner, { pick: (count, options) => inner.preference?.pick(count + 1, options) ?? [] }),
  },
  {
    breaks: 'what was removed is preferred no more',
    patch: (inner) => {
      const removed: BookEntry[] = [];
      return {
        remove: (addresses) => {
          for (const text of addresses)
            removed.push(...[inner.get(text)].filter((entry) => entry !== undefined));
          inner.remove(addresses);
        },
        ...preferWith(inner, {
          pick: (count, options) => [...(inner.preference?.pick(count, options) ?? []), ...removed],
        }),
      };
    },
  },
];

function addressOf(inner: PeerStore, id: string): string {
  return [...inner.entries()].find((entry) => entry.id === id)?.address ?? '';
}

const forgetting: StoreSaboteur[] = [
  {
    breaks: 'what is removed is forgotten',
    patch: (inner) => ({
      remove: (addresses) => {
        const kept = addresses.filter((text) => inner.get(text)?.verified);
        inner.remove(addresses);
        inner.save(kept);
      },
    }),
  },
  {
    breaks: 'what was removed does not come back by hearsay',
    patch: (inner) => {
      const removed = new Set<string>();
      return {
        remove: (addresses) => {
          for (const text of addresses) if (inner.get(text) !== undefined) removed.add(text);
          inner.remove(addresses);
        },
        offer: (records, source, options) => {
          for (const { record } of records) inner.save(record.addresses.filter((text) => removed.has(text)));
          inner.offer(records, source, options);
        },
      };
    },
  },
  {
    breaks: 'what was removed does not come back in another spelling',
    patch: (inner) => {
      const { removed, remove } = rememberingRemoved(inner);
      return {
        remove,
        offer: (records, source, options) => {
          const isBack = (text: string): boolean =>
            !removed.has(text) && removed.has(parseAddress(text)?.text ?? '');
          for (const { record } of records) inner.save(record.addresses.filter(isBack));
          inner.offer(records, source, options);
        },
      };
    },
  },
  {
    breaks: 'what was removed comes back when the user saves it',
    patch: (inner) => {
      const { removed, remove } = rememberingRemoved(inner);
      return {
        remove,
        save: (addresses) => inner.save(addresses.filter((text) => !removed.has(text))),
      };
    },
  },
  {
    breaks: 'a day later what was removed may be heard of again',
    patch: (inner) => {
      const { removed, remove } = rememberingRemoved(inner);
      return {
        remove,
        offer: (records, source, options) =>
          inner.offer(
            records.filter((heard) => !heard.record.addresses.some((text) => removed.has(text))),
            source,
            options,
          ),
      };
    },
  },
  {
    breaks: 'purge drops what failed three times and never worked, and says how many',
    patch: (inner) => ({ purge: () => inner.purge() * 0 }),
  },
  {
    breaks: 'purge keeps what once worked, though it failed three times',
    patch: (inner) => ({
      purge: () => {
        inner.remove([...inner.entries()].filter((e) => e.failures >= 3 && e.lastSeen).map((e) => e.address));
        return inner.purge();
      },
    }),
  },
  {
    breaks: 'purge keeps what the user saved, however often it failed',
    patch: (inner) => ({
      purge: () => {
        inner.remove([...inner.entries()].filter((e) => e.failures >= 3 && e.saved).map((e) => e.address));
        return inner.purge();
      },
    }),
  },
];

const counting: StoreSaboteur[] = [
  {
    breaks: 'dials are counted, once each',
    patch: (inner) => ({
      stats: (address) => {
        const { connections, nodes } = inner.stats(address);
        return { connections: { ok: connections.ok * 2, fail: connections.fail }, nodes };
      },
    }),
  },
  {
    breaks: 'addresses that were exchanged are added up',
    patch: (inner) => ({ exchanged: (address, rx, tx) => inner.exchanged(address, Math.min(rx, 2), tx) }),
  },
  {
    breaks: 'of an unknown address nothing is counted',
    patch: (inner) => ({
      stats: (address) => {
        if (inner.get(address) === undefined) throw new Error('unknown address');
        return inner.stats(address);
      },
    }),
  },
];

const zeros = { connections: { ok: 0, fail: 0 }, nodes: { rx: 0, tx: 0 } };

const living: StoreSaboteur[] = [
  {
    breaks: 'what is told before it is ready counts',
    patch: (inner) => {
      let isReady = false;
      return {
        ready: async () => {
          isReady = true;
        },
        offer: (records, source, options) => {
          if (isReady) inner.offer(records, source, options);
        },
      };
    },
  },
  {
    breaks: 'ready, flush and close may be called again',
    patch: () => {
      let closed = false;
      return {
        close: async () => {
          if (closed) throw new Error('closed before');
          closed = true;
        },
      };
    },
  },
  {
    breaks: 'what the user saved is there again after a restart',
    afterRestart: (inner) => retold(inner, (entry) => ({ ...entry, saved: false })),
  },
  {
    breaks: 'who was reached is known again after a restart',
    afterRestart: (inner) => retold(inner, (entry) => ({ ...entry, lastSeen: undefined })),
  },
  { breaks: 'counters go on after a restart', afterRestart: () => ({ stats: () => zeros }) },
  {
    breaks: 'what was removed stays away after a restart',
    afterRestart: (inner) => ({
      offer: (records, source, options) => {
        for (const { record } of records) inner.save(record.addresses);
        inner.offer(records, source, options);
      },
    }),
  },
];

export const storeSaboteurs: readonly StoreSaboteur[] = [
  ...saving,
  ...hearing,
  ...dialing,
  ...picking,
  ...sampling,
  ...staying,
  ...forgetting,
  ...counting,
  ...living,
];
