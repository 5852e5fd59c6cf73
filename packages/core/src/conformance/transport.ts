// What peernet relies on in a transport. A replacement runs these on itself:
//
//   const subject = { transport: mine(), address: (l) => `mine:${l.port}`, nobody: 'mine:1' }
//   for (const c of transportCases) test(c.name, () => c.run(() => subject))
//
// A case with `needs` may be left out where the transport has no such thing: `ip` (its ends have IP addresses), `port`
// (its listeners have ports), `back-pressure` (it can stop a remote that sends too fast; browsers' sockets cannot).
import { isPeernetError } from '../error.js';
import { parseIp } from '../ip.js';
import { type Case, check, within } from './case.js';
import {
  counter,
  dial,
  eventually,
  next,
  patienceMs,
  pattern,
  quietMs,
  Sink,
  type TransportSubject,
  turn,
  withHost,
  withPair,
} from './duplexes.js';
import { streamCases } from './transport-streams.js';

export type { TransportSubject } from './duplexes.js';

type TransportCase = Case<TransportSubject>;

async function codeOf(dialing: Promise<unknown>): Promise<string> {
  const error: unknown = await within(patienceMs, dialing, 'dial').then(
    () => undefined,
    (reason: unknown) => reason,
  );
  check(error !== undefined, 'the dial succeeded');
  check(isPeernetError(error), `rejected with ${String(error)}, which is no PeernetError`);
  return error.code;
}

const dials: readonly TransportCase[] = [
  {
    name: 'an aborted dial rejects with ABORTED and leaves no connection',
    run: async (make) => {
      const subject = await make();
      await withHost(subject, async ({ address, accepted }) => {
        const giveUp = new AbortController();
        const dialing = subject.transport.dial(address, { signal: giveUp.signal });
        giveUp.abort();
        const code = await codeOf(dialing);
        check(code === 'ABORTED', `rejected with ${code}`);
        await turn(quietMs);
        for (const { duplex } of accepted.slice()) {
          const closed = counter(duplex, 'close');
          duplex.resume();
          await eventually('the connection of the aborted dial closes', () => closed() > 0 || isGone(duplex));
        }
      });
    },
  },
  {
    name: 'with a signal that is aborted already nobody is dialed',
    run: async (make) => {
      const subject = await make();
      await withHost(subject, async ({ address, accepted }) => {
        const code = await codeOf(subject.transport.dial(address, { signal: AbortSignal.abort() }));
        check(code === 'ABORTED', `rejected with ${code}`);
        const other = await dial(subject, address);
        await eventually('another connection', () => accepted.length > 0);
        await turn(quietMs);
        check(accepted.length === 1, 'the aborted dial reached the listener');
        other.destroy();
      });
    },
  },
  {
    name: 'where nobody listens the dial rejects with a code',
    run: async (make) => {
      const { transport, nobody } = await make();
      check(nobody !== undefined, 'the subject names no address where nobody listens');
      const code = await codeOf(transport.dial(nobody, { signal: new AbortController().signal }));
      check(['DIAL_REFUSED', 'DIAL_FAILED', 'DIAL_TIMEOUT'].includes(code), `rejected with ${code}`);
    },
  },
  {
    name: 'what is no address of its schemes is rejected, not thrown',
    run: async (make) => {
      const { transport } = await make();
      for (const address of ['', 'nonsense', 'no-such-scheme://127.0.0.1:1', `${transport.schemes[0]}:`]) {
        const code = await codeOf(transport.dial(address, { signal: new AbortController().signal }));
        check(['ADDRESS_INVALID', 'SCHEME_UNKNOWN'].includes(code), `'${address}' rejected with ${code}`);
      }
    },
  },
  {
    name: 'allowIp decides before anything is sent',
    needs: 'ip',
    run: async (make) => {
      const subject = await make();
      await withHost(subject, async ({ address, accepted }) => {
        const asked: string[] = [];
        const allowIp = (ip: string): boolean => {
          asked.push(ip);
          return false;
        };
        const { signal } = new AbortController();
        const code = await codeOf(subject.transport.dial(address, { signal, allowIp }));
        check(code === 'DIAL_FAILED', `rejected with ${code}`);
        check(
          asked.length > 0 && asked.every((ip) => parseIp(ip) !== undefined),
          `asked about ${asked.join()}`,
        );
        await turn(quietMs);
        check(accepted.length === 0, 'the listener was reached');
      });
    },
  },
];

