// Size estimate by extrema propagation (Baquero, Almeida, Menezes, Jesus 2012; protocol.md §5): every peer id has a
// value −ln(H(slot, id)) in each of 64 slots, the smallest of a slot spreads to everybody, and N̂ = 63 / Σ minima,
// right to 12.7 % rms at any size. No epochs: an entry dies at age 1 200 s, its owner emits it anew every 600 s.
//
// What is signed: DOMAIN.extrema over the 32 bytes of the id, nothing else ("I take part"). Values follow from the id,
// so a slot needs no signature, one signature serves all slots, and who wants a small value must make keys until one
// has it. Ages are not signed. That bounds what a liar can do:
// - Age lowered, or entries of dead ids replayed: the dead count as alive while the liar goes on. That is no more
//   than it gets by making as many keys (44 µs each), for which it needs nobody's past. Against both stand the caps:
//   64 slots, N̂ moves ≤ ×2 per 600 s, budgets of searches have ceilings. A refresh must make an entry 300 s younger,
//   so replaying costs the network at most 64 entries per 300 s.
// - Age raised: the true copy is younger, and wins when it arrives or at the next emission (within 660 s < 1 200 s).
// - Honest carriers round ages up, and nobody takes a refresh of less than 300 s: an entry cannot stay young by
//   going in circles, so without a liar the dead vanish 1 200 s after their last word.
//   Meanwhile it may count as gone (below): N̂ × 0.4 at the least, which a·q = 16·N̂ of a search leaves room for.
//
// The dead: what dies stays in tables for 900 s on average, so with sessions of 10 min (median) half of the winners are
// dead. A winner of 720 s has missed its emission: it is gone. Winners are a fair sample of all whose entries live, and
// deaths come at a steady rate, so the share that is known to be gone tells the share of all who are: N̂ is the number
// of entries that live, less those (decision 24).
//
// Succession: the winner of a slot that has missed its emission (age ≥ 780 s) is suspect. Then the living stand for
// the slot as its *heir*, those with the smallest values first (so that the others need not speak), and at 1 200 s
// everybody has the same heir. Without it, nodes that bury a winner a second later than their neighbours would never
// hear of the successor: it was told while they still knew something better.
import { type Crypto, DOMAIN, jitter, type PeerId, type Random } from '@peernet/core';
import { knownIdBytes, knownSignature } from './interning.js';

export const EXTREMA = Object.freeze({
  /** Slots: 12.7 % rms (research/algorithms.md; 32 give 18 %, 128 give 8.9 %). */
  slots: 64,
  /** Entries of one full table: 64 winners and as many heirs. */
  entriesMax: 128,
  /** Seconds at which an entry is dead (protocol.md §5). */
  lifeSeconds: 1_200,
  /** Seconds after which an owner emits its entries anew (protocol.md §5). */
  emitSeconds: 600,
  /** Share by which that varies (protocol.md §5). */
  emitJitter: 0.1,
  /** Seconds by which a refresh must make an entry younger: half of `emitSeconds`, so that true ones always do. */
  refreshSeconds: 300,
  /** Age from which a winner counts as gone, seconds: the latest time of a true emission, and a minute for its way. */
  goneSeconds: 720,
  /** The dead for each one that is known to be gone: entries outlive their owner by 900 s, and for 480 s it shows. */
  deadPerGone: 1.875,
  /** Least share of the winners that counts as alive, whatever their ages: many may die at once, and ages may be lies. */
  aliveLeast: 0.4,
  /** Age from which heirs are listened to, seconds: the latest time of a true emission. */
  heirHeardSeconds: 660,
  /** Age from which heirs speak, seconds: two minutes later, so that whoever hears them listens already. */
  heirSpeaksSeconds: 780,
  /** Seconds over which heirs spread, best values first; all have spoken 180 s before the winner is buried. */
  heirSpreadSeconds: 240,
  /** Candidates spread over that time: one per 4 s, which is what a flood takes. */
  heirsExpected: 64,
  /** N̂ moves by at most a factor of 2 in this time, ms (protocol.md §5). */
  doublingMs: 600_000,
  /** Below this N̂ rises freely: the budgets that follow from it are small (≤ 128), and young networks must grow. */
  freeBelow: 1_024,
  /** ms after the first foreign table in which N̂ follows freely: the tables of all first neighbours arrive. */
  takeoverMs: 30_000,
});

/** One line of a table, as it travels. `ageSeconds` is rounded up. */
export interface ExtremaEntry {
  /** 0 … 63. */
  readonly slot: number;
  readonly id: PeerId;
  readonly ageSeconds: number;
  /** By `id`: DOMAIN.extrema over its 32 bytes. */
  readonly signature: Uint8Array;
}

/** How a signature is checked; false also if there is no budget for it now. */
export type Verify = (domain: string, id: PeerId, bytes: Uint8Array, signature: Uint8Array) => boolean;

