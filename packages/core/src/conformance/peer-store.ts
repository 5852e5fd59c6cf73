// What peernet relies on in an address book. A replacement runs these on itself:
//
//   for (const c of peerStoreCases) test(c.name, () => c.run(() => ({ store: mine() })))
//
// A case with `needs` may be left out where the store has no such thing: `time` (its clock can be moved, `pass`),
// `reopen` (it remembers across restarts), `preference` (it chooses whom to stay with; these need time, too).
import {
  address,
  addressesOf,
  flood,
  inTime,
  miss,
  on,
  type PeerStoreCase,
  patienceMs,
  peer,
  picks,
  reach,
  recordOf,
  reopened,
  samples,
  tell,
} from './address-book.js';
import { check, same, within } from './case.js';
import { preferenceCases } from './preference.js';
import { restingCases } from './resting.js';

export type { PeerStoreSubject } from './address-book.js';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;

const saving: readonly PeerStoreCase[] = [
  on('a saved address is known at once, as saved', (store) => {
    store.save([address(1), address(2)]);
    const entry = store.get(address(1));
    check(entry?.saved === true && entry.source === 'self', 'saved, but not known as saved by the user');
    same(addressesOf(store.entries()), [address(1), address(2)].sort(), 'entries');
  }),
  on('a saved address is kept in its normal form', (store) => {
    store.save(['WS://20.0.0.7:4000/']);
    same(addressesOf(store.entries()), ['ws://20.0.0.7:4000'], 'entries');
  }),
  on('an identity after # says who is expected there', (store) => {
    store.save([`${address(1)}#${peer(1)}`]);
    same(store.get(address(1))?.id, peer(1), 'id of an address saved with one');
  }),
  on('where the user sends us anybody may answer, whoever claims the address', (store) => {
    const save = (n: number): void => store.save([address(n)]);
    const claim = (n: number): void => tell(store, n + 10, { addresses: [address(n)] });
    const fail = (n: number): void => miss(store, address(n));
    const orders = [
      [claim, save],
      [save, claim],
      [save, fail, claim],
      [save, (n: number) => reach(store, n), fail, claim],
    ];
    for (const [n, steps] of orders.entries()) {
      for (const step of steps) step(n);
      // A dial that expects the one who claims it would never succeed.
      const entry = store.get(address(n));
      check(entry?.saved === true && entry.id === undefined, `order ${n}: not saved, or somebody expected`);
      reach(store, n);
      same(store.get(address(n))?.id, peer(n), 'who has answered');
    }
  }),
  on('what is no address, or must never be dialed, is ignored', (store) => {
    for (const text of ['nonsense', '', 'ws://169.254.169.254:80', 'ws://1.2.3.4:99999']) {
      store.save([text]);
      store.outcome(text, { ok: false });
      store.exchanged(text, 1, 1);
      store.remove([text]);
    }
    tell(store, 1, { addresses: ['ws://0.0.0.0:1', 'ws://169.254.169.254:80'] });
    same(addressesOf(picks(store)), [], 'picked');
  }),
  on('addresses of an own transport can be saved and picked', (store) => {
    store.save(['own:thing']);
    same(addressesOf(picks(store)), ['own:thing'], 'picked');
  }),
];

