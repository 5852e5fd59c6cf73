// Saboteurs of listeners.
import { PeernetError, type Transport } from '../../src/index.js';
import { onAccept, onListen, type Saboteurs } from './transport.js';

type Listen = NonNullable<Transport['listen']>;
type OnDuplex = Parameters<Listen>[1];

export const listenerSaboteurs: Saboteurs = {
  'schemes are written as in addresses, and a listener serves one of them': (honest) => ({
    ...honest,
    schemes: ['memory:'],
  }),
  'a listener says where it listens': onListen(() => ({ host: 'localhost' })),
  'the ip of who connects is an IP literal in normal form': onAccept((_far, from) => ({
    ...from,
    ip: '::ffff:127.0.0.1',
  })),
  'a connection may be called established, once or twice': onAccept((far, from) => {
    let calls = 0;
    return { ...from, established: () => void (++calls === 2 && far.destroy()) };
  }),
  'a port that is taken is PORT_IN_USE': (honest) => ({
    ...honest,
    listen: (options, onDuplex) =>
      (honest.listen as Listen)(options, onDuplex).catch((cause: unknown) => {
        throw new PeernetError('LISTEN_FAILED', 'no', { cause });
      }),
  }),
  'two listeners do not get in each other’s way': (honest) => {
    const all: OnDuplex[] = [];
    return {
      ...honest,
      listen: (options, onDuplex) => {
        all.push(onDuplex);
        return (honest.listen as Listen)(options, (far, from) => {
          for (const listener of all) listener(far, from);
        });
      },
    };
  },
  'closing a listener closes what it accepted': (honest) => ({
    ...honest,
    listen: async (options, onDuplex) => {
      let closing = false;
      const listener = await (honest.listen as Listen)(options, (far, from) => {
        const destroy = far.destroy.bind(far);
        far.destroy = (error?: Error) => (closing ? far : destroy(error));
        onDuplex(far, from);
      });
      const close = async (): Promise<void> => {
        closing = true;
        await listener.close();
        closing = false;
      };
      return { ...listener, close };
    },
  }),
  'a closed listener lets nobody in': (honest) => ({
    ...honest,
    listen: async (options, onDuplex) => {
      let leaving = false;
      let guests = 0;
      const listener = await (honest.listen as Listen)(options, (far, from) => {
        guests++;
        onDuplex(far, from);
        if (leaving) void listener.close();
      });
      // If nobody has come it says that it is closed, and waits for one; closes then, or when it is told again.
      const close = async (): Promise<void> => {
        if (leaving || guests > 0) await listener.close();
        leaving = true;
      };
      return { ...listener, close };
    },
  }),
  'closing a listener twice is closing it once': onListen((listener) => {
    let calls = 0;
    return {
      close: async () => {
        if (++calls === 2) throw new Error('not running');
        await listener.close();
      },
    };
  }),
  'a listener ends with its signal': (honest) => ({
    ...honest,
    listen: ({ signal: _, ...options }, onDuplex) => (honest.listen as Listen)(options, onDuplex),
  }),
};
