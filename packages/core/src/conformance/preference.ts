// What peernet relies on in a store that chooses whom to stay with. What the choice is worth against those who push is
// not judged here: no small case can tell a good sampler from a bad one.
import {
  address,
  advise,
  flood,
  miss,
  type PeerStoreCase,
  peer,
  preferred,
  preferring,
  reach,
  recordOf,
  tell,
} from './address-book.js';
import { check, same } from './case.js';

/** Every promise of `Preference`. */
export const preferenceCases: readonly PeerStoreCase[] = [
  preferring(
    'who was recommended, or answered, may be preferred; who came by himself may not',
    (store) => {
      advise(store, 1);
      reach(store, 2);
      tell(store, 3);
      store.outcome(address(4), { ok: true, id: peer(4), record: recordOf(4), probe: true });
    },
    (_, preference) => same(preferred(preference), [address(1), address(2)].sort(), 'preferred'),
  ),
  preferring(
    'whom a link is held with stays, whatever is told meanwhile',
    (store) => advise(store, 1),
    (store, preference) => {
      preference.hold(peer(1));
      flood(store, 500);
      for (let n = 0; n < 100; n++) advise(store, 2000 + n);
      check(preference.holds(peer(1)), 'not held any more');
    },
  ),
  preferring(
    'nobody is held who was not asked to be',
    (store) => advise(store, 1, 2),
    (_, preference) => {
      preference.hold(peer(7));
      same(
        [1, 2, 7].filter((n) => preference.holds(peer(n))),
        [],
        'held',
      );
    },
  ),
  preferring(
    'who never answered and fails is held and preferred no more',
    (store) => advise(store, 1),
    (store, preference) => {
      preference.hold(peer(1));
      miss(store, address(1));
      same([preferred(preference), preference.holds(peer(1))], [[], false], 'preferred and held');
    },
  ),
  preferring(
    'who answered once and fails keeps its place, and nobody is named for it; the third failure ends that',
    (store) => {
      reach(store, 1);
      advise(store, 2);
    },
    (store, preference) => {
      const named = (count: number): string[] => preferred(preference, count);
      preference.hold(peer(1));
      for (let failures = 1; failures <= 2; failures++) {
        miss(store, address(1));
        same([preference.holds(peer(1)), named(1), named(2)], [true, [], [address(2)]], 'held and named');
      }
      miss(store, address(1));
      same([preference.holds(peer(1)), named(1)], [false, [address(2)]], 'held and named after the third');
    },
  ),
  preferring(
    'what was removed is preferred no more',
    (store) => advise(store, 1, 2),
    (store, preference) => {
      store.remove([address(1)]);
      same(preferred(preference), [address(2)], 'preferred');
    },
  ),
];
