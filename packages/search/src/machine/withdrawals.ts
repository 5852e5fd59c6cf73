// What members have taken back: remembered until the adverts that it voids have expired, so that late copies and rows
// of them die here, and told to searches, because an orphan of the same advert may answer them as well.
import { LruMap, type PeerId } from '@peernet/core';
import { CAPACITY } from '../defaults.js';

export interface Withdrawal {
  /** `placeOf` member and subnet. */
  readonly place: string;
  readonly subnet: string;
  readonly id: PeerId;
  /** Adverts up to this one are void. */
  readonly seq: number;
  /** As it travels. */
  readonly bytes: Uint8Array;
  readonly expiresMs: number;
  /** The narrowest address in it. */
  readonly narrowest: number;
}

export class Withdrawals {
  #all: LruMap<string, Withdrawal> | undefined;
  #bySubnet: Map<string, Withdrawal[]> | undefined;

  get size(): number {
    return this.#all?.size ?? 0;
  }

  /** Whether the member of a place has taken back an advert of this seq. */
  covers(place: string, seq: number): boolean {
    const withdrawal = this.#all?.get(place);
    return withdrawal !== undefined && seq <= withdrawal.seq;
  }

  find(subnet: string): readonly Withdrawal[] {
    return this.#bySubnet?.get(subnet) ?? [];
  }

  add(withdrawal: Withdrawal): void {
    this.forget(withdrawal.place);
    this.#all ??= new LruMap(CAPACITY.withdrawals);
    this.#bySubnet ??= new Map();
    const list = this.#bySubnet.get(withdrawal.subnet) ?? [];
    this.#bySubnet.set(withdrawal.subnet, list);
    list.push(withdrawal);
    const pushedOut = this.#all.set(withdrawal.place, withdrawal)?.[1];
    const oldest = list.length > CAPACITY.withdrawalsPerSubnet ? list[0] : undefined;
    if (pushedOut !== undefined) this.#unlist(pushedOut);
    if (oldest !== undefined) this.forget(oldest.place);
  }

  /** The member is back. */
  forget(place: string): void {
    const withdrawal = this.#all?.get(place);
    if (withdrawal === undefined) return;
    this.#all?.delete(place);
    this.#unlist(withdrawal);
  }

  #unlist(withdrawal: Withdrawal): void {
    const left = this.find(withdrawal.subnet).filter((other) => other !== withdrawal);
    if (left.length === 0) this.#bySubnet?.delete(withdrawal.subnet);
    else this.#bySubnet?.set(withdrawal.subnet, left);
  }

  sweep(nowMs: number): void {
    for (const withdrawal of this.#all?.values() ?? []) {
      if (withdrawal.expiresMs > nowMs) return;
      this.forget(withdrawal.place);
    }
  }
}
