// Members that somebody here tried to reach and could not. What they had said then is not shown again; what they said
// afterwards is, even if it was said before the attempt failed: a member whose relay has died says so at once, while
// others still dial what it said before.
import { LruMap, type PeerId } from '@peernet/core';
import { CAPACITY } from '../defaults.js';

export class StaleMembers {
  /** Made when there is the first. */
  #members: LruMap<PeerId, { readonly seq: number; readonly untilMs: number }> | undefined;

  /** @param seq of what was dialed in vain. What the member said later is judged by its own attempts. */
  add(id: PeerId, seq: number, nowMs: number, forMs: number): void {
    this.#members ??= new LruMap(CAPACITY.stale);
    const before = this.#members.get(id);
    const isLive = before !== undefined && nowMs < before.untilMs;
    if (isLive && seq < before.seq) return;
    const untilMs = nowMs + forMs;
    this.#members.set(id, {
      seq,
      untilMs: isLive && seq === before.seq ? Math.max(before.untilMs, untilMs) : untilMs,
    });
  }

  /** It was reached after all. */
  delete(id: PeerId): void {
    this.#members?.delete(id);
  }

  /** Whether what a member said at `seq` is what could not be reached, or older. */
  has(id: PeerId, seq: number, nowMs: number): boolean {
    const member = this.#members?.get(id);
    return member !== undefined && nowMs < member.untilMs && seq <= member.seq;
  }
}
