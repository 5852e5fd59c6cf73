// Under which IP others see us: one vote per address group and IP version, the latest ones count. A group that
// changes its mind replaces its vote, so who wants to be believed must pay for groups, not for connections.
import { type Ip, LruMap } from '@peernet/core';

export const OBSERVED_IP = Object.freeze({
  /** Votes that are kept, one of each group and IP version. */
  votesMax: 64,
  /** Most recent votes of a version that decide: an old address is outvoted by a handful of new links. */
  votesCounted: 9,
  /** Groups that must agree, at least (protocol.md §3). */
  groupsMin: 2,
  /** ms that a vote counts: a day, as the ttl of a record; in a small quiet network nobody votes twice. */
  voteMs: 86_400_000,
});

interface Vote {
  readonly ip: string;
  readonly version: 4 | 6;
  readonly atMs: number;
}

export class ObservedIp {
  readonly #votes = new LruMap<string, Vote>(OBSERVED_IP.votesMax);

  vote(ip: Ip, group: string, nowMs: number): void {
    this.#votes.set(`${ip.version} ${group}`, { ip: ip.text, version: ip.version, atMs: nowMs });
  }

  /** Two groups name it: worth a probe. */
  isNamed(ip: string): boolean {
    return this.#count(ip).of >= OBSERVED_IP.groupsMin;
  }

  /** … and they are most of those who spoke lately: worth belief. */
  isBelieved(ip: string): boolean {
    const { of, all } = this.#count(ip);
    return of >= OBSERVED_IP.groupsMin && 2 * of > all;
  }

  /** Drops old votes. */
  expire(nowMs: number): void {
    this.#votes.dropWhile((vote) => vote.atMs + OBSERVED_IP.voteMs <= nowMs);
  }

  /** When the next vote expires, absolute ms. */
  deadline(): number {
    const oldest = this.#votes.values().next().value;
    return oldest === undefined ? Number.POSITIVE_INFINITY : oldest.atMs + OBSERVED_IP.voteMs;
  }

  clear(): void {
    this.#votes.clear();
  }

  #count(ip: string): { of: number; all: number } {
    const version = ip.includes(':') ? 6 : 4;
    const latest = [...this.#votes.values()]
      .filter((vote) => vote.version === version)
      .slice(-OBSERVED_IP.votesCounted);
    return { of: latest.filter((vote) => vote.ip === ip).length, all: latest.length };
  }
}
