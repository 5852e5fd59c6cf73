// A campaign: so many damaged inputs over all parts, in turns, from one seed; what it cost, how deep the inputs got,
// and what they broke. Failures of earlier campaigns (fuzz-seeds.txt) are run first, every time.
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { fromHex, type Random, seededRandom, toHex } from '@peernet/core';
import { gauge } from './gauge.js';
import type { Part, Tally } from './part.js';

export interface Failure {
  readonly part: string;
  readonly seed: number;
  readonly index: number;
  /** The input, or the last one of a life. */
  readonly bytes: Uint8Array;
  readonly error: unknown;
}

export interface PartReport {
  inputs: number;
  /** Of these: past the first check of a length. */
  past: number;
  /** Its time on a processor, ms; making the inputs is in it. */
  cpuMs: number;
}

export interface Report {
  readonly seed: number;
  readonly inputs: number;
  /** Of every byte of every input: equal for equal seeds. */
  readonly digest: string;
  readonly perPart: ReadonlyMap<string, PartReport>;
  readonly failures: readonly Failure[];
  /** Of all inputs: those that got past the first check of a length. */
  readonly pastShare: number;
  readonly perMinute: number;
  /** Of time on a processor: what a busy machine does not change. */
  readonly perCpuMinute: number;
  /** The slowest input, ms (a collection of garbage may be in it). */
  readonly slowestMs: number;
  /** Least-squares slopes over the second half, MiB per million inputs, garbage collected. */
  readonly rssSlope: number;
  readonly heapSlope: number;
}

export interface CampaignOptions {
  readonly count: number;
  readonly seed: number;
  readonly parts: readonly Part[];
  /** Lines `part · seed · index [· hex]` to run first. */
  readonly earlier?: readonly string[];
  readonly failuresMax?: number;
}

/** In how many turns the parts take theirs; memory is looked at after each. */
const turns = 20;
/** Separates the fields of a line: names of parts have spaces. */
const separator = ' · ';
const seedsFile = fileURLToPath(new URL('../../fuzz-seeds.txt', import.meta.url));

/** Dice of one case: different for each part, seed and index. FNV-1a, twice. */
export function diceOf(part: string, seed: number, index: number): Random {
  const text = `${part} ${seed} ${index}`;
  let [low, high] = [0x811c9dc5, 0x2ae3f1b7];
  for (let i = 0; i < text.length; i++) {
    low = Math.imul(low ^ text.charCodeAt(i), 0x01000193);
    high = Math.imul(high ^ text.charCodeAt(i), 0x01000197);
  }
  return seededRandom((high & 0x1f_ffff) * 4_294_967_296 + (low >>> 0));
}

/** Collects garbage, whether or not Node was started for it. */
const collect: () => void = (() => {
  setFlagsFromString('--expose-gc');
  return runInNewContext('gc') as () => void;
})();

/** Time that this process has spent on processors, ms. */
function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}

class Campaign implements Tally {
  readonly #gauge = gauge();
  readonly #failures: Failure[] = [];
  readonly #perPart = new Map<string, PartReport>();
  readonly #memory: { inputs: number; rss: number; heap: number }[] = [];
  #digest = 0x811c9dc5;
  #current: PartReport = { inputs: 0, past: 0, cpuMs: 0 };
  #bytes: Uint8Array = new Uint8Array(0);
  #inputs = 0;
  #past = 0;
  #sinceMs = 0;
  #slowestMs = 0;

  begin(bytes: Uint8Array): void {
    this.#bytes = bytes;
    let digest = this.#digest ^ bytes.length;
    for (let i = 0; i < bytes.length; i++) digest = Math.imul(digest ^ (bytes[i] as number), 0x01000193);
    this.#digest = digest;
    this.#gauge.begin();
    this.#sinceMs = performance.now();
  }

