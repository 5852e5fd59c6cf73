// Saboteurs of byte streams.
import { Duplex } from 'node:stream';
import { onAccept, onDial, type Saboteurs } from './transport.js';

/** Lets `change` decide what is written instead of each chunk. */
function rewriting(change: (chunk: Uint8Array, write: (chunk: Uint8Array) => boolean) => boolean) {
  return onDial((near) => {
    const write = near.write.bind(near) as (chunk: Uint8Array) => boolean;
    near.write = ((chunk: Uint8Array) => change(chunk, write)) as typeof near.write;
    return undefined;
  });
}

/** Every fiftieth chunk comes after its successor. */
function reorders() {
  return onDial((near) => {
    const write = near.write.bind(near) as (chunk: Uint8Array) => boolean;
    let held: Uint8Array | undefined;
    let count = 0;
    near.write = ((chunk: Uint8Array) => {
      if (++count % 50 === 0) {
        held = chunk;
        return true;
      }
      const free = write(chunk);
      if (held !== undefined) write(held);
      held = undefined;
      return free;
    }) as typeof near.write;
    return undefined;
  });
}

/** Hands out all chunks of 100 bytes in one and the same piece of memory. */
function reusesItsBuffer() {
  return onAccept((far) => {
    const memory = Buffer.alloc(100);
    const push = far.push.bind(far);
    far.push = (chunk: Uint8Array | null) => {
      if (chunk === null) return push(null);
      if (chunk.length !== memory.length) return push(chunk);
      memory.set(chunk);
      return push(memory.subarray());
    };
    return undefined;
  });
}

/** Throws away what arrives before the first listener. */
function losesWhatIsEarly() {
  return onAccept((far) => {
    const push = far.push.bind(far);
    far.push = (chunk: Uint8Array | null) =>
      chunk !== null && chunk.length === 1000 && far.listenerCount('data') === 0 ? true : push(chunk);
    return undefined;
  });
}

const writeTo = Duplex.prototype.write as (this: Duplex, chunk: Uint8Array) => boolean;

/** From the ninth connection on, echoes go to somebody else. */
function mixesConnections() {
  const all: Duplex[] = [];
  return onAccept((far) => {
    all.push(far);
    const write = far.write.bind(far) as (chunk: Uint8Array) => boolean;
    far.write = ((chunk: Uint8Array) => {
      const other = all[8];
      const victim = all.length === 16 && far === all[9] && chunk.length === 500 && other !== undefined;
      return victim ? writeTo.call(other, chunk) : write(chunk);
    }) as typeof far.write;
    return undefined;
  });
}

export const streamSaboteurs: Saboteurs = {
  'bytes arrive whole and in order, both ways at once': reorders(),
  'one large write arrives whole, both ways': rewriting((chunk, write) =>
    write(chunk.length > 512 * 1024 ? chunk.slice(0, 512 * 1024) : chunk),
  ),
  'a view is sent as exactly its bytes': rewriting((chunk, write) =>
    write(new Uint8Array(chunk.buffer as ArrayBuffer)),
  ),
  'received chunks stay as they are': reusesItsBuffer(),
  'what arrives before anybody listens is kept': losesWhatIsEarly(),
  'many connections at once, each with its own bytes': (honest) => mixesConnections()(honest),
  'a paused reader gets nothing until it resumes': onAccept((far) => {
    far.pause = () => far;
    return undefined;
  }),
  'a reader that does not read holds the writer back': onDial((near) => {
    // Takes everything at once, however much, and hands it over when there is room.
    const write = near.write.bind(near) as (chunk: Uint8Array) => boolean;
    near.write = ((chunk: Uint8Array) => {
      write(chunk);
      return true;
    }) as typeof near.write;
    return undefined;
  }),
  'drain comes when the reader goes on, and nothing was lost': onDial((near) => {
    const emit = near.emit.bind(near);
    near.emit = ((event: string, ...args: unknown[]) => event === 'drain' || emit(event, ...args)) as never;
    return undefined;
  }),
  'end arrives after all the data': onDial((near) => {
    const end = near.end.bind(near);
    // An end that overtakes: what still waits is thrown away.
    near.end = (() => {
      if (near.writableLength > 0) near.destroy();
      return end();
    }) as typeof near.end;
    return undefined;
  }),
  'after an end both sides close: once, and as the last event': onDial((near) => {
    near.once('close', () => setImmediate(() => near.emit('close')));
    return undefined;
  }),
  'destroy is seen at the other side': onDial((near) => {
    const destroy = near.destroy.bind(near);
    near.destroy = (error?: Error) => {
      if (near.writableEnded) return destroy(error); // that is the end of the stream, which is another promise
      const { other } = near as unknown as { other: Duplex };
      const real = other.destroy;
      // The one call that would tell it; by count, since a timer may come before it on a busy machine.
      other.destroy = () => {
        other.destroy = real;
        return other;
      };
      destroy(error);
      return near;
    };
    return undefined;
  }),
  'writing to what is destroyed does not throw': onDial((near) => {
    const write = near.write.bind(near) as (chunk: Uint8Array) => boolean;
    near.write = ((chunk: Uint8Array) => {
      if (near.destroyed) throw new Error('write after destroy');
      return write(chunk);
    }) as typeof near.write;
    return undefined;
  }),
};