/** A table entry: who, how small, and when on our clock its age was 0. */
interface Held {
  readonly id: PeerId;
  readonly value: number;
  readonly bornMs: number;
  readonly signature: Uint8Array;
}

export class Extrema {
  readonly #crypto: Crypto;
  readonly #random: Random;
  readonly #signature: Uint8Array;
  /** Our own value in each slot. */
  readonly #own = new Float64Array(EXTREMA.slots);
  readonly #winners: Held[] = [];
  readonly #heirs: (Held | undefined)[] = [];
  #emitAtMs: number;
  #deadlineMs: number | undefined;
  #sum: number;
  /** Share of the winners that counts as alive, and when the next one counts as gone. */
  #alive = 1;
  #nextGoneMs = Number.POSITIVE_INFINITY;
  /** What `estimate` says, and up to when it has followed the table. */
  #shown: number;
  #shownAtMs: number;
  #freeUntilMs = Number.POSITIVE_INFINITY;

  constructor(options: { crypto: Crypto; random: Random; nowMs: number }) {
    const { crypto, random, nowMs } = options;
    this.#crypto = crypto;
    this.#random = random;
    this.#signature = crypto.sign(DOMAIN.extrema, knownIdBytes(crypto.id));
    for (let slot = 0; slot < EXTREMA.slots; slot++) {
      this.#own[slot] = extremeOf(crypto, slot, crypto.id);
      this.#winners.push(this.#mine(slot, nowMs));
      this.#heirs.push(undefined);
    }
    this.#emitAtMs = nowMs + this.#emitWaitMs();
    this.#sum = this.#sumOfMinima();
    this.#shown = this.#entries();
    this.#shownAtMs = nowMs;
  }

