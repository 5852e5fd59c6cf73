// Connections that somebody waits for because another dial makes them: the peer's, or one that our own overlay began.
import type { Clock, PeerId } from '@peernet/core';
import type { Member } from './member.js';

export class Arrivals {
  readonly #clock: Clock;
  readonly #waiting = new Set<(member: Member | undefined) => void>();
  #closed = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The next connection with that peer, whoever dials; undefined if there is none within `ms`, or this is closed. */
  next(id: PeerId, ms: number): Promise<Member | undefined> {
    return new Promise((resolve) => {
      const cancel = this.#clock.alarm(this.#clock.now() + ms, () => settle(undefined));
      const settle = (member: Member | undefined): void => {
        if (member !== undefined && member.connection.peer !== id) return;
        cancel();
        this.#waiting.delete(settle);
        resolve(member);
      };
      this.#waiting.add(settle);
      if (this.#closed) settle(undefined);
    });
  }

  tell(member: Member): void {
    for (const settle of [...this.#waiting]) settle(member);
  }

  /** Nobody comes any more. */
  close(): void {
    this.#closed = true;
    for (const settle of [...this.#waiting]) settle(undefined);
  }
}
