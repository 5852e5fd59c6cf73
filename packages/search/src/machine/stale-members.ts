// Members that somebody here tried to reach and could not. Their rows are not shown again until they speak anew.
import { LruMap, type PeerId } from '@peernet/core';
import { CAPACITY, TIMES } from '../defaults.js';

export class StaleMembers {
  /** Made when there is the first. */
  #members: LruMap<PeerId, { readonly wallMs: number; readonly untilMs: number }> | undefined;

  add(id: PeerId, wallMs: number, nowMs: number): void {
    this.#members ??= new LruMap(CAPACITY.stale);
    this.#members.set(id, { wallMs, untilMs: nowMs + TIMES.staleMs });
  }

  /** Whether what a member said at `seq` (its calendar) is what could not be reached. */
  has(id: PeerId, seq: number, nowMs: number): boolean {
    const member = this.#members?.get(id);
    return member !== undefined && nowMs < member.untilMs && seq <= member.wallMs;
  }
}