  end(past?: boolean): void {
    this.#slowestMs = Math.max(this.#slowestMs, performance.now() - this.#sinceMs);
    this.#current.inputs++;
    this.#inputs++;
    if (!(past ?? this.#gauge.past())) return;
    this.#current.past++;
    this.#past++;
  }

  #case(part: Part, seed: number, index: number, given?: Uint8Array): void {
    this.#bytes = new Uint8Array(0);
    try {
      part.run(diceOf(part.name, seed, index), this, given);
    } catch (error) {
      this.#failures.push({ part: part.name, seed, index, bytes: this.#bytes.slice(), error });
    }
  }

  #again(line: string, parts: readonly Part[]): void {
    const [name, seed, index, hex] = line.split(separator);
    const part = parts.find((candidate) => candidate.name === name);
    const given = hex === undefined ? undefined : fromHex(hex);
    if (part !== undefined) this.#case(part, Number(seed), Number(index), given);
  }

  run({ count, seed, parts, earlier = [], failuresMax = 5 }: CampaignOptions): Report {
    const startMs = performance.now();
    const startCpuMs = cpuMs();
    const indexes = parts.map(() => 0);
    try {
      for (const line of earlier) this.#again(line, parts);
      for (let turn = 1; turn <= turns && this.#failures.length < failuresMax; turn++) {
        for (const [i, part] of parts.entries()) {
          this.#current = this.#perPart.get(part.name) ?? { inputs: 0, past: 0, cpuMs: 0 };
          this.#perPart.set(part.name, this.#current);
          const sinceMs = cpuMs();
          while (this.#current.inputs < (count * part.share * turn) / turns) {
            if (this.#failures.length >= failuresMax) break;
            this.#case(part, seed, indexes[i] as number);
            indexes[i] = (indexes[i] as number) + 1;
          }
          this.#current.cpuMs += cpuMs() - sinceMs;
        }
        this.#remember();
      }
    } finally {
      this.#gauge.restore();
    }
    const half = this.#memory.slice(turns / 2);
    return {
      seed,
      inputs: this.#inputs,
      digest: (this.#digest >>> 0).toString(16).padStart(8, '0'),
      perPart: this.#perPart,
      failures: this.#failures,
      pastShare: this.#past / this.#inputs,
      perMinute: (this.#inputs * 60_000) / (performance.now() - startMs),
      perCpuMinute: (this.#inputs * 60_000) / (cpuMs() - startCpuMs),
      slowestMs: this.#slowestMs,
      rssSlope: slope(half.map(({ inputs, rss }) => [inputs, rss])),
      heapSlope: slope(half.map(({ inputs, heap }) => [inputs, heap])),
    };
  }

  #remember(): void {
    collect();
    const { rss, heapUsed } = process.memoryUsage();
    this.#memory.push({ inputs: this.#inputs / 1e6, rss: rss / 2 ** 20, heap: heapUsed / 2 ** 20 });
  }
}

/** Of the line that fits points best. */
function slope(points: readonly (readonly [number, number])[]): number {
  const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;
  const [x, y] = [mean(points.map(([a]) => a)), mean(points.map(([, b]) => b))];
  const over = points.reduce((sum, [a, b]) => sum + (a - x) * (b - y), 0);
  const under = points.reduce((sum, [a]) => sum + (a - x) ** 2, 0);
  return over / under;
}

export function campaign(options: CampaignOptions): Report {
  return new Campaign().run(options);
}

// ---- what failed before ----

/** Lines of fuzz-seeds.txt. */
export function earlierFailures(): string[] {
  if (!existsSync(seedsFile)) return [];
  return readFileSync(seedsFile, 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));
}

/** The line by which a failure is run again. Inputs of decoders are kept themselves: samples change. */
export function lineOf({ part, seed, index, bytes }: Failure): string {
  const fields = [part, seed, index];
  return (part.startsWith('life') ? fields : [...fields, toHex(bytes)]).join(separator);
}

/** Remembers failures for all campaigns to come. */
export function keep(failures: readonly Failure[]): void {
  const known = earlierFailures();
  for (const line of failures.map(lineOf)) if (!known.includes(line)) appendFileSync(seedsFile, `${line}\n`);
}
