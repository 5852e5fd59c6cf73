// What the saboteurs of transports are made of. Each breaks one promise of a transport that keeps all others; the
// test demands that exactly the case of that promise notices.
import type { Duplex } from 'node:stream';
import type {
  DialTransportOptions,
  Listener,
  ListenOptions,
  RemoteInfo,
  Transport,
} from '../../src/index.js';

/** Name of the case that must fail → how to break the transport. */
export type Saboteurs = Readonly<Record<string, (honest: Transport) => Transport>>;

type Listen = NonNullable<Transport['listen']>;

/** Changes what `dial` gives. */
export function onDial(change: (near: Duplex) => Duplex | undefined) {
  return (honest: Transport): Transport => ({
    ...honest,
    async dial(address: string, options: DialTransportOptions) {
      const near = (await honest.dial(address, options)) as Duplex;
      return change(near) ?? near;
    },
  });
}

/** Replaces `dial`. */
export function dialing(
  replace: (
    honest: Transport,
    address: string,
    options: DialTransportOptions,
  ) => ReturnType<Transport['dial']>,
) {
  return (honest: Transport): Transport => ({
    ...honest,
    dial: (address, options) => replace(honest, address, options),
  });
}

/** Changes what `onDuplex` gets. */
export function onAccept(change: (far: Duplex, from: RemoteInfo) => RemoteInfo | undefined) {
  return (honest: Transport): Transport => ({
    ...honest,
    listen: (options, onDuplex) =>
      (honest.listen as Listen)(options, (far, from) => onDuplex(far, change(far as Duplex, from) ?? from)),
  });
}

/** Changes the listener; `options` are what it was asked for. */
export function onListen(
  change: (listener: Listener, options: ListenOptions, honest: Transport) => Partial<Listener>,
) {
  return (honest: Transport): Transport => ({
    ...honest,
    async listen(options, onDuplex) {
      const listener = await (honest.listen as Listen)(options, onDuplex);
      return { ...listener, ...change(listener, options, honest) };
    },
  });
}
