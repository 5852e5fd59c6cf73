// Dials without promises: what the shell works with, so that the simulator can run it. Core's promise `Dial` is turned
// into one at the boundary.
import {
  type Dial,
  type ErrorCode,
  isPeernetError,
  type Link,
  type PeerId,
  PeernetError,
} from '@peernet/core';

export type DialNowResult = { link: Link; code?: undefined } | { code: ErrorCode; link?: undefined };
/** A dial without promises: calls `done` once, unless the returned function gave up first. */
export type DialNow = (
  address: string,
  options: { expect?: PeerId | undefined },
  done: (result: DialNowResult) => void,
) => () => void;

export function withoutPromises(dial: Dial): DialNow {
  return (address, { expect }, done) => {
    const abort = new AbortController();
    dial(address, { expect, signal: abort.signal }).then(
      (link) => done({ link }),
      (error: unknown) => done({ code: isPeernetError(error) ? error.code : 'INTERNAL' }),
    );
    return () => abort.abort(new PeernetError('ABORTED', `gave up dialing ${address}`));
  };
}
