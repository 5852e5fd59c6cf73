// What members have taken back: remembered until the adverts that it voids have expired, so that late copies and rows
// of them die here, and told to searches, because an orphan of the same advert may answer them as well.
import { LruMap, type PeerId } from '@peernet/core';
import { CAPACITY } from '../defaults.js';
import { placeOf } from '../wire.js';

export interface Withdrawal {
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
  readonly #bySubnet = new Map<string, Withdrawal[]>();

  get size(): number {
    return this.#all?.size ?? 0;
  }

  /** Whether the member has taken back an advert of this seq. */
  covers(subnet: string, id: PeerId, seq: number): boolean {
    const withdrawal = this.get(subnet, id);
    return withdrawal !== undefined && seq <= withdrawal.seq;
  }

  get(subnet: string, id: PeerId): Withdrawal | undefined {
    return this.#all?.get(placeOf(subnet, id));
  }

  find(subnet: string): readonly Withdrawal[] {
    return this.#bySubnet.get(subnet) ?? [];
  }

  add(withdrawal: Withdrawal): void {
    const { subnet, id } = withdrawal;
    this.forget(subnet, id);
    this.#all ??= new LruMap(CAPACITY.withdrawals);
    const list = this.#bySubnet.get(subnet) ?? [];
    this.#bySubnet.set(subnet, list);
    list.push(withdrawal);
    const pushedOut = this.#all.set(placeOf(subnet, id), withdrawal)?.[1];
    const oldest = list.length > CAPACITY.withdrawalsPerSubnet ? list[0] : undefined;
    for (const gone of [pushedOut, oldest]) if (gone !== undefined) this.forget(gone.subnet, gone.id);
  }

  /** The member is back. */
  forget(subnet: string, id: PeerId): void {
    const list = this.#bySubnet.get(subnet);
    const at = list?.findIndex((withdrawal) => withdrawal.id === id) ?? -1;
    if (list === undefined || at < 0) return;
    list.splice(at, 1);
    if (list.length === 0) this.#bySubnet.delete(subnet);
    this.#all?.delete(placeOf(subnet, id));
  }

  sweep(nowMs: number): void {
    for (const withdrawal of this.#all?.values() ?? []) {
      if (withdrawal.expiresMs > nowMs) return;
      this.forget(withdrawal.subnet, withdrawal.id);
    }
  }
}
