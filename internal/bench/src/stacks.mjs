// The two stacks that are compared, behind one shape: secured, multiplexed connections over loopback TCP, both ends in
// this process. `connect()` resolves with a pair of ends whose channel is open on both sides.
import { once } from 'node:events';
import net from 'node:net';
import SecretStream from '@hyperswarm/secret-stream';
import { createCrypto, secure } from '@peernet/connection';
import Protomux from 'protomux';

/** One listening socket; `accept` gets what connects to it. */
async function listening(accept) {
  const server = net.createServer({ noDelay: true }, accept);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

/** Calls waiting for their other half. */
class Rendezvous {
  #values = [];
  #waiting = [];

  put(value) {
    const next = this.#waiting.shift();
    if (next) next(value);
    else this.#values.push(value);
  }

  take() {
    if (this.#values.length > 0) return Promise.resolve(this.#values.shift());
    return new Promise((resolve) => this.#waiting.push(resolve));
  }
}

/** peernet's connection. `strangers`: so many clients that have never been met, so that no signature is cached. */
export async function ours({ strangers = 0 } = {}) {
  const [serverCrypto, clientCrypto] = [createCrypto(), createCrypto()];
  const unmet = Array.from({ length: strangers }, () => createCrypto());
  const links = new Rendezvous();
  const streams = new Rendezvous();
  const accepted = new Rendezvous();
  const onOpen = (channel) =>
    channel.kind === 'stream' ? streams.put(channel.stream()) : links.put(channel.link());
  const common = { scope: 'loopback', network: '' };
  const server = await listening((socket) => {
    secure(socket, { ...common, crypto: serverCrypto, role: 'responder', onOpen }).then(
      (c) => accepted.put(c),
      () => {},
    );
  });
  const { port } = server.address();
  return {
    name: strangers > 0 ? 'peernet, first contact' : 'peernet',
    async connect() {
      const socket = net.connect({ port, host: '127.0.0.1', noDelay: true });
      await once(socket, 'connect');
      const crypto = unmet.pop() ?? clientCrypto;
      const [connection, far] = await Promise.all([
        secure(socket, { ...common, crypto, role: 'initiator', onOpen: (channel) => channel.reject() }),
        accepted.take(),
      ]);
      const link = connection.link('bench');
      const farLink = await links.take();
      return {
        /** Sends a message; false: wait for `drain`. */
        send: (bytes) => link.send(bytes, 'control'),
        receive(onMessage, onDrain) {
          link.open({ onMessage() {}, onDrain, onClose() {} });
          farLink.open({ onMessage, onDrain() {}, onClose() {} });
        },
        async stream() {
          const near = connection.open('app/bench');
          return [near, await streams.take()];
        },
        async close() {
          connection.close('DONE');
          far.close('DONE');
          await Promise.all([connection.closed, far.closed]);
        },
      };
    },
    close: () => new Promise((done) => server.close(done)),
  };
}

/** @hyperswarm/secret-stream with protomux. */
export async function theirs() {
  const keys = [SecretStream.keyPair(), SecretStream.keyPair()];
  const accepted = new Rendezvous();
  const server = await listening((socket) => {
    socket.on('error', () => {});
    const stream = new SecretStream(false, socket, { keyPair: keys[0] });
    stream.on('error', () => {});
    accepted.put(stream);
  });
  const { port } = server.address();
  const channelOf = (mux, onMessage, onOpen) => {
    const channel = mux.createChannel({ protocol: 'bench', onopen: onOpen });
    const message = channel.addMessage({ encoding: raw, onmessage: onMessage });
    channel.open();
    return message;
  };
  return {
    name: 'secret-stream + protomux',
    async connect() {
      const socket = net.connect({ port, host: '127.0.0.1', noDelay: true });
      const near = new SecretStream(true, socket, { keyPair: keys[1] });
      near.on('error', () => {});
      const far = await accepted.take();
      let receive = () => {};
      const [nearMux, farMux] = [new Protomux(near), new Protomux(far)];
      let message;
      await Promise.all([
        new Promise((done) => {
          message = channelOf(nearMux, () => {}, done);
        }),
        new Promise((done) => {
          channelOf(farMux, (bytes) => receive(bytes), done);
        }),
      ]);
      return {
        send: (bytes) => message.send(bytes),
        receive(onMessage, onDrain) {
          receive = onMessage;
          near.on('drain', onDrain);
        },
        // protomux has messages only: its stream figure is the encrypted stream itself.
        stream: async () => [near, far],
        async close() {
          const gone = [near, far].map((stream) => new Promise((done) => stream.on('close', done)));
          near.destroy();
          far.destroy();
          await Promise.all(gone);
        },
      };
    },
    close: () => new Promise((done) => server.close(done)),
  };
}

/** compact-encoding's `raw`, written out: the bytes and nothing else. */
const raw = {
  preencode(state, bytes) {
    state.end += bytes.byteLength;
  },
  encode(state, bytes) {
    state.buffer.set(bytes, state.start);
    state.start += bytes.byteLength;
  },
  decode(state) {
    const bytes = state.buffer.subarray(state.start, state.end);
    state.start = state.end;
    return bytes;
  },
};