const hearing: readonly PeerStoreCase[] = [
  on('an offered address is known, with its record and who told it', (store) => {
    tell(store, 1, {}, 7);
    const entry = store.get(address(1));
    same([entry?.id, entry?.source, entry?.record?.seq], [peer(1), peer(7), recordOf(1).seq], 'entry');
  }),
  on('an offered address is known in its normal form, however it is spelled', (store) => {
    tell(store, 7, { addresses: ['WS://20.0.0.7/'] });
    same(addressesOf(store.entries()), ['ws://20.0.0.7:80'], 'entries');
    same(store.get('ws://20.0.0.7')?.id, peer(7), 'id of what is asked for in another spelling');
  }),
  on('a newer record replaces an older one, never the other way round', (store) => {
    const { seq } = recordOf(1);
    tell(store, 1, { seq });
    tell(store, 1, { seq: seq + 5 });
    tell(store, 1, { seq: seq + 4 });
    same(store.get(address(1))?.record?.seq, seq + 5, 'seq');
  }),
  on('a record from its owner replaces even a newer one', (store) => {
    const { seq } = recordOf(1);
    tell(store, 1, { seq: seq + 5 });
    reach(store, 1, { seq });
    same(store.get(address(1))?.record?.seq, seq, 'seq');
  }),
  on('a record past its life is not taken', (store) => {
    store.offer([{ record: recordOf(1, { ttlSeconds: 600 }), ageSeconds: 600 }], peer(9));
    same(addressesOf(store.entries()), [], 'entries');
  }),
  on('a claim does not displace who answered there', (store) => {
    reach(store, 1);
    tell(store, 2, { addresses: [address(1)] });
    const entry = store.get(address(1));
    same([entry?.id, entry?.record?.id, entry?.verified], [peer(1), peer(1), true], 'entry');
  }),
  {
    name: 'a book stays bounded, whatever it is told',
    run: async (make) => {
      const { store, entriesMax = 20_480 } = await make();
      await within(patienceMs, store.ready(), 'ready');
      flood(store, Math.ceil(1.2 * entriesMax));
      const count = [...store.entries()].length;
      check(count <= entriesMax, `${count} entries, although at most ${entriesMax} were promised`);
      await within(patienceMs, store.close(), 'close');
    },
  },
  on('a flood does not push out what the user saved', (store) => {
    store.save([address(1)]);
    flood(store);
    check(store.get(address(1)) !== undefined, 'gone');
  }),
  on('a flood does not push out what was reached', (store) => {
    reach(store, 1);
    flood(store);
    check(store.get(address(1)) !== undefined, 'gone');
  }),
];

const dialing: readonly PeerStoreCase[] = [
  on('what is reached becomes known, even if nobody told of it', (store) => {
    reach(store, 1);
    same(store.get(address(1))?.source, 'dial', 'source');
  }),
  on('lastSeen is the wall time of the last handshake', (store) => {
    tell(store, 1);
    same(store.get(address(1))?.lastSeen, undefined, 'lastSeen before any');
    reach(store, 1);
    check(typeof store.get(address(1))?.lastSeen === 'number', 'no lastSeen after a handshake');
  }),
  on('failures in a row are counted, a success ends the row', (store) => {
    tell(store, 1);
    miss(store, address(1), 2);
    same(store.get(address(1))?.failures, 2, 'failures');
    reach(store, 1);
    same(store.get(address(1))?.failures, 0, 'failures after a success');
  }),
  on('a failure ends verification', (store) => {
    reach(store, 1);
    check(store.get(address(1))?.verified === true, 'not verified by a handshake');
    miss(store, address(1));
    check(store.get(address(1))?.verified === false, 'still verified after a failure');
    same(addressesOf(samples(store)), [], 'handed on');
  }),
  on('a failure of our own says nothing about the address', (store) => {
    reach(store, 1);
    store.outcome(address(1), { ok: false, counts: false });
    const entry = store.get(address(1));
    same([entry?.failures, entry?.verified], [0, true], 'failures and verified');
  }),
];