  /** N̂ ≥ 1. */
  estimate(nowMs: number): number {
    this.#follow(nowMs);
    return Math.max(1, this.#shown);
  }

  /** 8 bytes over (slot, id) of all winners: two nodes with equal ones need not exchange tables. */
  digest(): Uint8Array {
    for (let slot = 0; slot < EXTREMA.slots; slot++)
      digested.set(knownIdBytes((this.#winners[slot] as Held).id), 32 * slot);
    return this.#crypto.hash(DOMAIN.extrema, digested).slice(0, 8);
  }

  /** Winners and heirs of those slots that are wanted, ≤ 128, none of them dead. */
  table(nowMs: number, wanted: (slot: number) => boolean = () => true): ExtremaEntry[] {
    const entries: ExtremaEntry[] = [];
    const add = (slot: number, held: Held | undefined): void => {
      if (held !== undefined && nowMs - held.bornMs < ms(EXTREMA.lifeSeconds))
        entries.push(toEntry(slot, held, nowMs));
    };
    for (let slot = 0; slot < EXTREMA.slots; slot++) {
      if (!wanted(slot)) continue;
      add(slot, this.#winners[slot]);
      add(slot, this.#heirs[slot]);
    }
    return entries;
  }

  /** What a neighbour told; returns the entries that changed our table: those are to be told to the other neighbours. */
  offer(entries: readonly ExtremaEntry[], nowMs: number, verify: Verify): ExtremaEntry[] {
    this.#follow(nowMs);
    const changed = entries.filter((entry) => this.#take(entry, nowMs, verify));
    if (changed.length === 0) return changed;
    this.#changed(nowMs);
    if (this.#freeUntilMs === Number.POSITIVE_INFINITY) this.#freeUntilMs = nowMs + EXTREMA.takeoverMs;
    this.#follow(nowMs);
    return changed;
  }

  /** Buries the dead, stands for slots of suspects, emits anew; returns own entries that are to be told to all neighbours. */
  tick(nowMs: number): ExtremaEntry[] {
    this.#follow(nowMs);
    const told = new Set<number>();
    if (nowMs >= this.#emitAtMs) {
      this.#emitAtMs = nowMs + this.#emitWaitMs();
      for (let slot = 0; slot < EXTREMA.slots; slot++) if (this.#renew(slot, nowMs)) told.add(slot);
    }
    for (let slot = 0; slot < EXTREMA.slots; slot++) {
      const winner = this.#winners[slot] as Held;
      if (winner.id === this.#crypto.id) continue;
      // The same sum as in `deadline`: a difference may round to the other side, and a tick that does nothing is called for ever.
      if (nowMs >= winner.bornMs + ms(EXTREMA.lifeSeconds)) {
        if (this.#bury(slot, nowMs)) told.add(slot);
      } else if (this.#standsFor(slot) && nowMs >= this.#standAtMs(slot)) {
        this.#heirs[slot] = this.#mine(slot, nowMs);
        told.add(slot);
      }
    }
    this.#changed(nowMs);
    return [...told].map((slot) => toEntry(slot, this.#mine(slot, nowMs), nowMs));
  }

  /** After a sleep, in which nobody could tell us anything: the next tables count as the first ones did. */
  wake(): void {
    this.#freeUntilMs = Number.POSITIVE_INFINITY;
  }

  /** When `tick` has something to do (absolute ms). */
  deadline(): number {
    this.#deadlineMs ??= this.#computeDeadline();
    return this.#deadlineMs;
  }

  /** Whether our entry of that id is so much younger that whoever told this one would take it. */
  refreshes({ slot, id, ageSeconds }: ExtremaEntry, nowMs: number): boolean {
    const held = [this.#winners[slot], this.#heirs[slot]].find((one) => one?.id === id);
    return held !== undefined && held.bornMs - (nowMs - ms(ageSeconds)) >= ms(EXTREMA.refreshSeconds);
  }

  // ---- the table ----

  #mine(slot: number, bornMs: number): Held {
    const value = this.#own[slot] as number;
    return { id: this.#crypto.id, value, bornMs, signature: this.#signature };
  }

  /** Whether this entry changed the table. */
  #take(entry: ExtremaEntry, nowMs: number, verify: Verify): boolean {
    const { slot, id, ageSeconds } = entry;
    const winner = this.#winners[slot];
    if (winner === undefined || id === this.#crypto.id) return false;
    if (!(ageSeconds >= 0 && ageSeconds < EXTREMA.lifeSeconds)) return false;
    const bornMs = nowMs - ms(ageSeconds);
    const heir = this.#heirs[slot];
    if (id === winner.id) return this.#refresh(slot, this.#winners, winner, bornMs, nowMs);
    if (id === heir?.id) return this.#refresh(slot, this.#heirs, heir, bornMs, nowMs);
    const value = extremeOf(this.#crypto, slot, id);
    const wins = value < winner.value;
    if (!wins && !this.#mayInherit(slot, value, bornMs, nowMs)) return false;
    const held: Held = { id, value, bornMs, signature: knownSignature(id, entry.signature) };
    if (!this.#genuine(held, verify)) return false;
    if (wins) {
      this.#winners[slot] = held;
      // A newcomer that is suspect itself must not take an honest heir's chances with it.
      this.#heirs[slot] = isSuspect(held, nowMs) ? survivor(held, winner, heir) : undefined;
    } else this.#heirs[slot] = held;
    return true;
  }

  #mayInherit(slot: number, value: number, bornMs: number, nowMs: number): boolean {
    const winner = this.#winners[slot] as Held;
    const heir = this.#heirs[slot];
    if (winner.id === this.#crypto.id || !isSuspect(winner, nowMs) || bornMs <= winner.bornMs) return false;
    return heir === undefined || value < heir.value;
  }

  /** The same entry, younger. Its signature is the one that we hold: a carrier cannot exchange it. */
  #refresh(slot: number, place: (Held | undefined)[], held: Held, bornMs: number, nowMs: number): boolean {
    if (bornMs - held.bornMs < ms(EXTREMA.refreshSeconds)) return false;
    place[slot] = { ...held, bornMs };
    if (!isSuspect(this.#winners[slot] as Held, nowMs)) this.#heirs[slot] = undefined;
    return true;
  }

  /** One signature serves all slots of an id: it is checked when the id enters the table. */
  #genuine(held: Held, verify: Verify): boolean {
    const same = (other: Held | undefined): boolean =>
      other !== undefined && other.id === held.id && equalSignatures(other.signature, held.signature);
    if (this.#winners.some(same) || this.#heirs.some(same)) return true;
    return verify(DOMAIN.extrema, held.id, knownIdBytes(held.id), held.signature);
  }

  /** A dead winner gives way to its heir, or to us. True if it is us, and was not known. */
  #bury(slot: number, nowMs: number): boolean {
    const heir = this.#heirs[slot];
    const alive = heir !== undefined && nowMs < heir.bornMs + ms(EXTREMA.lifeSeconds);
    this.#heirs[slot] = undefined;
    this.#winners[slot] = alive ? heir : this.#mine(slot, nowMs);
    return !alive;
  }

  /** Own entries get young again. True if we have one in this slot. */
  #renew(slot: number, nowMs: number): boolean {
    if (this.#winners[slot]?.id === this.#crypto.id) this.#winners[slot] = this.#mine(slot, nowMs);
    else if (this.#heirs[slot]?.id === this.#crypto.id) this.#heirs[slot] = this.#mine(slot, nowMs);
    else return false;
    return true;
  }

  #standsFor(slot: number): boolean {
    const heir = this.#heirs[slot];
    return heir === undefined || (this.#own[slot] as number) < heir.value;
  }

  /** When we stand for a slot if nobody better has. */
  #standAtMs(slot: number): number {
    const winner = this.#winners[slot] as Held;
    const rank = Math.min(1, ((this.#own[slot] as number) * this.#entries()) / EXTREMA.heirsExpected);
    return winner.bornMs + ms(EXTREMA.heirSpeaksSeconds + rank * EXTREMA.heirSpreadSeconds);
  }

  // ---- time and size ----

  #changed(nowMs: number): void {
    this.#sum = this.#sumOfMinima();
    this.#countGone(nowMs);
    this.#deadlineMs = undefined;
  }

  /** At `nowMs` a winner may have become one that is gone. */
  #countGone(nowMs: number): void {
    let gone = 0;
    this.#nextGoneMs = Number.POSITIVE_INFINITY;
    for (const { id, bornMs } of this.#winners) {
      const goneMs = bornMs + ms(EXTREMA.goneSeconds);
      if (id === this.#crypto.id) continue;
      if (goneMs <= nowMs) gone++;
      else this.#nextGoneMs = Math.min(this.#nextGoneMs, goneMs);
    }
    this.#alive = Math.max(EXTREMA.aliveLeast, 1 - (EXTREMA.deadPerGone * gone) / EXTREMA.slots);
  }

  #computeDeadline(): number {
    let atMs = this.#emitAtMs;
    for (let slot = 0; slot < EXTREMA.slots; slot++) {
      const winner = this.#winners[slot] as Held;
      if (winner.id === this.#crypto.id) continue;
      atMs = Math.min(atMs, winner.bornMs + ms(EXTREMA.lifeSeconds));
      if (this.#standsFor(slot)) atMs = Math.min(atMs, this.#standAtMs(slot));
    }
    return atMs;
  }

  #emitWaitMs(): number {
    return jitter(this.#random, ms(EXTREMA.emitSeconds), EXTREMA.emitJitter);
  }

  #sumOfMinima(): number {
    let sum = 0;
    for (const winner of this.#winners) sum += winner.value;
    return sum;
  }

  /** How many there are whose entries live, be they dead or alive. */
  #entries(): number {
    return (EXTREMA.slots - 1) / this.#sum;
  }

  /** Lets what we show follow the table, as fast as it may, up to now. */
  #follow(nowMs: number): void {
    while (this.#nextGoneMs <= nowMs) {
      const goneMs = this.#nextGoneMs;
      this.#followTo(goneMs);
      this.#countGone(goneMs);
    }
    this.#followTo(nowMs);
  }

  #followTo(nowMs: number): void {
    const alive = this.#entries() * this.#alive;
    if (nowMs <= this.#freeUntilMs) this.#shown = alive;
    else {
      const factor = 2 ** (Math.max(0, nowMs - this.#shownAtMs) / EXTREMA.doublingMs);
      const most = Math.max(this.#shown * factor, Math.min(alive, EXTREMA.freeBelow));
      this.#shown = Math.min(Math.max(alive, this.#shown / factor), most);
    }
    this.#shownAtMs = Math.max(this.#shownAtMs, nowMs);
  }
}

/** Reused: the ids of all winners. */
const digested = new Uint8Array(32 * EXTREMA.slots);

/** Reused, with the id that is in it: entries travel grouped by id, and decoding ids was most of the work. */
const scratch = new Uint8Array(33);
let scratchId: PeerId | undefined;

/** −ln of a uniform number that (slot, id) hash to: exponentially distributed. */
export function extremeOf(crypto: Crypto, slot: number, id: PeerId): number {
  scratch[0] = slot;
  if (id !== scratchId) scratch.set(knownIdBytes(id), 1);
  scratchId = id;
  const hash = crypto.hash(DOMAIN.extrema, scratch);
  const word = (at: number): number =>
    (((hash[at] as number) << 24) |
      ((hash[at + 1] as number) << 16) |
      ((hash[at + 2] as number) << 8) |
      (hash[at + 3] as number)) >>>
    0;
  // 53 bits, never 0.
  const uniform = ((word(0) >>> 11) * 4_294_967_296 + word(4) + 0.5) / 9_007_199_254_740_992;
  return -Math.log(uniform);
}

function toEntry(slot: number, held: Held, nowMs: number): ExtremaEntry {
  const ageSeconds = Math.max(0, Math.ceil((nowMs - held.bornMs) / 1000));
  return { slot, id: held.id, ageSeconds, signature: held.signature };
}

function isSuspect(held: Held, nowMs: number): boolean {
  return nowMs - held.bornMs >= ms(EXTREMA.heirHeardSeconds);
}

/** The smallest of those that will outlive `than`. */
function survivor(than: Held, ...others: readonly (Held | undefined)[]): Held | undefined {
  const fit = others.filter((held): held is Held => held !== undefined && held.bornMs > than.bornMs);
  return fit.sort((x, y) => x.value - y.value)[0];
}

function equalSignatures(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

function ms(seconds: number): number {
  return seconds * 1000;
}
