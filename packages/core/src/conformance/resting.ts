// What peernet relies on in how long an address is left alone after a failure.
import type { PeerStore } from '../peer-store.js';
import {
  address,
  addressesOf,
  inTime,
  miss,
  type PeerStoreCase,
  picks,
  reach,
  tell,
} from './address-book.js';
import { check, same } from './case.js';

const minuteMs = 60_000;

/** All that do not rest are picked, and before those that `backoffMaxMs` adds. */
function checkRestedFirst(store: PeerStore): void {
  const rested = addressesOf(picks(store));
  check(rested.length > 0, 'nobody is picked');
  const picked = picks(store, { backoffMaxMs: 5000 });
  same(addressesOf(picked.slice(0, rested.length)), rested, 'picked first');
}

export const restingCases: readonly PeerStoreCase[] = [
  inTime('an address rests after a failure, but not for ever', (store, pass) => {
    tell(store, 1);
    miss(store, address(1));
    same(addressesOf(picks(store)), [], 'picked at once');
    pass(2 * minuteMs);
    same(addressesOf(picks(store)), [address(1)], 'picked two minutes after the first failure');
  }),
  inTime('backoffMaxMs shortens the rest', (store, pass) => {
    tell(store, 1);
    miss(store, address(1), 2);
    pass(10_000);
    same(addressesOf(picks(store, { backoffMaxMs: 5000 })), [address(1)], 'picked');
  }),
  inTime('with backoffMaxMs, those that rest come after those that do not', (store, pass) => {
    for (let n = 0; n < 10; n++) tell(store, n);
    for (let n = 0; n < 5; n++) miss(store, address(n));
    pass(10_000);
    checkRestedFirst(store);
  }),
  inTime('another address of who rests comes before the one that does', (store, pass) => {
    for (let n = 0; n < 10; n++) {
      tell(store, n, { addresses: [address(n), address(n, 'tcp')] });
      miss(store, address(n));
    }
    pass(10_000);
    checkRestedFirst(store);
  }),
  inTime('what worked lately rests ten minutes at most', (store, pass) => {
    reach(store, 1);
    miss(store, address(1), 7);
    pass(11 * minuteMs);
    same(addressesOf(picks(store)), [address(1)], 'picked');
  }),
];
