// The after-hook of every test with real sockets: what a test opens is gone when it ends.
//
// `process.getActiveResourcesInfo()` cannot do it: it leaves out whatever is unref'd, and that is exactly how timers
// are forgotten; and it cannot tell a socket of the test runner from ours. So a hook notes each handle at its birth,
// with the stack that made it, and strikes it out at its death. Timers count only if it was our code that asked for
// them (the runner has timers, and so has node:http); sockets and servers always count.
import { createHook } from 'node:async_hooks';
import { until } from './until.js';

/** Not TLSWRAP: it lives until it is collected as garbage, and the TCP socket below it counts. */
const sockets = new Set(['TCPWRAP', 'TCPSERVERWRAP', 'PIPEWRAP', 'PIPESERVERWRAP', 'UDPWRAP']);
const requests = new Set(['GETADDRINFOREQWRAP', 'TCPCONNECTWRAP', 'PIPECONNECTWRAP']);

/** Files whose timers are counted: sources and tests of this repository, and the network packages that they drive. */
const ours = /\/(packages|internal|examples)\/[^\s]+\.[cm]?[jt]s|\/node_modules\/(ws|streamx)\//;
/** The waiting of tests themselves. */
const notOurs = /\/internal\/\w+\/src\/|\.test\.ts/;
/** Frames on the way from whoever asked for a timer to the hook. Timers that node keeps for itself are not ours. */
const noise = /leak-check\.ts|node:internal\/(async_hooks|timers)|node:timers/;

interface Born {
  readonly type: string;
  readonly stack: string;
}

function counts(type: string, stack: string): boolean {
  if (sockets.has(type) || requests.has(type)) return true;
  if (type !== 'Timeout') return false;
  const maker = stack.split('\n').find((line) => /^\s+at /.test(line) && !noise.test(line));
  return maker !== undefined && ours.test(maker) && !notOurs.test(maker);
}

/**
 * Starts watching. The function that it returns waits (≤ `withinMs`, default 3 000) until every socket, server, name
 * request and timer that was made since is gone, and throws with their birthplaces otherwise:
 *
 *     afterEach(leakCheck());
 */
export function leakCheck(options: { withinMs?: number } = {}): () => Promise<void> {
  const { withinMs = 3000 } = options;
  const alive = new Map<number, Born>();
  createHook({
    init(id, type) {
      if (type !== 'Timeout' && !sockets.has(type) && !requests.has(type)) return;
      const holder = { stack: '' };
      const before = Error.stackTraceLimit;
      Error.stackTraceLimit = 25;
      Error.captureStackTrace(holder);
      Error.stackTraceLimit = before;
      if (counts(type, holder.stack)) alive.set(id, { type, stack: holder.stack });
    },
    destroy(id) {
      alive.delete(id);
    },
  }).enable();
  return async () => {
    try {
      await until('handles gone', () => alive.size === 0, withinMs);
    } catch {
      const list = [...alive.values()].map(({ type, stack }) => `${type}\n${stack}`);
      alive.clear();
      throw new Error(`left open: ${list.length}\n${list.join('\n')}`);
    }
  };
}