const picking: readonly PeerStoreCase[] = [
  on('pick finds all that may be dialed', (store) => {
    for (let n = 0; n < 10; n++) {
      store.save([address(n)]);
      reach(store, 10 + n);
    }
    const all = addressesOf(store.entries());
    check(all.length >= 19, `a book of ${all.length} with 10 saved and 10 reached`);
    same(addressesOf(picks(store)), all, 'picked');
  }),
  on('pick gives no more than asked for', (store) => {
    for (let n = 0; n < 20; n++) tell(store, n, {}, 500 + n);
    check(picks(store, {}, 3).length <= 3, 'more than 3');
    same(picks(store, {}, 0), [], 'none');
  }),
  on('pick gives only schemes that were asked for', (store) => {
    store.save([address(1), address(2, 'tcp')]);
    check(!addressesOf(picks(store, { schemes: ['tcp'] })).includes(address(1)), 'another scheme');
  }),
  on('pick gives only scopes that were asked for', (store) => {
    tell(store, 1, { addresses: ['ws://10.0.0.1:4000'] });
    same(addressesOf(picks(store, { scopes: ['global'] })), [], 'picked');
  }),
  on('what the user saved is picked in any scope', (store) => {
    store.save(['ws://10.0.0.1:4000']);
    same(addressesOf(picks(store, { scopes: ['global'] })), ['ws://10.0.0.1:4000'], 'picked');
  }),
  on('pick leaves out what is excluded', (store) => {
    store.save([address(1), address(2)]);
    const exclude = (entry: { address: string }): boolean => entry.address === address(1);
    check(!addressesOf(picks(store, { exclude })).includes(address(1)), 'an excluded one');
  }),
  on('pick gives at most one address of a peer', (store) => {
    tell(store, 1, { addresses: [address(1), address(2, 'tcp'), address(3)] });
    check(picks(store).length <= 1, 'several addresses of one peer');
  }),
  on('pick chooses differently each time', (store) => {
    for (let n = 0; n < 20; n++) tell(store, n, {}, 500 + n);
    const firsts = new Set(Array.from({ length: 100 }, () => picks(store, {}, 1)[0]?.address));
    check(firsts.size >= 5, `only ${firsts.size} of 20 in 100 picks`);
  }),
];

const sampling: readonly PeerStoreCase[] = [
  on('what was reached is handed on, with its record', (store) => {
    for (let n = 0; n < 10; n++) reach(store, n);
    const sample = samples(store);
    same(addressesOf(sample), addressesOf(store.entries()), 'handed on');
    check(
      sample.every((entry) => entry.record?.id === entry.id && entry.verified),
      'an entry without its record',
    );
  }),
  on('hearsay is not handed on', (store) => {
    tell(store, 1);
    store.save([address(2)]);
    check(store.get(address(1))?.verified === false, 'hearsay is called verified');
    same(addressesOf(samples(store)), [], 'handed on');
  }),
  on('sample gives no more than asked for', (store) => {
    for (let n = 0; n < 10; n++) reach(store, n);
    check(samples(store, {}, 3).length <= 3, 'more than 3');
  }),
  on('sample leaves out what is excluded', (store) => {
    reach(store, 1);
    same(samples(store, { exclude: (entry) => entry.id === peer(1) }), [], 'handed on');
  }),
  on('sample gives nothing narrower than the scope asked for', (store) => {
    reach(store, 1, { addresses: ['ws://10.0.0.1:4000'] });
    same(addressesOf(samples(store, { scope: 'global' })), [], 'handed on');
  }),
  on('sample gives at most one address of a peer', (store) => {
    reach(store, 1);
    store.outcome(address(2, 'tcp'), { ok: true, id: peer(1), record: recordOf(1) });
    check(samples(store).length <= 1, 'several addresses of one peer');
  }),
  inTime('a handshake proves an hour, no longer', (store, pass) => {
    reach(store, 1);
    pass(hourMs + 1000);
    same(addressesOf(samples(store)), [], 'handed on an hour later');
  }),
  inTime('a record past its life is not handed on', (store, pass) => {
    reach(store, 1, { ttlSeconds: 600 });
    pass(601_000);
    same(addressesOf(samples(store)), [], 'handed on');
  }),
];

