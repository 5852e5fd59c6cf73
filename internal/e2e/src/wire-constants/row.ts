// One constant of docs/wire.md §7.1 and a case that shows it: what becomes of exactly so much, and of one more. A case
// runs the code that peers run, a decoder or a whole machine, and says in a word what came of it.
import type { Rate } from '@peernet/core';

/** An object that holds a constant, thawed: controls change it and put it back. */
type Holder = Record<string, unknown>;

export interface Row {
  /** File and constant, as on the page. */
  readonly file: string;
  readonly key: string;
  /** Which of several cases of one constant this is. */
  readonly part?: string;
  readonly value: number;
  /** One more is refused, one less is, or both. */
  readonly bound: 'most' | 'least' | 'exactly';
  /** What comes of `n` of it: 'taken', or something else. */
  become(n: number): string;
  /** What the page says comes of too much. */
  readonly refused: string;
  /** The one number that decides; or why there is none that could be changed alone. */
  readonly decides: { readonly in: object; readonly key: string; readonly by?: number } | string;
}

/** What is wrong with a row if the bound is `n`. */
export function faultsOf({ bound, become, refused }: Row, n: number): string[] {
  const cases: [number, string][] = [[n, 'taken']];
  if (bound !== 'least') cases.push([n + 1, refused]);
  if (bound !== 'most') cases.push([n - 1, refused]);
  return cases.flatMap(([count, wanted]) => {
    const came = become(count);
    return came === wanted ? [] : [`${count}: ${came}, not ${wanted}`];
  });
}

/** Runs `work` while the number that decides is another one. */
export function changed<T>({ decides }: Row, work: () => T): T {
  if (typeof decides === 'string') throw new TypeError(decides);
  const holder = decides.in as Holder;
  const before = holder[decides.key] as number;
  holder[decides.key] = before + (decides.by ?? 1);
  try {
    return work();
  } finally {
    holder[decides.key] = before;
  }
}

/** A node and somebody who says one kind of message to it. */
export interface Flood {
  /** Says `n` at once; what came of them: 'taken', or what came of the one that was too much. */
  say(n: number): string;
  wait(ms: number): void;
}

export interface RateFields {
  readonly file: string;
  readonly key: string;
  readonly rate: Rate;
  readonly refused: string;
  /** How much has to flow back before it is asked again; by default what flows in a second, at least 1. */
  readonly flows?: number;
  /** Everything anew, buckets full. */
  readonly open: () => Flood;
}

/** Two rows of a rate: what is taken at once, and what of an empty bucket after as long as it takes to get some back. */
export function rateRows({ file, key, rate, refused, open, ...fields }: RateFields): Row[] {
  const { perSecond, burst } = rate;
  const { flows = Math.max(1, perSecond) } = fields;
  const row = { file, key, bound: 'most', refused } as const;
  return [
    {
      ...row,
      part: 'at once',
      value: burst,
      become: (n) => open().say(n),
      decides: { in: rate, key: 'burst' },
    },
    {
      ...row,
      part: 'when it was empty',
      value: flows,
      become(n) {
        const flood = open();
        if (flood.say(burst) !== 'taken') return 'too little at once';
        flood.wait((1000 * flows) / perSecond);
        return flood.say(n);
      },
      decides: { in: rate, key: 'perSecond', by: perSecond },
    },
  ];
}

/** What a decoder makes of bytes, in a word. */
export function read(decoded: unknown): 'taken' | 'malformed' {
  return decoded === undefined ? 'malformed' : 'taken';
}