/** Streams of every kind have this flag. */
function isGone(duplex: object): boolean {
  return (duplex as { destroyed?: boolean }).destroyed === true;
}

const listeners: readonly TransportCase[] = [
  {
    name: 'schemes are written as in addresses, and a listener serves one of them',
    run: async (make) => {
      const subject = await make();
      const { schemes } = subject.transport;
      check(schemes.length > 0, 'no schemes');
      for (const scheme of schemes) check(/^[a-z][a-z0-9+.-]*$/.test(scheme), `scheme '${scheme}'`);
      await withHost(subject, async ({ listener }) => {
        check(schemes.includes(listener.protocol), `it serves '${listener.protocol}'`);
      });
    },
  },
  {
    name: 'a listener says where it listens',
    needs: 'port',
    run: async (make) =>
      withHost(await make(), async ({ listener: { host, port } }) => {
        check(parseIp(host) !== undefined || host === '::' || host === '0.0.0.0', `host '${host}'`);
        check(Number.isInteger(port) && port > 0 && port < 65_536, `port ${port}`);
      }),
  },
  {
    name: 'the ip of who connects is an IP literal in normal form',
    needs: 'ip',
    run: async (make) =>
      withPair(await make(), async ({ from: { ip, port } }) => {
        check(ip !== undefined && parseIp(ip)?.text === ip, `ip '${ip}'`);
        check(port !== undefined && port > 0, `port ${port}`);
      }),
  },
  {
    name: 'a connection may be called established, once or twice',
    run: async (make) =>
      withPair(await make(), async ({ near, far, from }) => {
        from.established?.();
        from.established?.();
        const sink = new Sink(far);
        near.write(pattern(5, 9));
        await sink.read(5);
      }),
  },
  {
    name: 'a port that is taken is PORT_IN_USE',
    needs: 'port',
    run: async (make) => {
      const subject = await make();
      await withHost(subject, async ({ listener: { port } }) => {
        const code = await codeOf(withHost(subject, async () => {}, { port }));
        check(code === 'PORT_IN_USE', `rejected with ${code}`);
      });
    },
  },
  {
    name: 'two listeners do not get in each other’s way',
    run: async (make) => {
      const subject = await make();
      await withHost(subject, (one) =>
        withHost(subject, async (two) => {
          const near = await dial(subject, two.address);
          await eventually('a connection at the second', () => two.accepted.length > 0);
          check(one.accepted.length === 0, 'the first listener got the connection, too');
          near.destroy();
        }),
      );
    },
  },
  {
    name: 'closing a listener closes what it accepted',
    run: async (make) =>
      withPair(await make(), async ({ listener, near }) => {
        near.resume();
        const closed = next(near, 'close');
        await within(patienceMs, listener.close(), 'close of the listener');
        await closed;
      }),
  },
  {
    name: 'a closed listener lets nobody in',
    run: async (make) => {
      const subject = await make();
      await withHost(subject, async ({ listener, address, accepted }) => {
        await within(patienceMs, listener.close(), 'close of the listener');
        await codeOf(subject.transport.dial(address, { signal: new AbortController().signal }));
        check(accepted.length === 0, 'a closed listener handed out a connection');
      });
    },
  },
  {
    name: 'closing a listener twice is closing it once',
    run: async (make) =>
      withHost(await make(), async ({ listener }) => {
        const both = Promise.all([listener.close(), listener.close()]);
        await within(patienceMs, both, 'two closings at once');
        await within(patienceMs, listener.close(), 'a third');
      }),
  },
  {
    name: 'a listener ends with its signal',
    run: async (make) => {
      const subject = await make();
      const over = new AbortController();
      const use = async ({ address }: { address: string }): Promise<void> => {
        over.abort();
        await turn(quietMs);
        await codeOf(subject.transport.dial(address, { signal: new AbortController().signal }));
      };
      await withHost(subject, use, { signal: over.signal });
    },
  },
];

/** Every promise of the contract for transports. */
export const transportCases: readonly TransportCase[] = [...streamCases, ...dials, ...listeners];
