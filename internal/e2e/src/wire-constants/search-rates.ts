// What a link of channel peernet/search/1 may carry towards a node, by a whole Search.
import { RATES, type Rates, TIMES } from '../../../../packages/search/src/defaults.js';
import { encodeSearch } from '../../../../packages/search/src/wire.js';
import { rowsOf } from './layouts.js';
import { type Flood, type Row, rateRows } from './row.js';
import { SearchNode } from './search-node.js';

const file = 'search/src/defaults.ts';
const none = new Uint8Array(0);

/** Says `n`, together or one by one; `counter` counts what was too much. */
type Say = (node: SearchNode, n: number) => void;

function flood(say: Say, counter: string, word: string): () => Flood {
  return () => {
    const node = new SearchNode();
    return {
      say(n) {
        const before = node.count(counter);
        say(node, n);
        if (node.link.closed !== undefined) return node.link.closed;
        const over = node.count(counter) - before;
        return over === 0 ? 'taken' : over === 1 ? word : `${over} ${word}`;
      },
      wait: (ms) => node.world.runFor(ms),
    };
  };
}

function rate(
  key: keyof Rates,
  say: Say,
  counter = 'limiterDrops',
  refused = 'dropped',
  flows?: number,
): Row[] {
  const open = flood(say, counter, refused);
  const fields = { file, key: `RATES.${key}`, rate: RATES[key], refused, open };
  return rateRows(flows === undefined ? fields : { ...fields, flows });
}

let searches = 0;
function ask(node: SearchNode, budget: number): void {
  const searchId = new Uint8Array(16);
  new DataView(searchId.buffer).setUint32(0, ++searches);
  const fields = { hops: 1, want: 1, known: [], subnet: new Uint8Array(32), payload: none };
  node.link.say(encodeSearch({ ...fields, budget, searchId }));
}

const each =
  (say: (node: SearchNode) => void): Say =>
  (node, n) => {
    for (let i = 0; i < n; i++) say(node);
  };

/** One advert, and copies of it: they cost no signature. */
const copies: Say = (node, n) => {
  const bytes = node.advert({ seq: 1 + node.world.clock.wall() });
  for (let i = 0; i < n; i++) node.link.say(bytes);
};

let subnets = 0;
let seqs = 0;

export const searchRateRows: readonly Row[] = [
  ...rate('adverts', copies),
  ...rate('advertUnits', (node, n) => node.link.say(node.advert({ budget: n }))),
  ...rate(
    'searches',
    each((node) => ask(node, 1)),
  ),
  ...rate('searchUnits', (node, n) => ask(node, n)),
  ...rate(
    'signatures',
    each((node) => node.link.say(node.advert({ subnet: ++subnets }))),
    'waiting',
    'later',
    25, // in half a second: more adverts than that are too many adverts
  ),
  ...rate(
    'oneAdvert',
    each((node) => node.link.say(node.advert({ seq: node.world.clock.wall() + ++seqs }))),
  ),
  ...rate(
    'unasked',
    each((node) => node.link.say(rowsOf({}))),
    'misbehaved',
    'PROTOCOL',
  ),
  {
    file,
    key: 'TIMES.skewMaxMs',
    value: TIMES.skewMaxMs,
    bound: 'most',
    become(n) {
      const open = flood(
        (node) => node.link.say(node.advert({ seq: node.world.clock.wall() - n })),
        'refused',
        'refused',
      );
      return open().say(1);
    },
    refused: 'refused',
    decides: { in: TIMES, key: 'skewMaxMs' },
  },
];