const forgetting: readonly PeerStoreCase[] = [
  on('what is removed is forgotten', (store) => {
    store.save([address(1), address(2)]);
    reach(store, 1);
    store.remove([address(1)]);
    same(addressesOf(store.entries()), [address(2)], 'entries');
  }),
  on('what was removed does not come back by hearsay', (store) => {
    tell(store, 1);
    store.remove([address(1)]);
    tell(store, 1, { seq: recordOf(1).seq + 1 });
    same(addressesOf(picks(store)), [], 'picked');
  }),
  on('what was removed does not come back in another spelling', (store) => {
    store.remove(['ws://20.0.0.7:80']);
    tell(store, 7, { addresses: ['ws://20.0.0.7', 'WS://20.0.0.7:80/', `ws://20.0.0.7:80#${peer(7)}`] });
    same(addressesOf(store.entries()), [], 'entries');
  }),
  on('what was removed comes back when the user saves it', (store) => {
    store.remove([address(1)]);
    store.save([address(1)]);
    same(addressesOf(store.entries()), [address(1)], 'entries');
  }),
  inTime('a day later what was removed may be heard of again', (store, pass) => {
    store.remove([address(1)]);
    pass(dayMs + minuteMs);
    tell(store, 1);
    same(addressesOf(store.entries()), [address(1)], 'entries');
  }),
  on('purge drops what failed three times and never worked, and says how many', (store) => {
    tell(store, 1);
    tell(store, 2, {}, 901);
    miss(store, address(1), 3);
    same(store.purge(), 1, 'dropped');
    same(addressesOf(store.entries()), [address(2)], 'entries');
  }),
  on('purge keeps what once worked, though it failed three times', (store) => {
    reach(store, 1);
    miss(store, address(1), 3);
    store.purge();
    same(addressesOf(store.entries()), [address(1)], 'entries');
  }),
  on('purge keeps what the user saved, however often it failed', (store) => {
    store.save([address(1)]);
    miss(store, address(1), 25);
    store.purge();
    same(addressesOf(store.entries()), [address(1)], 'entries');
  }),
];

const counting: readonly PeerStoreCase[] = [
  on('dials are counted, once each', (store) => {
    store.save([address(1)]);
    miss(store, address(1), 2);
    reach(store, 1);
    same(store.stats(address(1)).connections, { ok: 1, fail: 2 }, 'connections');
  }),
  on('addresses that were exchanged are added up', (store) => {
    store.save([address(1)]);
    store.exchanged(address(1), 3, 5);
    store.exchanged(address(1), 1, 0);
    same(store.stats(address(1)).nodes, { rx: 4, tx: 5 }, 'nodes');
  }),
  on('of an unknown address nothing is counted', (store) => {
    const zeros = { connections: { ok: 0, fail: 0 }, nodes: { rx: 0, tx: 0 } };
    same(store.stats(address(1)), zeros, 'stats');
  }),
];

const living: readonly PeerStoreCase[] = [
  {
    name: 'what is told before it is ready counts',
    run: async (make) => {
      const { store } = await make();
      store.save([address(1)]);
      tell(store, 2);
      await within(patienceMs, store.ready(), 'ready');
      same(addressesOf(store.entries()), [address(1), address(2)].sort(), 'entries');
      await within(patienceMs, store.close(), 'close');
    },
  },
  on('ready, flush and close may be called again', async (store) => {
    await within(
      patienceMs,
      Promise.all([store.ready(), store.flush(), store.flush({ sync: true })]),
      'flush',
    );
    await within(patienceMs, Promise.all([store.close(), store.close()]), 'close');
  }),
  reopened(
    'what the user saved is there again after a restart',
    (store) => store.save([address(1)]),
    (store) => check(store.get(address(1))?.saved === true, 'gone, or not as saved'),
  ),
  reopened(
    'who was reached is known again after a restart',
    (store) => reach(store, 1),
    (store) => {
      const entry = store.get(address(1));
      same([entry?.id, entry?.record?.id], [peer(1), peer(1)], 'id and record');
      check(entry?.lastSeen !== undefined, 'no lastSeen');
    },
  ),
  reopened(
    'counters go on after a restart',
    (store) => {
      store.save([address(1)]);
      miss(store, address(1), 2);
    },
    (store) => same(store.stats(address(1)).connections, { ok: 0, fail: 2 }, 'connections'),
  ),
  reopened(
    'what was removed stays away after a restart',
    (store) => {
      tell(store, 1);
      store.remove([address(1)]);
    },
    (store) => {
      tell(store, 1, { seq: recordOf(1).seq + 1 });
      same(addressesOf(picks(store)), [], 'picked');
    },
  ),
];

/** Every promise of PeerStore that peernet builds on. */
export const peerStoreCases: readonly PeerStoreCase[] = [
  ...saving,
  ...hearing,
  ...dialing,
  ...restingCases,
  ...picking,
  ...sampling,
  ...preferenceCases,
  ...forgetting,
  ...counting,
  ...living,
];
