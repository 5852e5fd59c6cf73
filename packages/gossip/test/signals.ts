// Both ends of paths for tests: what is heard is written down.
import type { ErrorCode, Link, Signal, SignalEvents, SignalPath } from '@peernet/core';
import type { Node } from './nodes.js';

/** What one end of a path has heard. */
export interface Heard extends SignalEvents {
  readonly signals: Signal[];
  readonly codes: ErrorCode[];
}

export function listener(): Heard {
  const signals: Signal[] = [];
  const codes: ErrorCode[] = [];
  return {
    signals,
    codes,
    onSignal: (signal) => signals.push(signal),
    onClose: (code) => codes.push(code),
  };
}

/** Takes offers at a node, instead of its host. */
export function serve(node: Node): { paths: SignalPath[]; heard: Heard } {
  const paths: SignalPath[] = [];
  const heard = listener();
  node.host.signaller = undefined;
  node.gossip.signaller.serve((path) => {
    paths.push(path);
    return heard;
  });
  return { paths, heard };
}

/** A link whose owner says something else than its machine wants, or nothing. */
export function tampered(link: Link, alter: (bytes: Uint8Array) => Uint8Array | undefined): Link {
  return {
    peer: link.peer,
    initiator: link.initiator,
    session: link.session,
    remoteAddress: link.remoteAddress,
    scope: link.scope,
    get buffered() {
      return link.buffered;
    },
    open: (events) => link.open(events),
    send: (bytes, urgency) => {
      const altered = alter(bytes);
      return altered === undefined || link.send(altered, urgency);
    },
    close: (reason) => link.close(reason),
  };
}
